#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

UNIT=luod-update.service

# What the unit's last run said, and luctl in it.
said() {
	journalctl -q -o cat _SYSTEMD_INVOCATION_ID="$(systemctl show -P InvocationID $UNIT)"
}

fails_with() {
	t_not "the unit fails" systemctl start $UNIT
	is "$(systemctl show -P Result,ExecMainStatus --value $UNIT | paste -sd' ')" \
		"exit-code $1" "... with luctl's exit code"
	like "$(said)" "$2" "... and its journal says why"
	diag "$(said)"
	systemctl reset-failed $UNIT
}

case $LAB_CASE in
*-systemd) configure '[Update]' Jump=systemd ;;
esac
vmm_start vm1 --size=32M --mode=custody

diag "nothing is loaded"
fails_with 7 "luod has loaded no kernel to jump into; see luctl load"
is "$(property State)" idle "nothing has begun"

diag "a guest vetoes"
load
vmm_start veto --size=8M --veto=migration-under-way
fails_with 4 "veto.*migration-under-way"
went_on vm1
wait_state loaded
vmm_gone veto

diag "nothing stands in the way"
jump systemctl start $UNIT

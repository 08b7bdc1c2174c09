#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

is "$(readlink "/proc/$(systemctl show -P MainPID luod)/exe")" /usr/lib/luod/luod "the usual luod runs"
like "$(journalctl -b -u luod -o cat)" \
	"The handover record is not usable.*sessions are known by their names only" "the journal says what it lacks"
like "$(journalctl -b -u luod -o cat)" "Session 0/vm2 is not in the handover record" "... and for whom"
reclaimed vm1
is "$(property State)" restoring "vm2 is missing"
is "$(session_get vm2 State)" unclaimed "it is known by its name"
is "$(session_get vm2 Unit)|$(session_get vm2 ClaimPolicy)|$(session_get vm2 Resources)" "|uid|0" \
	"... but not its unit or what is in it"
luctl sessions | diag

like "$(setpriv --reuid=65534 --clear-groups gdbus call --system --dest org.luod1 \
	--object-path /org/luod1 --method org.luod1.Manager.ClaimSession vm2 '{}' 2>&1)" \
	NoSuchSession "another uid does not get it"
t "a process of the owner's uid comes for it" systemd-run --quiet --unit=again -p Type=notify \
	/usr/lib/lab/lu-vmm --name=vm2 --state-file=/run/vmm-again
reclaimed again
is "$(session_get vm2 Unit)" again.service "it is that one's now"

wait_state degraded
keeper_holds 0
like "$(luctl status)" "degraded" "luctl status says so"
luctl status | diag
is "$(luctl timeline --json | jq -r .update.result)" degraded "history says so"
like "$(luctl timeline --json | jq -r .update.error)" "Not everything came through: the handover record" "... and why"
is "$(luctl timeline --json | jq -r '.update.reason + " " + (.update.uid | tostring)')" "unreadable 0" \
	"... and from the disk why it was begun, and by whom"

diag "and on"
load
t "nothing stands in the way of the next update" luctl check
t "vm2's unit is to claim it after the jump" systemctl enable vmm@vm2
jump luctl update --jump=direct --reason="readable"

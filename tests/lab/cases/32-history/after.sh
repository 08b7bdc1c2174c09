#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

newest() {
	luctl history --json -n1 | jq -r ".updates[0].\"$1\""
}

reclaimed vm1
wait_state idle
is "$(newest result)" "done" "the history has the first update"
is "$(newest unit)" ops.service "... and who asked for it, in the kernel before"
load

diag "cancelled"
vmm_start slow --size=8M --slow-ready=600
systemd-run --unit=hasty luctl update --jump=systemd --reason="too early"
vmm_wait vm1 '^ready'
is "$(newest result)" running "the update that runs is listed"
t "an administrator calls it off" luctl cancel --reason="not now"
wait_state loaded
vmm_gone slow
went_on vm1

diag "vetoed, by the unit that updates"
vmm_start veto --size=8M --veto=migration-under-way
t_not "luod-update.service fails" systemctl start luod-update.service
wait_state loaded
vmm_gone veto
went_on vm1
kill_luod "after all that"

diag "and done"
jump luctl update --jump=systemd --reason="second of two"

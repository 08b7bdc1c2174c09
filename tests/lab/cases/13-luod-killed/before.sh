#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation --slow-done=30

kill_luod "while idle"
is "$(property Sessions)" 2 "it knows the sessions again"
like "$(session_get vm1 Resources)" "ram0 memory" "and holds what was in custody"

load
# A guest that takes its time keeps the barrier open.
vmm_start slow --size=8M --slow-ready=600
(
	luctl update --jump=systemd >/run/update.log 2>&1
	echo $? >/run/update.status
) &
t "the barrier is open" wait_for 60 vmm_said vm1 '^ready'
keeper_holds 4
kill_luod "in the barrier"
wait_state loaded
went_on vm1
went_on vm2
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" failed "history says how it ended"
t "file systems take writes" timeout 20 sync -f /var/lib/luod
t "luctl saw it end" wait_for 60 test -s /run/update.status
is "$(cat /run/update.status)" 8 "... and says that it does not know how"
vmm_gone slow
t "nothing stands in the way" luctl check
# The owners must not come back before luod has been killed once more.
systemctl disable vmm@vm1 vmm@vm2
jump luctl update --jump=systemd

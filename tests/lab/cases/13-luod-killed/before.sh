#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation

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
vmm_wait vm1 '^cancelled'
vmm_wait vm2 '^cancelled'
keeper_holds 0
t_not "guest vm1 found nothing amiss" vmm_said vm1 'corrupt|failed'
t_not "guest vm2 found nothing amiss" vmm_said vm2 'corrupt|failed'
is "$(luctl timeline --json | jq -r .update.result)" failed "history says how it ended"
t "luctl saw it end" wait_for 60 test -s /run/update.status
t_not "... and says that it failed" grep -qx 0 /run/update.status

t "the slow guest goes away" systemctl disable --now vmm@slow
t "its session is closed" busctl call org.luod1 "$(session_path slow)" org.luod1.Session Close
t "nothing stands in the way" luctl check
# The owners must not come back before luod has been killed once more.
systemctl disable vmm@vm1 vmm@vm2
jump luctl update --jump=systemd

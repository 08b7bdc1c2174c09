#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# The host is what it was before the update began.
host_is_back() {
	t "what was stopped is started again" wait_for 120 units_are_back "$units"
	t "the system runs as before" wait_for 120 system_is "$system"
	t_not "the quiesced host's target is gone" systemctl is-active luod-quiesce.target
	t "file systems take writes" timeout 20 sh -c 'date >/var/lib/luod/written && sync -f /var/lib/luod'
	keeper_holds 0
	is "$(luctl timeline --json | jq -r .update.result)" failed "history says how it ended"
	like "$(luctl timeline --json | jq -r .update.error)" "luod was restarted" "... and why"
	t "nothing stands in the way of the next" luctl check
}

luctl_lost_sight() {
	t "luctl saw it end" wait_for 60 test -s /run/update.status
	is "$(cat /run/update.status)" 8 "... and says that it does not know how"
}

traced() {
	! grep -q '^TracerPid:.0$' "/proc/$luod/status"
}

# In reboot(2), says the number of the call.
at_the_gate() {
	[ "$(cut -d' ' -f1 "/proc/$luod/syscall")" = 169 ]
}

lazy_service
vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
load
units=$(active_units)
system=$(systemctl is-system-running --wait)

diag "while services are being stopped"
t "a service that stops slowly runs" systemctl start lazy
update_begins
t "services are being stopped" wait_for 60 lazy_is deactivating
kill_luod "while services are being stopped"
wait_state loaded
t_not "no guest was asked" vmm_said vm1 '^prepare'
t "the slow service goes away" systemctl stop lazy
host_is_back
luctl_lost_sight
t "guest vm1 runs" memory_moves vm1
t "guest vm2 runs" memory_moves vm2

diag "while the last guest is waited for"
vmm_start slow --size=8M --slow-ready=600
units=$(active_units)
update_begins
t "the barrier is open" wait_for 120 vmm_said vm1 '^ready'
t_not "other services are stopped" systemctl is-active --quiet systemd-logind.service
keeper_holds 4
kill_luod "in the quiesced host"
wait_state loaded
went_on vm1
went_on vm2
host_is_back
luctl_lost_sight
vmm_gone slow

diag "with file systems frozen, at the gate of the jump"
units=$(active_units)
luod=$(systemctl show -P MainPID luod)
# The call that does not return is held up at its entry, for long enough to kill the caller.
strace -q -o /run/strace -e trace=reboot -e inject=reboot:delay_enter=120s -p "$luod" &
tracer=$!
t "luod is traced" wait_for 20 traced
update_begins
t "luod has called reboot(2)" wait_for 120 at_the_gate
# Whoever writes now cannot be interrupted.
mkdir /var/lib/luod/frozen &
sleep 2
t_not "file systems take no writes" test -e /var/lib/luod/frozen
# In this order: a caller without its tracer goes on, and jumps.
t "luod is killed with file systems frozen" kill -KILL "$luod" "$tracer"
t "it is started again" wait_for 60 is_another luod "$luod"
t "luod answers" wait_for 60 luctl status
wait_state loaded
went_on vm1
went_on vm2
host_is_back
t "what waited for the file system went through" test -d /var/lib/luod/frozen

jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

cancel() {
	t "an administrator calls it off" luctl cancel --reason="$1"
	t "luctl update ends" wait_for 60 test -s /run/update.status
	is "$(cat /run/update.status)" 4 "... with the exit code of an update that was called off"
	wait_state loaded
	keeper_holds 0
	t "what was stopped is started again" wait_for 120 units_are_back "$units"
	t "the system runs as before" wait_for 120 system_is "$system"
	is "$(luctl timeline --json | jq -r .update.result)" cancelled "history says so"
	like "$(luctl timeline --json | jq -r .update.error)" "$1" "... and why"
}

called_off() {
	luctl update --jump=systemd >/run/update.log 2>&1
	is $? 4 "the update is called off"
	like "$(luctl timeline --json | jq -r .update.error)" "$1" "history has the reason"
	went_on vm1
	went_on vm2
	wait_state loaded
	keeper_holds 0
}

lazy_service
vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
load

t "a service that stops slowly runs" systemctl start lazy
units=$(active_units)
system=$(systemctl is-system-running --wait)

diag "cancelled while other services are being stopped"
update_begins
t "services are being stopped" wait_for 60 lazy_is deactivating
cancel "wrong host"
t_not "no guest was asked" vmm_said vm1 '^prepare'
t "guest vm1 runs" memory_moves vm1
t "guest vm2 runs" memory_moves vm2
t "the slow service goes away" systemctl stop lazy

diag "cancelled in the barrier of a direct jump"
vmm_start slow --size=8M --slow-ready=600
units=$(active_units)
update_begins
t "the barrier is open" wait_for 120 vmm_said vm1 '^ready'
t_not "other services are stopped" systemctl is-active --quiet systemd-logind.service
cancel "on second thoughts"
went_on vm1
went_on vm2
vmm_gone slow

diag "a required session vetoes"
vmm_start veto --size=8M --veto=migration-under-way
called_off "migration-under-way"
vmm_gone veto

diag "a required session says nothing"
configure '[Update]' ReadyTimeout=5s
vmm_start slow --size=8M --slow-ready=600
called_off "slow.*Ready"
vmm_gone slow

diag "best-effort sessions are left behind, the others go"
vmm_start veto --size=8M --veto=not-me --policy=best-effort
jump luctl update --jump=direct

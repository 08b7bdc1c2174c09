#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

went_on() {
	vmm_wait "$1" '^cancelled'
	t_not "guest $1 found nothing amiss" vmm_said "$1" 'corrupt|failed'
	t "its memory is still written" memory_moves "$1"
	: >"/run/vmm-$1"
}

mkdir -p /etc/luod/lu.conf.d
vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
load

diag "cancelled in the barrier of a direct jump"
vmm_start slow --size=8M --slow-ready=600
units=$(active_units)
(
	luctl update --jump=direct >/run/update.log 2>&1
	echo $? >/run/update.status
) &
t "the barrier is open" wait_for 120 vmm_said vm1 '^ready'
t_not "other services are stopped" systemctl is-active --quiet systemd-logind.service
t "an administrator calls it off" luctl cancel --reason="on second thoughts"
t "luctl update ends" wait_for 60 test -s /run/update.status
is "$(cat /run/update.status)" 4 "... with the exit code of an update that was called off"
went_on vm1
went_on vm2
wait_state loaded
keeper_holds 0
t "what was stopped is started again" wait_for 120 units_are_back "$units"
is "$(luctl timeline --json | jq -r .update.result)" cancelled "history says so"
t "the slow guest goes away" systemctl disable --now vmm@slow
t "its session is closed" busctl call org.luod1 "$(session_path slow)" org.luod1.Session Close

diag "a required session vetoes"
vmm_start veto --size=8M --veto=migration-under-way
t_not "the update does not take place" luctl update --jump=systemd
like "$(luctl timeline --json | jq -r .update.error)" "migration-under-way" "history has the reason"
went_on vm1
went_on vm2
keeper_holds 0
t "the guest goes away" systemctl disable --now vmm@veto
t "its session is closed" busctl call org.luod1 "$(session_path veto)" org.luod1.Session Close

diag "a required session says nothing"
printf '[Update]\nReadyTimeout=5s\n' >/etc/luod/lu.conf.d/50-case.conf
t "luod reads lu.conf again" systemctl reload luod
vmm_start slow --size=8M --slow-ready=600
t_not "the update does not take place" luctl update --jump=systemd
like "$(luctl timeline --json | jq -r .update.error)" "slow.*Ready" "history says who was late"
went_on vm1
went_on vm2
t "the guest goes away" systemctl disable --now vmm@slow
t "its session is closed" busctl call org.luod1 "$(session_path slow)" org.luod1.Session Close

diag "best-effort sessions are left behind, the others go"
vmm_start veto --size=8M --veto=not-me --policy=best-effort
jump luctl update --jump=direct

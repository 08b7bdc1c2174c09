#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

owner_is() {
	[ "$(session_get "$1" OwnerConnected)" = "$2" ]
}

# An update in the background, as far as its barrier; then one owner dies in it.
owner_dies() {
	rm -f /run/update.status
	(
		luctl update --jump=systemd >/run/update.log 2>&1
		echo $? >/run/update.status
	) &
	vmm_wait "$1" '^prepare'
	t "guest $1 is killed" systemctl kill --signal=SIGKILL "vmm@$1"
	t "luod sees its owner go" wait_for 60 owner_is "$1" false
	is "$(session_get "$1" State)" preparing "... and waits for somebody in its place"
}

remember_memory
configure '[Update]' ReadyTimeout=10s MaxReadyTimeout=40s
vmm_start vm1 --size=32M --mode=custody
load

diag "the owner of a required session dies while the update waits for it"
vmm_start dead --size=8M --slow-ready=600
owner_dies dead
t "luctl update ends" wait_for 120 test -s /run/update.status
is "$(cat /run/update.status)" 4 "... as one that was called off"
like "$(luctl timeline --json | jq -r .update.error)" "dead: its owner is gone" "history says why"
went_on vm1
wait_state loaded
keeper_holds 0
like "$(luctl check)" "session-owner-gone" "the check finds it before the next one"
vmm_gone dead

diag "one that asks for more time than there is gets what there is"
vmm_start patient --size=8M --slow-ready=600 --ready-timeout=3600
is "$(session_get patient ReadyTimeout)" 3600000000 "it asks for an hour"
t_not "the update is called off" luctl update --jump=systemd
is "$(luctl timeline --json | jq '[.marks[].name] | contains(["memory"]) and (contains(["barrier"]) | not)')" \
	true "... in the barrier"
like "$(luctl timeline --json | jq -r .update.error)" "patient: its owner did not say Ready in time" \
	"history says for whom it waited"
went_on vm1
vmm_gone patient

diag "best-effort sessions whose owner dies or hangs are left behind; one that takes its time comes along"
vmm_start dead2 --size=8M --slow-ready=600 --policy=best-effort
vmm_start slow --size=8M --slow-ready=20 --ready-timeout=35
vmm_start hung --size=256M --mode=delegation --slow-ready=600 --policy=best-effort
systemctl disable vmm@dead2 vmm@hung
# It has preserved its memory and will neither hear that it is left behind nor let go.
(
	wait_for 120 grep -q '^preserved' /run/vmm-hung
	systemctl kill --signal=SIGSTOP vmm@hung
) &

diag "a required one whose owner comes back is asked again"
mkdir -p /etc/systemd/system/vmm@back.service.d
printf '[Service]\nRestart=always\nRestartSec=1\n' >/etc/systemd/system/vmm@back.service.d/case.conf
systemctl daemon-reload
vmm_start back --size=8M --slow-ready=600 --ready-timeout=35
echo "VMM_ARGS=--size=8M" >/etc/vmm/back # the next one takes no time
(
	wait_for 120 grep -q '^prepare' /run/vmm-back
	systemctl kill --signal=SIGKILL vmm@back
	wait_for 60 grep -q '^ready' /run/vmm-back
	cp /run/vmm-back /lab/state/back
) &
(
	wait_for 120 grep -q '^prepare' /run/vmm-dead2
	systemctl kill --signal=SIGKILL vmm@dead2
) &
jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

LATE=120

# mark NAME of the timeline, in seconds since the update began
seconds_at() {
	luctl timeline --json | jq -r ".marks[] | select(.name == \"$1\") | .\"usec\" / 1000000 | floor"
}

luod_is_late() {
	[ "$(systemctl show -P ActiveState,SubState luod | paste -sd' ')" = "activating start-pre" ]
}

stored() {
	systemctl show -P NFileDescriptorStore luod-keeper
}

nothing_given() {
	t_not "$1: nobody has got anything" grep -Eq 'claimed|created|corrupt' /run/vmm-vm1 /run/vmm-vm2
}

t "luod is not up yet" luod_is_late
t "the keeper is" systemctl is-active luod-keeper
keeper_holds 3
stored=$(stored)
nothing_given "at the start"

diag "minutes pass"
t "an owner that gives up in the meantime" wait_for 120 vmm_said vm2 '^failed no session'
luctl --address=unix:path=/run/luod/bus status >/run/status 2>&1
is $? 5 "luctl finds nobody"
like "$(cat /run/status)" "timed out. Is luod running" "... and says so"
diag </run/status
t "they pass" sleep $LATE
t "luod is still not up" luod_is_late
is "$(systemctl show -P SubState vmm@vm1)" start "an owner that waits still waits"
t "another was started again and again" test "$(systemctl show -P NRestarts vmm@vm2)" -ge 2
keeper_holds 3
is "$(stored)" "$stored" "PID 1 holds what it held"
keeper=$(systemctl show -P MainPID luod-keeper)
t "the keeper is killed meanwhile" kill -KILL "$keeper"
t "it is started again" wait_for 60 is_another luod-keeper "$keeper"
keeper_holds 3
nothing_given "at the end"

diag "luod starts"
touch /run/luod-may-start
wait_state idle
for vm in vm1 vm2; do
	vmm_wait $vm '^claimed' && vmm_wait $vm '^verified' && vmm_wait $vm '^done'
	t_not "guest $vm found nothing amiss" vmm_said $vm corrupt
	t "guest $vm goes on" memory_moves $vm
done
keeper_holds 0
is "$(luctl timeline --json | jq -r '.update.result + " " + .update.reason')" "done late" \
	"the update is done"
like "$(luctl sessions --json | jq -r '[.sessions[] | .name + " " + .state] | sort | join(", ")')" \
	"^vm1 idle, vm2 idle$" "both sessions are with their owners"

timeline
t "the timeline tells how late luod was" test \
	$(($(seconds_at luod) - $(seconds_at keeper))) -ge $LATE
t "... and that the guests had to wait for it" test \
	"$(luctl timeline --json | jq '.update."blackout-usec" / 1000000 | floor')" -ge $LATE

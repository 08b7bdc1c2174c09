#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# $1 came back, with its device.
crossed() {
	reclaimed "$1"
	t "it has its device back" vmm_said "$1" "^taken back $2"
	t "which has worked while nobody looked" vmm_said "$1" '^meanwhile [1-9][0-9]* frames'
	device_works "$1" 1000
	diag <"/run/vmm-$1"
}

left_behind() {
	luctl timeline --json | jq -r '.update."left-behind"[] | "\(.uid)/\(.name) (\(.unit)): \(.why)"'
}

crossed vm1 "$LAB_DEVICE"
case $LAB_CASE in
*-both)
	crossed vm2 "$LAB_SECOND"
	wait_state idle
	is "$(left_behind)" "" "nobody was left behind"
	;;
*)
	uid=$(cat /lab/state/uid)
	wait_state idle
	diag "in the old kernel, when the one had vetoed and the other was not ready yet"
	diag </lab/state/left-behind
	is "$(paste -sd, /lab/state/left-behind)" \
		"left-behind,its owner vetoed: busy,its guest runs,its device works,preparing" \
		"who vetoed was left behind, and went on until the jump"
	is "$(left_behind)" "$uid/vm2 (vmm@vm2.service): its owner vetoed: busy" \
		"history says who was left behind, and why"
	like "$(journalctl -b -u luod -o cat)" "1 session was left behind: $uid/vm2 \(its owner vetoed: busy\)" \
		"so does the journal"
	like "$(luctl history)" "1 left behind" "... and the list of updates"
	is "$(luctl sessions --json | jq '[.sessions[] | select(.name == "vm2")] | length')" 0 \
		"it is no session here"
	;;
esac
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

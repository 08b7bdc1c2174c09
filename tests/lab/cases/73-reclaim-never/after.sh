#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# In MiB, of what was free before there was a guest of 256, and 80 for its device. What a kernel
# leaves aside for owners of handed over memory is not free, either.
taken() {
	echo $(($(cat /lab/state/memory) - $(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)))
}

freed() {
	[ "$(taken)" -lt 168 ]
}

masters_bus() {
	[ $(($(od -An -tu1 -j4 -N1 "/sys/bus/pci/devices/$LAB_DEVICE/config") & 4)) -ne 0 ]
}

session_is_gone() {
	! luctl sessions vm1
}

case $LAB_CASE in
*-hold)
	sleep 40
	is "$(session_get vm1 State)" unclaimed "the session is held"
	luctl sessions vm1 | diag
	t "the device goes on" masters_bus
	t_not "its memory is held" freed
	diag "$(taken) MiB are taken"
	luctl status | diag
	;;
*)
	t "the session is given up" wait_for 120 session_is_gone
	luctl status | diag
	t_not "the device is stopped" masters_bus
	t "its memory is free" wait_for 30 freed
	diag "$(taken) MiB are taken"
	;;
esac
timeline

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# In MiB, of what was free before there was a guest of 256, and 80 for its device. What a kernel
# leaves aside for owners of handed over memory is not free, either.
freed() {
	[ "$(memory_taken)" -lt 168 ]
}

session_is_gone() {
	! luctl sessions vm1
}

case $LAB_CASE in
*-hold)
	sleep 40
	is "$(session_get vm1 State)" unclaimed "the session is held"
	luctl sessions vm1 | diag
	t "the device goes on" masters_bus "$LAB_DEVICE"
	t_not "its memory is held" freed
	diag "$(memory_taken) MiB are taken"
	luctl status | diag
	;;
*)
	t "the session is given up" wait_for 120 session_is_gone
	luctl status | diag
	t_not "the device is stopped" masters_bus "$LAB_DEVICE"
	t "its memory is free" wait_for 30 freed
	sleep 10 # in which it must not write, although frames arrive
	diag "$(memory_taken) MiB are taken"
	;;
esac
timeline

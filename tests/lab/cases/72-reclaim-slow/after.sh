#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

wait_state restoring
is "$(session_get vm1 State)" unclaimed "nobody has come for the session"
t_not "no VMM runs" systemctl is-active vmm@vm1
sleep 15
is "$(session_get vm1 State)" unclaimed "... nor later"
state_is restoring
is $? 0 "luod waits for its owner"
t "the VMM is started" systemctl start vmm@vm1
reclaimed vm1
t "it has its device back" vmm_said vm1 "^taken back $LAB_DEVICE"
t "which has worked all the time" vmm_said vm1 '^meanwhile [1-9][0-9]{3,} frames'
device_works vm1 1000
diag </run/vmm-vm1
wait_state idle
timeline

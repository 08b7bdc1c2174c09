#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
t "luod attached its device to new page tables" vmm_said vm1 "^reattached $LAB_DEVICE"
device_works vm1 200
wait_state idle
keeper_holds 0
load
t "nothing stands in the way of the next" luctl check
mark jump
jump luctl update --jump=direct --reason="back"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

t "the VMM gave its device up before the jump" grep -q "^released $LAB_DEVICE" /lab/state/vmm
vfio_take "$LAB_DEVICE"
t "the VMM is started" systemctl start vmm@vm1
reclaimed vm1
t "the device begins anew" vmm_said vm1 "^device $LAB_DEVICE works"
device_works vm1 500
wait_state idle
timeline

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=64M --mode=delegation --device="$LAB_DEVICE" --parked=2 --tell-phases \
	--before-ready=/usr/lib/lab/look --before-done=/usr/lib/lab/look
device_works vm1 1000
load
t "nothing stands in the way" luctl check
mark jump
jump luctl update --reason="a device goes on"

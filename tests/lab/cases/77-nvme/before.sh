#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vfio_take "$LAB_DEVICE"
case $LAB_CASE in
*-delegation) how=(--mode=delegation) ;;
*) how=(--mode=custody --exit-after-preserved) ;;
esac
vmm_start vm1 --size=64M --device="$LAB_DEVICE" --parked=2 --tell-phases \
	--before-ready=/usr/lib/lab/look --before-done=/usr/lib/lab/look "${how[@]}"
vmm_wait vm1 "^device $LAB_DEVICE works"
device_works vm1 50
load
t "nothing stands in the way" luctl check
jump luctl update --reason="a disk goes on"

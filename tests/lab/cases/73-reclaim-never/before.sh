#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

case $LAB_CASE in
*-hold) policy=hold ;;
*) policy=finish ;;
esac
remember_memory
vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=256M --mode=custody --device="$LAB_DEVICE" --tell-phases \
	--exit-after-preserved --unclaimed-policy=$policy --claim-timeout=20
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 200
t "it will not be started by systemd" systemctl disable vmm@vm1
load
jump luctl update --reason="a VMM does not come back"

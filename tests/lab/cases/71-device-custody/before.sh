#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# What its VMM says is kept over the jump.
ln -s /lab/state/vmm /run/vmm-vm1
vfio_take "$LAB_DEVICE"
how=--parked=2
jump=direct
case $LAB_CASE in
*-reattach) how=--reattach ;;
*-systemd) jump=systemd ;;
esac
vmm_start vm1 --size=64M --mode=custody --device="$LAB_DEVICE" --tell-phases --exit-after-preserved \
	--before-ready=/usr/lib/lab/look --before-done=/usr/lib/lab/look "$how"
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 1000
load
t "nothing stands in the way" luctl check
mark jump
jump luctl update --jump=$jump --reason="a device goes on without its VMM"

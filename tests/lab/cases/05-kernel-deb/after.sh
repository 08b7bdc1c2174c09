#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
like "$(cat /sys/kernel/liveupdate/abi)" vfio-pci "the package's kernel can carry devices"
case $LAB_CASE in
*-device)
	t "its device is attached to new page tables" vmm_said vm1 "^taken back $LAB_DEVICE"
	device_works vm1 500
	load --initrd="$LAB_DIR/build/initrd"
	;;
*) load ;;
esac
t "nothing stands in the way" luctl check
mark jump
jump luctl update --jump=direct --reason="out of the package's kernel"

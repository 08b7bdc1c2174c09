#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

rm -f "$LAB_NEXT"
t "the package installs" dpkg --install "$LAB_DIR/build/linux-image.deb"
t "it brings the kernel" test -s "$LAB_NEXT"
t "it brings modules for it" test -d "/usr/lib/modules/${LAB_NEXT#*vmlinuz-}/kernel"
case $LAB_CASE in
*-device)
	vfio_take "$LAB_DEVICE"
	vmm_start vm1 --size=64M --mode=custody --device="$LAB_DEVICE" --tell-phases
	vmm_wait vm1 "^attached $LAB_DEVICE"
	device_works vm1 500
	;;
*) vmm_start vm1 --size=64M --mode=custody ;;
esac
vmm_start vm2 --size=16M --mode=delegation
load --initrd="$LAB_DIR/build/initrd"
t "nothing stands in the way" luctl check
mark jump
jump luctl update --jump=direct --reason="into the package's kernel"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
like "$(tail -n 1 /lab/state/vmm)" '^all preserved' "the VMM ended when all was preserved"
case $LAB_CASE in
*-reattach) t "luod attached its device to new page tables" vmm_said vm1 "^reattached $LAB_DEVICE" ;;
esac
t "it has its device back" vmm_said vm1 "^taken back $LAB_DEVICE"
t "which has worked while nobody looked" vmm_said vm1 '^meanwhile [1-9][0-9]* frames'
device_crossed vm1

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
device_works vm1 1000
diag </run/vmm-vm1
resources_crossed 'vm1 ram0 memory 150994944,vm1 iommufd0 iommufd [0-9]+,vm1 device0 device [0-9]+'
wait_state idle
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

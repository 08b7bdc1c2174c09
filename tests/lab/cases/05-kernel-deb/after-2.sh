#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
case $LAB_CASE in
*-device)
	t "its device is attached to new page tables" vmm_said vm1 "^taken back $LAB_DEVICE"
	t "it has worked while nobody looked" vmm_said vm1 '^meanwhile [1-9][0-9]* frames'
	device_works vm1 500
	;;
esac
wait_state idle
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
t "its device is attached to new page tables" vmm_said vm1 "^taken back $LAB_DEVICE"
t "it has worked while nobody looked" vmm_said vm1 '^meanwhile [1-9][0-9]* frames'
device_crossed vm1

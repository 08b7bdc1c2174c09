#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
t "it has its disk back" vmm_said vm1 "^taken back $LAB_DEVICE"
t "which has read while nobody looked" vmm_said vm1 '^meanwhile [1-9][0-9]+ reads'
t "others were still under way then" vmm_said vm1 '^device was given [0-9]+ reads before, [1-9]'
given=$(sed -n 's/^device was given \([0-9]*\) reads before, .*/\1/p' /run/vmm-vm1)
# Its VMM looks only when the disk has interrupted it.
t "all $given of them complete" wait_for 300 _device_is_at vm1 "$given"
device_crossed vm1 50

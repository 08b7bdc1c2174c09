#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

diag ""
diag "The next kernel: $(uname -r). The VMM was started again by systemd and claimed its session."
reclaimed vm1
t "it took its device back" vmm_said vm1 "^taken back $LAB_DEVICE"
diag "  the VMM says:"
sed 's/^/    /' /run/vmm-vm1 | diag
wait_state idle
device_works vm1 1000
diag ""
diag "\$ luctl timeline"
timeline
blackout

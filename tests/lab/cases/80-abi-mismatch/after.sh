#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
t "its device is attached to new page tables" vmm_said vm1 "^taken back $LAB_DEVICE"
t "it has worked while nobody looked" vmm_said vm1 '^meanwhile [1-9][0-9]* frames'
device_works vm1 100
wait_state idle
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
luctl history | diag
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

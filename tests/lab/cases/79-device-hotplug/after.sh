#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/79-device-hotplug/devices.sh
. "$LAB_DIR/devices.sh"

reclaimed vm1
reclaimed vm2
t "its device is attached to new page tables" vmm_said vm1 "^taken back $LAB_DEVICE"
device_works vm1 200
wait_state idle
as_sysfs "$LAB_DEVICE"
is "$(luctl devices --json | jq -r '.devices[].address')" "$LAB_DEVICE" \
	"of the others luod knows nothing before they are VFIO's again"
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

finding() {
	luctl check --json | jq -r ".findings[] | select(.code == \"$1\") | .message"
}

of_device() {
	luctl devices --json | jq -r ".devices[] | select(.address == \"$LAB_DEVICE\") | $1"
}

ln -s /lab/state/vmm /run/vmm-vm1
vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=64M --mode=custody --device="$LAB_DEVICE" --tell-phases
vmm_wait vm1 "^left out $LAB_DEVICE: .*hands over memory, but no devices"
t "the memory is in luod's custody" vmm_said vm1 '^attached$'
like "$(luctl sessions vm1)" ram0 "... and luctl tells of it"
device_works vm1 500
# On its way back it must not look for the device before the case has taken it.
t "it will not be started by systemd" systemctl disable vmm@vm1
load
luctl check >/run/check 2>&1
is $? 3 "luctl check finds what stands in the way"
diag </run/check
like "$(finding device-uncovered)" "Device $LAB_DEVICE is in use by vmm@vm1.service.*--force" \
	"it says who would lose the device, and the way out"
luctl devices | diag
is "$(of_device .preservable)" false "luctl devices says that it cannot be kept"
is "$(of_device '.reasons[].code')" kernel-no-devices "... because of the kernel"
luctl update >/run/update 2>&1
is $? 3 "an update is refused"
like "$(cat /run/update)" device-uncovered "... and luctl says why"
device_works vm1 500
jump luctl update --force --reason="without the device"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# refused CODE WORDS: what is loaded is not jumped into, and no guest was asked for anything
refused() {
	luctl check >/run/check 2>&1
	is $? 3 "luctl check refuses it"
	diag </run/check
	is "$(luctl check --json | jq -r '.findings[] | select(.severity == "error") | .code')" "$1" \
		"... for this one reason"
	like "$(luctl check --json | jq -r ".findings[] | select(.code == \"$1\") | .message")" "$2" \
		"... and names the way out"
	luctl update >/run/update 2>&1
	is $? 3 "luctl update refuses it"
	like "$(cat /run/update)" "$1" "... and says why"
	keeper_holds 0
	t_not "no guest was asked for anything" vmm_said vm1 '^(prepare|cancelled)'
	device_works vm1 60
}

# The next kernel with the running one's name of an ABI in another version.
other_abi() {
	local name other
	name=$(grep "^$1-v[0-9]" /sys/kernel/liveupdate/abi)
	other=$1-v$((${name##*-v} + 1))
	LC_ALL=C sed "s/$name\x00/$other\x00/g" "$LAB_NEXT" >/run/other
	t_not "an image of the ABI $other in the place of $name is made" cmp -s "$LAB_NEXT" /run/other
	t "luctl load takes it" luctl load /run/other
	refused target-device-abi-mismatch \
		"hands devices over in the format $name, and .* reads $other: .*Load a kernel that reads $name"
}

vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=64M --mode=custody --device="$LAB_DEVICE" --tell-phases
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 100
for abi in luod-iommu luod-iommufd luod-vfio-pci; do
	other_abi $abi
done
t "luctl load takes a kernel that knows nothing of devices" luctl load /boot/vmlinuz-*-stock
refused target-no-devices "does not list luod-iommu-v"
load
t "nothing stands in the way of a good one" luctl check
jump luctl update --reason="after others that could not"

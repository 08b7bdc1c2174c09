# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	physical    the name of the card's link
#	functions   how many virtual ones it has, and what it says of each

physical() {
	local device
	for device in /sys/bus/pci/devices/*; do
		if [ "$(cat "$device/vendor" "$device/device" | paste -sd' ')" = "0x8086 0x10c9" ]; then
			ls "$device/net"
			return
		fi
	done
}

functions() {
	cat "/sys/class/net/$(physical)/device/sriov_numvfs"
	ip -j link show dev "$(physical)" | jq -S '.[].vfinfo_list'
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	physical    the name of the card's link
#	virtual N   the name of the link of one of its functions
#	functions_probe   gives all of them to their driver, now and from now on
#	functions   how many virtual ones it has, and what it says of each

physical() {
	ls "/sys/bus/pci/devices/$(pci_address "0x8086 0x10c9")/net"
}

virtual() {
	ls "/sys/class/net/$(physical)/device/virtfn$1/net"
}

functions_probe() {
	local device function
	device=/sys/class/net/$(physical)/device
	echo 1 >"$device/sriov_drivers_autoprobe"
	for function in "$device"/virtfn*; do
		basename "$(readlink "$function")" >/sys/bus/pci/drivers_probe
	done
	udevadm settle
	virtual 0 && virtual 1
}

functions() {
	cat "/sys/class/net/$(physical)/device/sriov_numvfs"
	ip -j link show dev "$(physical)" | jq -S '.[].vfinfo_list'
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	card_address        the card's
#	card_comes          its driver takes it
#	is_there LINK       is the link there?

card_address() {
	local device
	for device in /sys/bus/pci/devices/*; do
		if [ "$(cat "$device/vendor" "$device/device" | paste -sd' ')" = "0x8086 0x10d3" ]; then
			basename "$device"
			return
		fi
	done
}

card_comes() {
	card_address >/sys/bus/pci/drivers/e1000e/bind
	udevadm settle
}

is_there() {
	ip link show dev "$1" >/dev/null 2>&1
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	card_address        the card's
#	card_comes          its driver takes it
#	is_there LINK       is the link there?

card_address() {
	pci_address "0x8086 0x10d3"
}

card_comes() {
	card_address >/sys/bus/pci/drivers/e1000e/bind
	udevadm settle
}

is_there() {
	ip link show dev "$1" >/dev/null 2>&1
}

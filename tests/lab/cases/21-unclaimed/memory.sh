# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	remember_memory      before there is a guest, for this boot and later ones
#	takes_at_most MIB    is no more memory taken since then?

# Two kernels and the moment are good for some difference.
SLACK=100

# What a kernel that was handed memory leaves aside for its owners is not in its MemTotal either.
_available() {
	awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo
}

remember_memory() {
	_available >/lab/state/memory
}

memory_taken() {
	echo $(($(cat /lab/state/memory) - $(_available)))
}

takes_at_most() {
	[ "$(memory_taken)" -lt $(($1 + SLACK)) ]
}

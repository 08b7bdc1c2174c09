# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	address_of VENDOR DEVICE   of the first function with these ids
#	of_device ADDRESS WHAT     from luctl devices
#	as_sysfs ADDRESS           assertion: luctl devices tells of it what sysfs says
#	known ADDRESS              does luod know it?
#	comes ADDRESS CMD...       assertions: it is announced, by that command, and listed
#	goes ADDRESS CMD...        ... or it is no more
#	unplug, plug ADDRESS       assertions: commands for both

PCI=/sys/bus/pci/devices

address_of() {
	local device
	for device in "$PCI"/*; do
		if [ "$(cat "$device/vendor" "$device/device" | paste -sd' ')" = "$1 $2" ]; then
			basename "$device"
			return
		fi
	done
}

of_device() {
	luctl devices --json | jq -r ".devices[] | select(.address == \"$1\") | $2"
}

_link() {
	[ ! -L "$1" ] || basename "$(readlink "$1")"
}

_interrupts() {
	local first
	first=$(find "$1/msi_irqs" -type f 2>/dev/null | head -n 1)
	if [ -n "$first" ]; then
		cat "$first"
	else
		echo none
	fi
}

_facts() {
	local d=$PCI/$1 node
	node=$(cat "$d/numa_node" 2>/dev/null || echo -1)
	printf '%s\n' "driver $(_link "$d/driver")" "node /dev/vfio/devices/$(ls "$d/vfio-dev")" \
		"vendor $(sed s/0x// "$d/vendor")" "product $(sed s/0x// "$d/device")" \
		"class $(sed s/0x// "$d/class")" "group $(_link "$d/iommu_group")" \
		"group-size $(find "$d/iommu_group/devices/" -type l | wc -l)" "iommu $(_link "$d/iommu")" \
		"numa-node ${node/#-1/null}" "physical-function $(_link "$d/physfn")" \
		"virtual-functions $(cat "$d/sriov_numvfs" 2>/dev/null || echo 0)" \
		"power-state $(cat "$d/power_state")" "interrupts $(_interrupts "$d")"
}

as_sysfs() {
	# Power and interrupts no event tells of: a check looks.
	luctl check >/dev/null 2>&1
	is "$(of_device "$1" 'to_entries[1:14][] | "\(.key) \(.value)"' | sort)" \
		"$(_facts "$1" | sort)" "luctl devices tells of $1 what sysfs says"
	_facts "$1" | diag
}

known() {
	[ -n "$(of_device "$1" .address)" ]
}

unknown() {
	! known "$1"
}

_label() {
	printf '%s' "$1" | sed 's|^0|_30|; s|:|_3a|g; s|\.|_2e|g'
}

# How often luod has said so, on its socket.
_heard() {
	grep -c "$1.*$(_label "$2")" /run/monitor
}

_heard_more() {
	[ "$(_heard "$1" "$2")" -gt "$3" ]
}

_happens() {
	local signal=$1 address=$2 before
	shift 2
	before=$(_heard "$signal" "$address")
	"$@"
	t "$signal of $address is heard" wait_for 30 _heard_more "$signal" "$address" "$before"
}

comes() {
	_happens InterfacesAdded "$@"
	t "luctl devices lists $1" known "$1"
}

goes() {
	_happens InterfacesRemoved "$@"
	t "luctl devices does not list $1 any more" unknown "$1"
}

unplug() {
	t "$1 is taken out" sh -c "echo 1 >$PCI/$1/remove"
}

plug() {
	t "$1 is put in" sh -c "echo 1 >/sys/bus/pci/rescan"
	t_not "which is not VFIO's yet" known "$1"
	vfio_take "$1"
}

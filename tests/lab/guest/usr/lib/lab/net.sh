# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the cases about the network handover have in common, on top of luod.sh. A namespace is its name;
# the host's is "".
#
#	pci_address IDS           of the device that has "VENDOR DEVICE", each as sysfs says it
#	net_remember NS...        what ip(8) and bridge(8) see there, for after the jump
#	net_unchanged NS...       assertion: they see the same
#	net_silent                assertion: luod found nothing that it could not, or would not, restore
#	net_before_claim          assertion: the network was restored before the first claim
#	packets_pass FROM TO IP   assertion: from one namespace to that address in another, and back

# shellcheck source=tests/lab/guest/usr/lib/lab/luod.sh
. /usr/lib/lab/luod.sh

pci_address() {
	local device
	for device in /sys/bus/pci/devices/*; do
		if [ "$(cat "$device/vendor" "$device/device" | paste -sd' ')" = "$1" ]; then
			basename "$device"
			return
		fi
	done
}

# Without numbers, timers, what follows from a carrier or a router's advertisement, and a time that each
# kernel's ticks round.
_net_witness() {
	local ns what strip='walk(if type == "object" then del(.ifindex, .link_index, .link_netnsid,
		.hello_timer, .tcn_timer, .topology_change_timer, .gc_timer, .hold_timer, .message_age_timer,
		.forward_delay_timer, .operstate, .state, .port_id, .designated_port, .designated_bridge,
		.designated_cost, .config_pending, .no, .id, .bridge_id, .root_id, .root_port, .mii_status,
		.perm_hwaddr, .link_failure_count, .ad_info, .active_slave, .tentative, .nodad, .num_grp,
		.timer, .used, .updated, .probes, .fdb_n_learned, .mcast_startup_query_intvl)
		elif type == "array" then map(select(. != "NO-CARRIER" and . != "LOWER_UP" and
		. != "linkdown" and (type != "object" or (.ifname | IN("lo", "eth0") | not) and
		.scope != "link" and .dst != "fe80::/64" and
		(.dynamic or .expires or .protocol == "ra" | not)))) | sort
		else . end)'
	for ns; do
		for what in addr "route show table all type unicast" "neigh show nud permanent"; do
			# shellcheck disable=SC2086
			ip ${ns:+-n "$ns"} -d -j $what | jq -S "$strip"
		done
		bridge ${ns:+-n "$ns"} -j vlan | jq -S "$strip"
		bridge ${ns:+-n "$ns"} -j fdb show | jq -S "map(select(.state == \"static\")) | $strip"
	done
}

net_remember() {
	_net_witness "$@" >/lab/state/network
}

net_unchanged() {
	journalctl -b -u luod | grep -i network | diag
	_net_witness "$@" >/run/network
	t "every link, address, route and neighbour is as it was" diff -u /lab/state/network /run/network
}

net_silent() {
	t_not "nothing of it failed" eval 'journalctl -b -u luod | grep -E "Network: .* (is not restored|is left)"'
}

_net_mark() {
	luctl timeline --json | jq ".marks[] | select(.name == \"$1\") | .usec"
}

net_before_claim() {
	diag "network-restored $(_net_mark network-restored), first-claim $(_net_mark first-claim) us"
	t "the network was restored before the first claim" \
		test "$(_net_mark network-restored)" -lt "$(_net_mark first-claim)"
}

_net_in() {
	local ns=$1
	shift
	if [ -n "$ns" ]; then
		ip netns exec "$ns" "$@"
	else
		"$@"
	fi
}

packets_pass() {
	cat >/run/echo <<-'EOF'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((sys.argv[1], 7777))
		s.settimeout(60)
		data, whom = s.recvfrom(100)
		s.sendto(data, whom)
	EOF
	cat >/run/ask <<-'EOF'
		import socket, sys
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(2)
		for i in range(20):
		    s.sendto(b"are you there?", (sys.argv[1], 7777))
		    try:
		        sys.exit(s.recv(100) != b"are you there?")
		    except TimeoutError:
		        pass
		sys.exit("nobody answers")
	EOF
	_net_in "$2" python3 /run/echo "$3" &
	t "packets come through from '$1' to $3, and back" _net_in "$1" python3 /run/ask "$3"
}

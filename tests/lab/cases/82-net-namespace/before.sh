#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

# A tenant's switch and its router, each in a namespace, and a card on the host's uplink.
cat >/run/links <<'EOF'
set -e
for ns in switch router other; do ip netns add "$ns"; done
ip -n switch link add br0 address 02:00:00:00:82:01 type bridge vlan_filtering 1 ageing_time 20000
ip -n switch tuntap add dev tap0 mode tap vnet_hdr
ip -n switch link set tap0 address 02:00:00:00:82:02 mtu 1450 master br0
ip -n switch link set tap0 type bridge_slave isolated on
ip -n switch link add to-router address 02:00:00:00:82:03 type veth \
	peer name to-switch address 02:00:00:00:82:04 netns router
ip -n switch link set to-router master br0
bridge -n switch vlan add dev tap0 vid 20 pvid untagged
bridge -n switch vlan add dev to-router vid 20
bridge -n switch vlan add dev br0 vid 20 self
bridge -n switch fdb add 02:00:00:00:82:99 dev to-router master static vlan 20
ip -n switch link add link br0 name br0.20 type vlan id 20
ip -n router link add link to-switch name to-switch.20 type vlan id 20
ip link add uplink0 address 02:00:00:00:82:05 type dummy
ip link add link uplink0 name card netns router address 02:00:00:00:82:06 type macvlan mode bridge
ip -n router link property add dev card altname the-card-that-the-router-has-on-the-uplink
ip -n other link add unnoticed type dummy
ip link set uplink0 up
for link in br0 tap0 to-router br0.20; do ip -n switch link set "$link" up; done
for link in to-switch to-switch.20 card; do ip -n router link set "$link" up; done
ip -n switch addr add 192.0.2.1/24 dev br0.20
ip -n router addr add 192.0.2.2/24 dev to-switch.20
ip -n router addr add 2001:db8:82::2/64 dev to-switch.20 nodad
ip -n router addr add 198.51.100.2/24 dev card
ip -n router route add default via 198.51.100.1 dev card
ip -n switch route add 203.0.113.0/24 via 192.0.2.2 dev br0.20 metric 82
ip -n router neigh add 198.51.100.1 lladdr 02:00:00:00:82:98 dev card
EOF
t "links are made in namespaces" bash -x /run/links
net_remember "" switch router
t "ip(8) sees them" grep -q 'the-card-that' /lab/state/network
configure '[Network]' 'Links=switch/* router/card router/*.20'
vmm_start vm1 --size=32M --mode=custody
load
t "nothing stands in the way" luctl check
jump luctl update --reason="every tenant has a network of its own"

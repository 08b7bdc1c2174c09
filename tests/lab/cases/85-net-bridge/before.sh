#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/85-net-bridge/host.sh
. "$LAB_DIR/host.sh"

# The guests' side is a namespace; its end of the pair stands for a guest's card.
cat >/run/links <<'EOF'
set -e
ip netns add guest1
ip link add br-guests type bridge vlan_filtering 1 vlan_default_pvid 5 ageing_time 20000 mcast_snooping 0
ip link set br-guests address 02:00:00:00:80:01
ip link add uplink0 address 02:00:00:00:80:02 type dummy
ip link add bond-up type bond mode active-backup miimon 100
ip link set uplink0 master bond-up
ip link set bond-up master br-guests
ip tuntap add dev tap-of-a-guest0 mode tap user 0 vnet_hdr multi_queue
ip link set tap-of-a-guest0 address 02:00:00:00:80:03 mtu 1400
ip link set tap-of-a-guest0 master br-guests
ip link set tap-of-a-guest0 type bridge_slave isolated on hairpin on
ip link property add dev tap-of-a-guest0 altname the-card-of-the-guest-that-has-a-long-name
ip link add vm1 address 02:00:00:00:80:04 type veth peer name card address 02:00:00:00:80:05 netns guest1
ip link set vm1 master br-guests
bridge vlan add dev tap-of-a-guest0 vid 30
bridge vlan add dev vm1 vid 10-20
bridge vlan add dev vm1 vid 30 pvid untagged
bridge vlan add dev br-guests vid 30 self
bridge vlan del dev vm1 vid 5
bridge fdb add 02:00:00:00:80:99 dev vm1 master static vlan 30
ip link add link br-guests name br-guests.30 type vlan id 30
ip link set br-guests.30 address 02:00:00:00:80:06
ip -n guest1 link add link card name mv0 address 02:00:00:00:80:07 type macvtap mode private
for link in uplink0 bond-up br-guests tap-of-a-guest0 vm1 br-guests.30; do ip link set "$link" up; done
ip -n guest1 link set card up
ip addr add 192.0.2.1/24 brd + dev br-guests.30
ip addr add 2001:db8:80::1/64 dev br-guests.30 nodad
ip -n guest1 addr add 192.0.2.2/24 dev card
ip route add 198.51.100.0/24 via 192.0.2.2 dev br-guests.30 metric 80 mtu 1300
ip -n guest1 route add default via 192.0.2.1 dev card
ip neigh add 192.0.2.9 lladdr 02:00:00:00:80:99 dev br-guests.30
EOF
t "the host's links are made" bash -x /run/links

# A host with a network of its own, which takes its time; and the guest's card, that asks for the host.
mkdir -p /etc/systemd/network /etc/systemd/system/systemd-networkd.service.d
printf '%s\n' '[NetDev]' Name=br-host Kind=bridge MACAddress=02:00:00:00:80:10 \
	>/etc/systemd/network/20-host.netdev
printf '%s\n' '[Match]' Name=br-host '[Network]' Address=203.0.113.1/24 ConfigureWithoutCarrier=yes \
	LinkLocalAddressing=no IPv6AcceptRA=no '[Link]' RequiredForOnline=no-carrier \
	>/etc/systemd/network/20-host.network
printf '%s\n' '[Service]' 'ExecStartPre=/bin/sleep 5' \
	>/etc/systemd/system/systemd-networkd.service.d/50-slow.conf
install "$LAB_DIR/build/first-frame" /usr/local/bin/
cat >/etc/systemd/system/first-frame.service <<'EOF'
[Unit]
DefaultDependencies=no
After=luod.service
[Service]
Type=exec
ExecStart=/usr/local/bin/first-frame tap-of-a-guest0 02:00:00:00:80:77 30 192.0.2.7 192.0.2.1 /run/first-frame
[Install]
WantedBy=sysinit.target
EOF
systemctl daemon-reload
t "networkd is enabled, and makes the host's bridge" systemctl enable --now systemd-networkd
t "the host's own network is up" wait_for 60 host_is_online
t "the guest's card asks at every boot" systemctl enable --now first-frame
t "the guest's frames pass" wait_for 60 test -s /run/first-frame
net_remember "" guest1
t "ip(8) sees them" grep -q mv0 /lab/state/network
configure '[Network]' 'Links=tap-* vm? *.30 guest1/*'
vmm_start vm1 --size=32M --mode=custody
load
t "nothing stands in the way" luctl check
jump luctl update --reason="a guest without its link is no guest"

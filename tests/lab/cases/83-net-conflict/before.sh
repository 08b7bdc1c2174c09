#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

mkdir -p /etc/systemd/network
cat >/etc/systemd/network/20-guests.netdev <<'EOF'
[NetDev]
Name=br-guests
Kind=bridge
MACAddress=02:00:00:00:83:01

[Bridge]
AgeingTimeSec=100
EOF
cat >/etc/systemd/network/20-guests.network <<'EOF'
[Match]
Name=br-guests

[Network]
Address=192.0.2.1/24
ConfigureWithoutCarrier=yes
LinkLocalAddressing=no
IPv6AcceptRA=no

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.2
EOF
mkdir -p /etc/systemd/system/systemd-networkd.service.d
printf '%s\n' '[Service]' 'Environment=SYSTEMD_LOG_LEVEL=debug' \
	>/etc/systemd/system/systemd-networkd.service.d/50-debug.conf
systemctl daemon-reload
_configured() {
	networkctl status br-guests --no-pager | grep -q 'configured'
}

t "networkd is enabled, and makes the bridge" systemctl enable --now systemd-networkd
systemctl disable systemd-networkd-wait-online
t "the bridge is up" wait_for 60 _configured
networkctl status br-guests --no-pager --lines=0 | diag

# What networkd knows nothing of: the guests' links, and a setting that somebody has made by hand.
cat >/run/links <<'EOF'
set -e
ip tuntap add dev tap0 mode tap
ip link set tap0 address 02:00:00:00:83:02 mtu 1400 master br-guests
ip link set tap0 type bridge_slave isolated on
ip link set tap0 up
ip netns add guest1
ip link add vm1 address 02:00:00:00:83:03 type veth peer name card address 02:00:00:00:83:04 netns guest1
ip link set vm1 master br-guests
ip link set vm1 up
ip -n guest1 link set card up
ip -n guest1 addr add 192.0.2.2/24 dev card
bridge fdb add 02:00:00:00:83:99 dev vm1 master static
ip link set br-guests type bridge ageing_time 20000
EOF
t "guests' links are made" bash -x /run/links
packets_pass guest1 "" 192.0.2.1
net_remember "" guest1
configure '[Network]' 'Links=tap0 vm1 guest1/*'
case $LAB_CASE in
*-late)
	mkdir -p /etc/systemd/system/luod.service.d
	printf '%s\n' '[Unit]' 'Wants=systemd-networkd.service' 'After=systemd-networkd.service' '[Service]' \
		'ExecStartPre=/bin/sh -c "until ip -o addr show dev br-guests | grep -q 192.0.2.1; do sleep 0.1; done"' \
		>/etc/systemd/system/luod.service.d/50-after-networkd.conf
	systemctl daemon-reload
	;;
esac
# luod waits for networkd in one of the forms, and on a busy machine that takes its time.
vmm_start vm1 --size=32M --mode=custody --start-timeout=300
load
t "nothing stands in the way" luctl check
jump luctl update --reason="two look after one bridge"

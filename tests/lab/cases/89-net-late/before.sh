#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/89-net-late/card.sh
. "$LAB_DIR/card.sh"

address=$(card_address)
card=$(ls "/sys/bus/pci/devices/$address/net")
cat >/run/links <<EOF
set -e
ip link add br-guests address 02:00:00:00:89:01 type bridge ageing_time 20000
ip link set $card mtu 1400 master br-guests
ip link set $card type bridge_slave cost 77
ip link property add dev $card altname the-card-of-all-guests
ip link add link $card name card.30 type vlan id 30
ip tuntap add dev tap0 mode tap vnet_hdr
ip link set tap0 address 02:00:00:00:89:02 master br-guests
ip link add veth0 address 02:00:00:00:89:03 type veth peer name veth1 address 02:00:00:00:89:04
for link in br-guests $card card.30 tap0 veth0 veth1; do ip link set \$link up; done
ip addr add 192.0.2.1/24 dev card.30
ip addr add 198.51.100.1/24 dev veth0
ip route add 203.0.113.0/24 via 192.0.2.9 dev card.30 metric 89
EOF
t "the host's links are made" bash -x /run/links
net_remember ""
t "ip(8) sees them" grep -q the-card-of-all-guests /lab/state/network
configure '[Network]' 'Links=:sessions veth?'

# In the next kernel both are there before luod is; they go as if their drivers were not loaded yet.
cat >/etc/systemd/system/not-yet.service <<EOF
[Unit]
DefaultDependencies=no
Before=luod.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo $address >/sys/bus/pci/drivers/e1000e/unbind; mv /dev/net/tun /dev/net/not-yet'
[Install]
WantedBy=sysinit.target
EOF
t "the card will be late" systemctl enable not-yet
printf '#!/bin/sh\nuntil [ -e /run/go ]; do sleep 0.2; done\n' >/usr/local/bin/until-go
chmod +x /usr/local/bin/until-go
vmm_start vm1 --size=32M --mode=custody --link=tap0 --link=card.30 --before-done=/usr/local/bin/until-go
load
t "nothing stands in the way" luctl check
jump luctl update --reason="a card with a driver of its own"

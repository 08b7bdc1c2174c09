#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

# root makes the links, one with several queues for a user, and says which others it may name.
cat >/run/links <<'EOF'
set -e
ip link add br-guests address 02:00:00:00:87:01 type bridge ageing_time 20000
ip tuntap add dev tap-guest mode tap user daemon vnet_hdr multi_queue
ip link set tap-guest address 02:00:00:00:87:03 mtu 1400 master br-guests
ip link add card-guest address 02:00:00:00:87:04 type bridge
for link in br-guests tap-guest card-guest; do ip link set "$link" up; done
ip addr add 192.0.2.1/24 dev br-guests
ip addr add 198.51.100.1/24 dev card-guest
EOF
t "the host's links are made" bash -x /run/links
configure '[Network]' 'SessionLinks=card-*'

cp "$LAB_DIR/client.py" /usr/local/bin/
cat >/etc/systemd/system/client@.service <<-EOF
	[Unit]
	After=luod.socket
	[Service]
	Type=notify
	User=daemon
	Environment=DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus
	ExecStart=/usr/bin/python3 /usr/local/bin/client.py %i
	StandardOutput=append:/run/client-%i
	StandardError=append:/run/client-%i
	TimeoutStartSec=3min
	[Install]
	WantedBy=multi-user.target
EOF
for client in guest veto; do
	t "client $client is up" systemctl enable --now "client@$client"
	diag <"/run/client-$client"
done
t "... which may not declare what is not its own" grep -q "not mine: .*'br-guests'" /run/client-guest
luctl sessions 1/guest | diag
is "$(luctl sessions --json 1/guest | jq -r '.sessions[0].links | join(" ")')" "tap-guest card-guest" \
	"luod knows which links it needs"
is "$(luctl sessions --json 1/guest | jq -r '.sessions[0].resources | map(.link) | join(" ")')" \
	" tap-guest tap-guest" "... and which one its queues are of"
t "packets come through to the guest, and back" python3 /usr/local/bin/client.py ask
net_remember ""
t "two links more are there" ip link add card-lonely type bridge
ip link add unnoticed type bridge
load
t "nothing stands in the way" luctl check
jump luctl update --reason="a tap has no kernel session"

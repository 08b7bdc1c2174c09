#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

cp "$LAB_DIR/client.py" /usr/local/bin/
cat >/etc/systemd/system/client@.service <<-EOF
	[Unit]
	After=luod.socket
	[Service]
	Type=notify
	ExecStart=/usr/bin/python3 /usr/local/bin/client.py %i
	StandardOutput=append:/run/client-%i
	TimeoutStartSec=3min
	[Install]
	WantedBy=multi-user.target
EOF
mkdir /etc/systemd/system/client@delegation.service.d
cat >/etc/systemd/system/client@delegation.service.d/socket.conf <<-EOF
	[Service]
	Environment=DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus
EOF

for mode in custody delegation; do
	t "a client for $mode is up" systemctl enable --now "client@$mode"
	is "$(cat "/run/client-$mode")" created "... and has made a session"
	is "$(session_get "python-$mode" Unit)" "client@$mode.service" "... of its unit"
done
is "$(session_get python-custody PreservedBytes)" 4096 "luod has the memory in its custody"
luctl sessions | diag
load
t "nothing stands in the way" luctl check
jump luctl update --jump=direct

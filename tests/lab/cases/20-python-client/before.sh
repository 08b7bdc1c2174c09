#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

client_start() {
	cp "$LAB_DIR/client.py" /usr/local/bin/
	cat >/etc/systemd/system/client@.service <<-EOF
		[Service]
		Type=notify
		NotifyAccess=all
		ExecStart=/usr/bin/python3 /usr/local/bin/client.py %i
		StandardOutput=append:/run/client-%i
		[Install]
		WantedBy=multi-user.target
	EOF
	t "a client for $1 is up" systemctl enable --now "client@$1"
}

client_start custody
client_start delegation
load
luctl sessions | diag
t "nothing stands in the way" luctl check
jump luctl update --jump=direct

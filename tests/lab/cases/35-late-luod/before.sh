#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# One owner waits for as long as it takes, the other gives up soon and is started again.
mkdir -p /etc/systemd/system/vmm@vm1.service.d /etc/systemd/system/vmm@vm2.service.d
cat >/etc/systemd/system/vmm@vm1.service.d/waits.conf <<EOF
[Service]
TimeoutStartSec=infinity
EOF
cat >/etc/systemd/system/vmm@vm2.service.d/retries.conf <<EOF
[Service]
Restart=on-failure
RestartSec=3
EOF
systemctl daemon-reload

vmm_start vm1 --size=32M --mode=custody --start-timeout=3600
vmm_start vm2 --size=32M --mode=delegation --start-timeout=20 \
	--unclaimed-policy=finish --claim-timeout=60
load
t "nothing stands in the way" luctl check

# Read by the next boot's PID 1, not by this one's.
mkdir -p /etc/systemd/system/luod.service.d
cat >/etc/systemd/system/luod.service.d/late.conf <<EOF
[Service]
ExecStartPre=/bin/sh -c 'until [ -e /run/luod-may-start ]; do sleep 1; done'
TimeoutStartSec=infinity
EOF
jump luctl update --jump=direct --reason="late"

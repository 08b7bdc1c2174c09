#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

journalctl -b -u luod | grep -i -e network -e link | diag
t "the client is through" wait_for 120 grep -q '^done' /run/client-guest
is "$(tr '\n' ' ' </run/client-guest)" \
	"claimed settings of 0 are the same settings of 1 are the same verified done " \
	"both queues are as they were"
t "packets come through to the guest, and back" python3 /usr/local/bin/client.py ask
net_unchanged ""
t_not "what only a session needs that was left behind is not made" ip link show card-lonely
t_not "... nor is what nobody declared" ip link show unnoticed
net_before_claim
net_silent
wait_state idle
t "the client goes on" systemctl is-active client@guest
timeline

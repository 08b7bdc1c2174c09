#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

net_unchanged "" switch router
is "$(ip -j netns list | jq -r '.[].name' | sort | paste -sd' ')" "router switch" \
	"the namespaces are there, and no other: of that nothing was recorded"
packets_pass router switch 192.0.2.1
packets_pass switch router 192.0.2.2
reclaimed vm1
wait_state idle
net_before_claim
net_silent
t "luctl net diff finds no difference" luctl net diff
t "systemd is up and nothing has failed" systemctl is-system-running --wait

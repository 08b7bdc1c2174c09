#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

reclaimed vm1
wait_state idle
journalctl -b -u luod | grep -i network | diag
t "what came with the jump is what was shown before it" eval 'diff -u <(jq -S .namespaces /lab/state/record) \
	<(luctl net show --last --json | jq -S .namespaces)'
t "luctl net diff finds no difference" luctl net diff
net_before_claim
net_silent
t "systemd is up and nothing has failed" systemctl is-system-running --wait

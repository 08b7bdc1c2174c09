#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
is "$(luctl --address=unix:path=/run/luod/bus timeline --json | jq -r .update.reason)" \
	"over the socket" "luctl over the socket: timeline"
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
is "$(property Sessions)" 1 "nothing of the others came along"
keeper_holds 0
t "nor did their memory" takes_at_most 16
is "$(jq -r .result /var/lib/luod/history/*.json | sort -u)" "done" "both updates are done"
t "systemd is up and nothing has failed" systemctl is-system-running --wait

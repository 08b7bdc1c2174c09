#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

for vm in vm1 vm2 vm3; do
	reclaimed "$vm"
done
wait_state idle
keeper_holds 0
is "$(luod_fds)" "$(cat /lab/state/luod-fds)" "luod has as many fds open as before"
is "$(find /var/lib/luod/history -name '*.json' | wc -l)" 2 "the history has both updates"
is "$(jq -r .reason /var/lib/luod/history/*.json | sort | paste -sd' ')" "back there" "... by their reasons"
is "$(jq -r .result /var/lib/luod/history/*.json | sort -u)" "done" "... both are done"
timeline

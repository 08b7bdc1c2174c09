#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
t "luod attached its device once more" vmm_said vm1 "^reattached $LAB_DEVICE"
t "it has worked while nobody looked" vmm_said vm1 '^meanwhile [1-9][0-9]* frames'
device_works vm1 200
wait_state idle
keeper_holds 0
is "$(find /var/lib/luod/history -name '*.json' | wc -l)" 4 "the history has all four"
is "$(jq -r .result /var/lib/luod/history/*.json | sort | paste -sd' ')" "done done failed failed" \
	"... two are done, two failed"
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

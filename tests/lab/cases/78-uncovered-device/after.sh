#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
is "$(luctl sessions --json | jq -r '.sessions[].name')" vm1 "the device's guest has no session"
timeline
is "$(luctl timeline --json | jq -r '.update | .result + ": " + .forced')" "done: device-uncovered" \
	"history says in spite of what the update was made"
like "$(luctl history)" "without the other guest: forced \(device-uncovered\)" "... and so does luctl history"
sleep 5
t "systemd is up and nothing has failed" systemctl is-system-running --wait

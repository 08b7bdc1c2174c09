#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

t "another kernel had been loaded in the middle of the update" test -e "/var/overloaded"
reclaimed vm1
reclaimed vm2
wait_state idle
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
t "systemd is up and nothing has failed" systemctl is-system-running --wait

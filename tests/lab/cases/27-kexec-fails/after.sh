#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
reclaimed last
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
t "systemd is up and nothing has failed" systemctl is-system-running --wait
like "$(systemd-inhibit --list --no-legend)" "^luod .*shutdown" "logind refuses shutdowns here, too"
t_not "... and so does PID 1" systemctl start kexec.target

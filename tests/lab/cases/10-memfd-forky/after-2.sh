#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
is "$(session_get vm1 DeliveredBy)" name "a direct jump: the keeper retrieved by name"
is "$(session_get vm2 DeliveredBy)" name "... the other session, too"
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

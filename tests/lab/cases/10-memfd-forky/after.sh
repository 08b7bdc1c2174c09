#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
is "$(session_get vm1 DeliveredBy)" fdstore "PID 1 carried the session in its fd store"
is "$(session_get vm2 DeliveredBy)" fdstore "... of the other session, too"
mark agent
elapsed jump agent
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait
load
mark jump
jump luctl update --jump=direct --reason="second"

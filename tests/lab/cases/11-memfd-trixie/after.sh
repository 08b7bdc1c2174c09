#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
is "$(session_get vm1 DeliveredBy)" name "the surviving keeper retrieved by name"
is "$(session_get vm2 DeliveredBy)" name "... of the other session, too"
mark agent
elapsed jump agent
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait
load
mark jump
jump luctl update --jump=direct --reason="second"

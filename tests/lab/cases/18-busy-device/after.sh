#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/18-busy-device/watch.sh
. "$LAB_DIR/watch.sh"

reclaimed vm1
wait_state idle
if [ "$LAB_GUEST" = forky ]; then
	is "$(session_get vm1 DeliveredBy)" fdstore "PID 1 got at the device, before the jump and after"
else
	is "$(session_get vm1 DeliveredBy)" name "the keeper retrieved by name"
fi
t_not "PID 1 found nobody in its way" sh -c 'journalctl -b _PID=1 | grep -Ei "liveupdate.*busy"'
never_kept_open
t_not "nobody holds the device open" sh -c 'find /proc/[0-9]*/fd -lname /dev/liveupdate | grep .'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
if [ "$LAB_GUEST" = forky ]; then
	is "$(session_get vm1 DeliveredBy)" fdstore "PID 1 had the device when it needed it"
else
	is "$(session_get vm1 DeliveredBy)" name "the keeper retrieved by name"
fi
t_not "nobody holds the device open" sh -c 'ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q /dev/liveupdate'

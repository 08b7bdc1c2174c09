#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
t_not "luod without CAP_NET_ADMIN made no link" ip link show goes-along
like "$(journalctl -b -u luod)" "'goes-along' is not restored: making it: Operation not permitted" \
	"... and says so"
t "the metrics are written, although luod was there before the disk could be" \
	wait_for 60 test -s /var/lib/collector/luod.prom
like "$(ls /var/lib/luod/history)" json "so is the history"
blackout

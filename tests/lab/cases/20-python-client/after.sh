#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

for mode in custody delegation; do
	t "$mode: the client is through" wait_for 120 grep -q '^done' "/run/client-$mode"
	is "$(tr '\n' ' ' <"/run/client-$mode")" "claimed verified done " "$mode: the memory is what it was"
	t "$mode: the client goes on" systemctl is-active "client@$mode"
done
wait_state idle

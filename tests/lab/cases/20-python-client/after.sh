#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

for mode in custody delegation; do
	t "$mode: the client is through" wait_for 120 grep -q '^done' "/run/client-$mode"
	t "$mode: its memory is what it was" grep -q '^verified' "/run/client-$mode"
	diag <"/run/client-$mode"
done
wait_state idle

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/lab/cases/92-soak/levels.sh
. /lab/case/levels.sh

for i in 1 2 3 4 5 6 7 8 9 10; do
	reclaimed "vm$i"
done
t "luod attached its device once more" vmm_said vm1 "^reattached $LAB_DEVICE"
device_works vm1 200
wait_state idle
keeper_holds 0
is "$(property Sessions)" 10 "ten sessions came along"
is "$(luctl history --json | jq -r '.updates[0].result')" "done" "the update is done, history says"
level_off
[ "$LAB_BOOT" -gt "$LAB_JUMPS" ] || go_on

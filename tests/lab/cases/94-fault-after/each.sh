#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/fault.sh
# shellcheck source=tests/lab/cases/94-fault-after/rows.sh
. "$LAB_DIR/rows.sh"

mapfile -t points < <(points_of_case)
point=${points[LAB_BOOT - 2]}
kind=$(kind_of_case)
row "$point $kind"
"$kind" "$point"
all_is_over "$point"
row_ends
if [ "$LAB_BOOT" -gt "$LAB_JUMPS" ]; then
	was_noticed
	exit 0
fi
load
jump luctl update --jump=direct

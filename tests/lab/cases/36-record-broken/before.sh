#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/36-record-broken/record.sh
. "$LAB_DIR/record.sh"

leave_record
vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
is "$(session_get vm1 ClaimPolicy) $(session_get vm2 ClaimPolicy)" "unit unit" \
	"both sessions are their units'"
load
t "nothing stands in the way" luctl check
jump luctl update --jump=direct

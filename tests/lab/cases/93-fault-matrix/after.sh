#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

for vm in kept own dev; do
	reclaimed $vm
done
device_works dev 40
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update after all those is done"

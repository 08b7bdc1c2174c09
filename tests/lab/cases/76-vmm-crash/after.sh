#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

for vm in kept own; do
	reclaimed $vm
	t "its device has worked while nobody looked" vmm_said $vm '^meanwhile [1-9][0-9]* frames'
	device_works $vm 1000
done
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
timeline

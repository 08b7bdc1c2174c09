#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

wait_state restoring
keeper_holds 4
how=$(session_get vm1 DeliveredBy)
kill_keeper "before the claim"
keeper_holds 4
for vm in vm1 vm2 slow; do
	t "$vm is up" systemctl start "vmm@$vm"
	reclaimed "$vm"
done
wait_state idle
is "$(session_get vm1 DeliveredBy)" "$how" "how the session crossed is still known"
keeper_holds 0

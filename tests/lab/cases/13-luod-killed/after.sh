#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

wait_state restoring
is "$(session_get vm1 State)" unclaimed "vm1 waits for its owner"
kill_luod "before the claim"
is "$(property State)" restoring "it goes on restoring"
is "$(session_get vm1 State)" unclaimed "vm1 still waits"
t "vm1 is up" systemctl start vmm@vm1
reclaimed vm1
is "$(property State)" restoring "vm2 is missing"
kill_luod "between two claims"
is "$(session_get vm1 State)" idle "vm1 is done with"
is "$(session_get vm2 State)" unclaimed "vm2 waits"
t "vm2 is up" systemctl start vmm@vm2
vmm_wait vm2 '^resumed'
kill_luod "between Resumed and Done"
is "$(property State)" finishing "it goes on finishing"
is "$(session_get vm2 State)" resumed "vm2 is resumed and not done"
reclaimed vm2
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"

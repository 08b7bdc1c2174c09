#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/22-other-owner/strangers.sh
. "$LAB_DIR/strangers.sh"

wait_state restoring
t "who asked before luod had settled has an answer" wait_for 60 test -s /run/early
is "$(cat /run/early)" "ClaimSession NotOwner" "... which is the same"
for door in /run/luod/keeper /dev/liveupdate; do
	is "$(knock $door)" EACCES "$door is closed to others"
done
for vm in vm1 vm2; do
	is "$(session_get $vm State)" unclaimed "$vm waits for its owner"
	refused_all $vm
done
for address in "" unix:path=/run/luod/bus; do
	is "$(impostor vm1 $address | answers)" "NoSuchSession NotOwner" \
		"vm1, ${address:-the bus}: nor does the right unit with another uid"
done
like "$(journalctl -b -u luod -o cat)" \
	"Session 0/vm1 of vmm@vm1.service is not given to uid 0, run-" "the journal tells of it"
for vm in vm1 vm2; do
	is "$(session_get $vm State)" unclaimed "$vm still waits"
	t "its owner is up" systemctl start vmm@$vm
	reclaimed $vm
done
wait_state idle
keeper_holds 0

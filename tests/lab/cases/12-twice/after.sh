#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

for vm in vm1 vm2 vm3; do
	reclaimed "$vm"
done
wait_state idle
keeper_holds 0
is "$(luod_fds)" "$(cat /lab/state/luod-fds)" "luod has as many fds open as before"
is "$(property Sessions)" 3 "three sessions came along"
load
jump luctl update --jump=direct --reason="back"

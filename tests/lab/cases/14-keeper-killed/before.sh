#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
kill_keeper "while idle"

load
vmm_start slow --size=8M --slow-ready=20
(luctl update --jump=systemd >/run/update.log 2>&1) &
t "the barrier is open" wait_for 60 vmm_said vm1 '^ready'
keeper_holds 4
kill_keeper "in the barrier"
keeper_holds 4
# The owners must not come back before the keeper has been killed once more.
systemctl disable vmm@vm1 vmm@vm2 vmm@slow
jump true

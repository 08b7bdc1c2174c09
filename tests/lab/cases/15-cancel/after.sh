#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
keeper_holds 0
is "$(property Sessions)" 3 "the one left behind has begun anew"
vmm_wait veto '^created'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
keeper_holds 0
is "$(luctl history --json | jq -c '.updates[0] | [.uid, .reason, .result]')" \
	'[1000,"by rule","done"]' "the update was an operator's, and is done"

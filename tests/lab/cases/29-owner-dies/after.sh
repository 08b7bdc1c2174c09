#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed slow
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
is "$(luctl sessions --json | jq '[.sessions[] | select(.name == "dead2")] | length')" 0 \
	"who was left behind is not here"

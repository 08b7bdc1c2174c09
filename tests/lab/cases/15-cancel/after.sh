#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
keeper_holds 0
is "$(property Sessions)" 3 "the one left behind has begun anew"
vmm_wait veto '^created'
is "$(luctl timeline --json | jq -r '.update."left-behind"[] | "\(.uid)/\(.name) \(.unit) \(.why)"')" \
	"0/veto vmm@veto.service its owner vetoed: not-me" "history says that it was left behind, and why"
like "$(journalctl -b -u luod -o cat)" "1 session was left behind: 0/veto \(its owner vetoed: not-me\)" \
	"so does the journal after the jump"

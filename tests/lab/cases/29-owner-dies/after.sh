#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed slow
reclaimed back
diag </lab/state/back
is "$(grep -Eo '^(created|prepare|claimed preparing|ready)' /lab/state/back | paste -sd,)" \
	"created,prepare,claimed preparing,prepare,ready" "who came back in the barrier was asked again"
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
is "$(luctl sessions --json | jq '[.sessions[] | select(.name == "dead2")] | length')" 0 \
	"who was left behind is not here"

left_behind() {
	luctl timeline --json | jq -r '.update."left-behind" | map("\(.uid)/\(.name) (\(.unit)): \(.why)") | sort | .[]'
}

diag "who was left behind is told"
left_behind | diag
is "$(left_behind | wc -l)" 2 "two were"
like "$(left_behind)" "0/dead2 \(vmm@dead2.service\): its owner is gone" "one whose owner was gone"
like "$(left_behind)" "0/hung \(vmm@hung.service\): its owner did not say Ready in time" "one whose owner hung"
like "$(journalctl -b -u luod -o cat)" "2 sessions were left behind: .*0/" "the journal says it after the jump"
like "$(luctl history)" "2 left behind" "and so does the history"

diag "what its owner kept open came along, and is nobody's"
like "$(journalctl -b -u luod -o cat)" "Session 0/hung was left behind with its kernel session still open; that is finished" \
	"luod has finished it"
is "$(luctl sessions --json | jq '[.sessions[] | select(.name == "hung")] | length')" 0 "it is no session"
taken=$(memory_taken)
diag "$taken MiB are taken since there was no guest"
t "its 256 MiB are free" test "$taken" -lt 200

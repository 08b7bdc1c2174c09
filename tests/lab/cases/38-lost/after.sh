#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

PROM=/var/lib/collector/luod.prom

newest() {
	luctl history --json | jq -r ".updates[0].\"$1\""
}

said() {
	journalctl -q -b -u luod -o cat MESSAGE_ID=8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e0b
}

has_said() {
	[ -n "$(said)" ]
}

on_disk() {
	cat /var/lib/luod/history/*.json
}

t "the journal says it" wait_for 60 has_said
id=$(newest update-id)
like "$(said)" "Update $id .*is lost.*the next kernel did not come up, or came up without the sessions" "... of which update"
is "$(journalctl -q -o json "LUOD_UPDATE_ID=$id" | jq -r ._BOOT_ID | sort -u | wc -l)" 2 \
	"the update is in the journals of both boots"
t "the journal explains it" sh -c "journalctl -b -u luod -x MESSAGE_ID=8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e0b |
	grep 'Subject: A live update was lost'"
is "$(luctl history --json | jq '.updates | length')" 1 "the history has one update"
is "$(newest result)" lost "... which is lost"
is "$(newest reason) $(newest uid) $(newest unit)" "into the dark 0 ops.service" "... why it was begun, and by whom"
is "$(newest ended-usec)" null "... and no end"
is "$(on_disk | jq -r .result)" lost "so has the disk"
luctl history | diag
timeline
like "$(luctl status)" "$id .*: lost" "luctl status says it"
t "the metrics count it" wait_for 60 grep -qxF 'luod_updates_total{result="lost"} 1' $PROM
t "... as the last one" grep -qxF 'luod_last_update_result{result="lost"} 1' $PROM
vmm_wait vm1 '^created'

diag "once"
kill_luod "afterwards"
is "$(newest result)" lost "it still is"
is "$(said | wc -l)" 1 "... and has been said once"

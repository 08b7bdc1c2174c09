#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

PROM=/var/lib/collector/luod.prom

# column KEY: of every update, the newest first
column() {
	luctl history --json | jq -r ".updates | map(.\"$1\" // \"none\" | tostring) | join(\"; \")"
}

metric() {
	awk -v name="$1" '$1 == name { print $2 }' $PROM
}

metric_is() {
	[ "$(metric "$1")" = "$2" ]
}

boots_of() {
	journalctl -q -o json "LUOD_UPDATE_ID=$1" | jq -r ._BOOT_ID | sort -u | wc -l
}

says() {
	journalctl -q -o cat "LUOD_UPDATE_ID=$1"
}

reclaimed vm1
wait_state idle
luctl history | diag

is "$(column result)" "done; failed; cancelled; done" "four updates, the newest first"
like "$(column reason)" "^second of two; ; too early; first of two$" "... why they were begun"
like "$(column error)" "^; .*veto.*migration-under-way.*; Cancelled by uid 0[^:;]*: not now; $" "... what came in their way"
is "$(column uid)" "0; 0; 0; 0" "... by whom"
like "$(column unit)" "^lab-agent.service; luod-update.service; hasty.service; ops.service$" "... from where"
is "$(column from | tr -d ' ' | tr ';' '\n' | sort -u | wc -l)" 2 "... from both kernels"
is "$(find /var/lib/luod/history -name '*.json' | wc -l)" 4 "each has one file"
t "they came one after the other" sh -c "luctl history --json |
	jq -e '[.updates[] | .\"ended-usec\", .\"began-usec\"] | . == (sort | reverse)'"
like "$(luctl history -n1)" "second of two" "the table has the newest"
is "$(luctl history --no-legend -n2 | wc -l)" 2 "... and as many as are asked for"

diag "one of them, by the beginning of its id"
id=$(luctl history --json | jq -r '.updates[2]."update-id"')
short=$(luctl history --no-legend | awk 'NR == 3 { print $3 }')
t "the table shows the beginning of it" test "${id#"$short"}" != "$id" -a ${#short} -lt 32
like "$(luctl timeline --json "$short" | jq -r .update.error)" "^Cancelled by uid 0.*: not now$" \
	"luctl timeline finds it, and who it was"
t "and draws it" luctl timeline --svg="$LAB_OUT/cancelled.svg" "$short"
t "a picture of the last" luctl timeline --svg="$LAB_OUT/timeline.svg"
t "both are XML" python3 -c 'import sys, xml.dom.minidom
for name in sys.argv[1:]: xml.dom.minidom.parse(name)' "$LAB_OUT"/*.svg

diag "the metrics"
t "they are of this kernel" wait_for 60 grep -q "kernel=\"$(uname -r)\"" $PROM
t "two done" wait_for 60 metric_is 'luod_updates_total{result="done"}' 2
is "$(metric 'luod_updates_total{result="cancelled"}')" 1 "one cancelled"
is "$(metric 'luod_updates_total{result="failed"}')" 1 "one failed"
is "$(metric 'luod_last_update_result{result="done"}')" 1 "the last one is done"
t "idle, with one session" sh -c "grep -q 'luod_state{state=\"idle\"} 1' $PROM &&
	grep -q 'luod_sessions{state=\"idle\"} 1' $PROM"
is "$(metric luod_last_update_blackout_seconds | tr -d . | sed 's/^0*//')" \
	"$(luctl timeline --json | jq '.blackout."duration-usec"')" "the blackout is the timeline's"
is "$(tail -n1 $PROM)" "# EOF" "the file is whole"
is "$(ls /var/lib/collector)" luod.prom "and the only one"
cp $PROM "$LAB_OUT/"

diag "the journal, on both sides of the jumps"
for n in 0 3; do
	id=$(luctl history --json | jq -r ".updates[$n].\"update-id\"")
	is "$(boots_of "$id")" 2 "update $n is in the journals of two boots"
	like "$(says "$id")" "Update $id: .* -> .* jump.*everything is preserved.*Update $id is finished" \
		"... from its begin to its end"
done
id=$(luctl history --json | jq -r '.updates[1]."update-id"')
is "$(boots_of "$id")" 1 "what did not jump is in one"
like "$(says "$id")" "called off" "... which says so"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# When luod said so, in microseconds: journald may have read it later.
said_at() {
	journalctl -b -u luod -o json | jq -r --arg re "$1" \
		'select(.MESSAGE | strings | test($re)) | ._SOURCE_REALTIME_TIMESTAMP // .__REALTIME_TIMESTAMP' |
		head -n 1
}

has_said() {
	[ -n "$(said_at "$1")" ]
}

# How many seconds lie between two of them?
seconds_between() {
	echo $((($(said_at "$2") - $(said_at "$1")) / 1000000))
}

sessions() {
	luctl sessions --json | jq -r '[.sessions[] | .name + " " + .state] | sort | join(", ")'
}

reclaimed vm1
t "nobody came for one in time: the journal says what became of it" \
	wait_for 120 has_said "Nobody claimed session 0/gone.*its devices are to be stopped and its memory freed"
# Of 20 s; they begin a little before luod tells of what came through.
t "it was not early" test \
	"$(seconds_between "sessions came through" "Nobody claimed session 0/gone")" -ge 15

diag "another one has lu.conf's 90 s, which do not begin anew with luod"
kill_luod "while it waits"
t "nobody came for that one, either" \
	wait_for 150 has_said "Nobody claimed session 0/unsaid.*its devices are to be stopped and its memory freed"
seconds=$(seconds_between "sessions came through" "Nobody claimed session 0/unsaid")
diag "it was given up after $seconds s"
t "it was not early" test "$seconds" -ge 85
t "nor late" test "$seconds" -lt 108
is "$(sessions)" "held unclaimed, kept unclaimed, vm1 idle" "it is gone, two others are still held"
keeper_holds 3
t "its memory is free" wait_for 20 takes_at_most $((16 + 256 + 16)) || diag "$(memory_taken) MiB are taken"
t_not "the held one's is not" takes_at_most 128

is "$(property State)" restoring "luod waits for their owners"
luctl status | diag
luctl sessions | diag
like "$(luctl status)" "restoring.*2 unclaimed" "luctl status says so"
like "$(luctl sessions)" "0/held +vmm@held.service.*unclaimed" "luctl sessions says for whom"
luctl update >/run/update 2>&1
is $? 7 "meanwhile there is no other update"
diag </run/update

diag "root gives them up"
t "one with luctl" luctl close held
is "$(sessions)" "kept unclaimed, vm1 idle" "it is gone"
t "its memory is free" wait_for 20 takes_at_most $((16 + 16)) || diag "$(memory_taken) MiB are taken"
is "$(property State)" restoring "the other one is still waited for"
t "one over D-Bus" busctl call org.luod1 "$(session_path kept)" org.luod1.Session Close
is "$(sessions)" "vm1 idle" "it is gone"
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
t "guest vm1 has gone on" memory_moves vm1

load
t "nothing stands in the way of the next update" luctl check
jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/89-net-late/card.sh
. "$LAB_DIR/card.sh"

reason() {
	luctl sessions --json 0/vm1 | jq -r '.sessions[0].reason'
}
marks() {
	luctl timeline --json | jq -r '.marks[].name' | grep '^network-' | paste -sd' '
}

t "the guest is claimed" wait_for 120 vmm_said vm1 '^claimed'
t "luod has come before the card" grep -q "^ActiveState=active" <(systemctl show not-yet)
t "what hangs on nothing late is there" is_there veth0
t "... and the bridge" is_there br-guests
t_not "the TAP link is not" is_there tap0
t_not "... nor is the card's VLAN" is_there card.30
is "$(reason)" "link 'tap0' is not restored: making it: No such file or directory" \
	"the session says which one it lacks"
is "$(marks)" network-incomplete "the timeline says that not all is there"
kill_luod "while it waits"
is "$(marks)" network-incomplete "it goes on waiting"

t "/dev/net/tun appears" mv /dev/net/not-yet /dev/net/tun
t "the TAP link is made" wait_for 30 is_there tap0
like "$(reason)" "^link 'card.30' is not restored: '.*', on which it lies, is not there" \
	"the session says what it lacks still"
: >/run/go
reclaimed vm1
wait_state idle
is "$(marks)" network-incomplete "the update is over, and not all is there"
t "the card appears" card_comes
t "its VLAN is made" wait_for 30 is_there card.30
_complete() {
	[ "$(marks)" = "network-incomplete network-restored" ]
}
t "the update's timeline says when all was there" wait_for 30 _complete
journalctl -b -u luod | grep -i network | diag
t "the journal says when each came" eval "journalctl -b -u luod |
	grep -E \"Network: 'card.30' is restored, [0-9]+\.[0-9]{3} s after the others\""
net_unchanged ""
t "luctl net diff finds no difference" luctl net diff
timeline
t_not "nobody waits any more" test -e /run/luod/network-waiting
t "systemd is up and nothing has failed" systemctl is-system-running --wait

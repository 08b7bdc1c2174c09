#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

_configured() {
	networkctl status br-guests --no-pager | grep -q 'configured'
}
ageing() {
	ip -d -j link show dev br-guests | jq '.[].linkinfo.info_data.ageing_time'
}

reclaimed vm1
wait_state idle
t "networkd looks after the bridge" wait_for 60 _configured
journalctl -b -o short-monotonic --no-pager >"$LAB_OUT/journal.log"
journalctl -b -u systemd-networkd -u luod -p info -o short-monotonic --no-pager | grep -iv session | diag
networkctl status br-guests --no-pager --lines=0 | diag
# What its files say of a link, networkd sets, whoever has made that.
is "$(ageing)" 10000 "the bridge is as networkd's files say"
sed 's/"ageing_time": 20000/"ageing_time": 10000/' -i /lab/state/network
case $LAB_CASE in
*-late)
	t "luod leaves what is otherwise, and says so" eval "journalctl -b -u luod |
		grep \"Network: 'br-guests' is left as somebody else made it: ageing-time is 10000, not 20000$\""
	t_not "and of nothing else" \
		eval "journalctl -b -u luod | grep 'Network: ' | grep -v br-guests | grep -E 'is not restored|is left'"
	;;
*)
	net_silent
	;;
esac
luctl net diff >/run/diff
is "$? $(luctl net diff --json | jq -r '.differences[].what')" "9 own.ageing-time" \
	"luctl net diff finds that, and nothing else"
net_unchanged "" guest1
packets_pass guest1 "" 192.0.2.1

# Who fights says so again and again; the bridge itself may have something to say of a port.
diag "for ten seconds:"
timeout 10 ip -d -t monitor link address route >/run/monitor
diag </run/monitor
t "nobody goes on changing it" test "$(grep -c br-guests /run/monitor)" -le 1
net_before_claim
t "systemd is up and nothing has failed" systemctl is-system-running --wait

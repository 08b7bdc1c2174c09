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
journalctl -b -u systemd-networkd -u luod -o short-monotonic --no-pager | grep -iv session | diag
networkctl status br-guests --no-pager --lines=0 | diag
case $LAB_CASE in
*-late)
	is "$(ageing)" 10000 "what networkd has made otherwise stays"
	like "$(journalctl -b -u luod)" "Network: 'br-guests' is left as somebody else made it: .*ageing-time is 10000, not 20000" \
		"luod says so"
	t_not "and of nothing else" \
		eval "journalctl -b -u luod | grep 'Network: ' | grep -v br-guests | grep -E 'is not restored|is left'"
	sed 's/"ageing_time": 20000/"ageing_time": 10000/' -i /lab/state/network
	;;
*)
	is "$(ageing)" 20000 "networkd leaves the bridge as it finds it"
	net_silent
	;;
esac
net_unchanged "" guest1
packets_pass guest1 "" 192.0.2.1

# Who fights says so again and again.
diag "for ten seconds:"
timeout 10 ip monitor link address route >/run/monitor
grep -v 'br-guests.*state\|REACHABLE' /run/monitor | diag
is "$(grep -c br-guests /run/monitor)" 0 "nothing changes any more"
net_before_claim
t "systemd is up and nothing has failed" systemctl is-system-running --wait

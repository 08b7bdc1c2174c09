#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/85-net-bridge/host.sh
. "$LAB_DIR/host.sh"

# Microseconds of this boot.
became_active() {
	systemctl show -P ActiveEnterTimestampMonotonic "$1"
}

t "the guest's frames pass" wait_for 60 test -s /run/first-frame
t "the host's own network is up" wait_for 120 host_is_online
first=$(cat /run/first-frame)
service=$(became_active systemd-networkd.service)
online=$(became_active network-online.target)
diag "first frame $first us, systemd-networkd $service us, network-online.target $online us"
t "the first frame passed TAP and bridge before networkd was up" test "$first" -lt "$service"
t "... and before the host was online" test "$first" -lt "$online"
net_unchanged "" guest1
reclaimed vm1
wait_state idle

# From the guest's card to the host's address in its VLAN, and back.
packets_pass guest1 "" 192.0.2.1
luctl timeline --json >"$LAB_OUT/timeline.json"
net_before_claim
timeline
net_silent
t "luctl net diff finds no difference" luctl net diff
t "a link is lost" ip link del tap-of-a-guest0
luctl net diff | diag
luctl net diff >/run/diff
is $? 9 "luctl net diff finds that"
like "$(cat /run/diff)" "tap-of-a-guest0 +is there +is missing" "... and says so"
t "luctl net replay makes it again" luctl net replay
net_unchanged "" guest1
t "systemd is up and nothing has failed" systemctl is-system-running --wait

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/81-net-sriov/functions.sh
. "$LAB_DIR/functions.sh"

# The card takes rates when it has a carrier; nobody waits for that.
_all_set() {
	functions >/run/functions
	cmp -s /lab/state/functions /run/functions
}

wait_for 60 _all_set
journalctl -b -u luod | grep -i network | diag
t "the virtual functions are as they were" diff -u /lab/state/functions /run/functions
is "$(cat "/sys/class/net/$(physical)/device/sriov_drivers_autoprobe")" 1 \
	"their drivers come by themselves again"
udevadm settle
net_unchanged ""
reclaimed vm1
wait_state idle
net_before_claim
net_silent
t "luctl net diff finds no difference" luctl net diff
t "systemd is up and nothing has failed" systemctl is-system-running --wait

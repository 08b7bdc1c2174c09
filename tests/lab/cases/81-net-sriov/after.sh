#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/81-net-sriov/functions.sh
. "$LAB_DIR/functions.sh"

journalctl -b -u luod | grep -i network | diag
functions >/run/functions
t "the virtual functions are as they were" diff -u /lab/state/functions /run/functions
reclaimed vm1
wait_state idle
net_before_claim
net_silent
t "systemd is up and nothing has failed" systemctl is-system-running --wait

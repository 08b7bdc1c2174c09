#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
timeline
blackout
t "the boot is through" wait_for 120 systemctl is-system-running --wait
systemd-analyze critical-chain vmm@vm1.service | diag

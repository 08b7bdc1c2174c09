#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

is "$(property Sessions)" 0 "there are no sessions"
t "systemd is up and nothing has failed" systemctl is-system-running --wait

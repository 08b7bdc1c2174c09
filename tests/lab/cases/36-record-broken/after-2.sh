#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/36-record-broken/record.sh
. "$LAB_DIR/record.sh"

case $LAB_CASE in
*-versions) as_recorded ;;
*) names_only "there is none in luod's session" ;;
esac
luctl history | diag
t "systemd is up and nothing has failed" systemctl is-system-running --wait

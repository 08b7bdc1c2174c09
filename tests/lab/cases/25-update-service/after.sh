#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
wait_state idle
keeper_holds 0
is "$(luctl timeline --json | jq -r .update.result)" "done" "the update is done"
case $LAB_CASE in
*-systemd) jump=systemd ;;
*) jump=direct ;;
esac
is "$(luctl timeline --json | jq -r .update.jump)" $jump "... by the jump that lu.conf says"
t_not "the unit does not run again" systemctl is-active luod-update.service
t "systemd is up and nothing has failed" systemctl is-system-running --wait

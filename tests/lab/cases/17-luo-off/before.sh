#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

t "luod runs" systemctl is-active luod.service
t "its keeper runs" systemctl is-active luod-keeper.service
t "systemd is up and nothing has failed" systemctl is-system-running --wait
luctl status | diag
luctl check >/run/check 2>&1
is $? 3 "luctl check finds what stands in the way"
diag </run/check
like "$(tr "\n" " " </run/check)" "kernel-liveupdate-off.*liveupdate=on" "it says what is off and the way out"
vmm_start vm1 --size=8M
luctl update >/run/update 2>&1
is $? 1 "an update is refused"
like "$(cat /run/update)" "luctl check" "... with a sentence that says where to look"
is "$(busctl call "${LUOD[@]}" Update 'a{sv}' 0 2>&1 | grep -c 'cannot do live updates')" 1 "... over D-Bus, too"
t "the journal explains it" wait_for 30 sh -c \
	'journalctl -u luod MESSAGE_ID=8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e0a -x | grep -q "Live Update"'

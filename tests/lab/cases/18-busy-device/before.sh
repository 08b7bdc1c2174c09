#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

hold() {
	exec 9<>/dev/liveupdate
}

release() {
	exec 9>&-
}

vmm_start vm1 --size=8M
load
t "it can be opened: luod holds it no longer than a call" hold
release
hold
luctl check >/run/check 2>&1
like "$(cat /run/check)" "liveupdate-busy" "luctl check says that somebody has it"
diag </run/check

printf '[Update]\nStepTimeout=3s\n' >/etc/luod/lu.conf.d/50-case.conf
t "luod reads lu.conf again" systemctl reload luod
t_not "the update does not take place" luctl update --jump=systemd --force
like "$(luctl timeline --json | jq -r .update.error)" "/dev/liveupdate is in use" "history says why"
wait_state loaded
keeper_holds 0
rm /etc/luod/lu.conf.d/50-case.conf
t "luod reads lu.conf again" systemctl reload luod

(exec 9>&- && luctl update --jump=systemd --force >/run/update.log 2>&1) &
t "the next update waits for it" wait_for 60 state_is preparing
sleep 2
release
jump true

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/18-busy-device/watch.sh
. "$LAB_DIR/watch.sh"

hold() {
	sleep infinity 9<>/dev/liveupdate &
	holder=$!
	t "somebody holds the device" wait_for 10 test -e "/proc/$holder/fd/9"
}

release() {
	kill "$holder"
	wait "$holder" || true
}

waits_for_device() {
	luctl status --json | jq -e '.job.step == "sessions"'
}

watch_install
vmm_start vm1 --size=8M
load
t "nothing stands in the way" luctl check

hold
t "the watch sees it" wait_for 10 grep -q sleep /run/device-watch
luctl check >/run/check 2>&1
is $? 3 "luctl check says that an update cannot be made"
diag </run/check
is "$(luctl check --json | jq -r '.findings[] | select(.severity == "error") | .code')" \
	liveupdate-busy "... and why"
luctl update >/run/update 2>&1
is $? 3 "an update is refused"

diag "forced, and the device stays busy"
mkdir -p /run/luod/lu.conf.d
printf '[Update]\nStepTimeout=3s\n' >/run/luod/lu.conf.d/50-case.conf
t "luod reads lu.conf again" systemctl reload luod
luctl update --jump=systemd --force >/run/update 2>&1
is $? 1 "the update fails"
like "$(luctl timeline --json | jq -r .update.error)" "/dev/liveupdate is in use by another process" \
	"history says why"
wait_state loaded
is "$(session_get vm1 State)" idle "the session is as before"
keeper_holds 0
rm /run/luod/lu.conf.d/50-case.conf
t "luod reads lu.conf again" systemctl reload luod

diag "forced, and the device becomes free"
(luctl update --jump=systemd --force >/run/update 2>&1) &
t "the update waits for it" wait_for 60 waits_for_device
sleep 2
t "... still" waits_for_device
never_kept_open
jump release

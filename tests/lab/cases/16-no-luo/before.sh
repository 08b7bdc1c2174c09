#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

t_not "there is no /dev/liveupdate" test -e /dev/liveupdate
explains_itself kernel-no-liveupdate "no Live Update Orchestrator" CONFIG_LIVEUPDATE=y
refuses_update
is "$(luctl status --json | jq .features.liveupdate)" false "status says that the kernel lacks it"

vmm_start vm1 --size=16M --mode=custody
refuses_update
is "$(session_get vm1 State)" idle "the session is as before"
is "$(session_get vm1 PreservedBytes)" $((16 << 20)) "... and luod holds its memory"
t "luod is killed" kill_and_wait luod
t "... and knows the session again" wait_for 30 session_is vm1 idle
t "the memory is still there" wait_for 10 vmm_said vm1 '^reconnected'
t_not "guest vm1 found nothing amiss" grep -Eq 'corrupt|failed' /run/vmm-vm1

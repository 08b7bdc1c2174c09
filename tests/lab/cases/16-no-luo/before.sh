#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

t_not "there is no /dev/liveupdate" test -e /dev/liveupdate
cannot_update kernel-no-liveupdate "CONFIG_KEXEC_HANDOVER=y and CONFIG_LIVEUPDATE=y"
is "$(luctl status --json | jq .features.liveupdate)" false "status: the kernel lacks it"

# Guests may register with luod before the host has a kernel for it.
vmm_start vm1 --size=16M --mode=custody
is "$(session_get vm1 PreservedBytes)" $((16 << 20)) "a session has its memory"
kill_luod "while it holds a session"
t "the guest comes back to it" wait_for 60 vmm_said vm1 '^reconnected'
is "$(session_get vm1 PreservedBytes)" $((16 << 20)) "the memory is still there"
is "$(session_get vm1 State)" idle "the session is as before"
t_not "guest vm1 found nothing amiss" grep -Eq 'corrupt|failed' /run/vmm-vm1

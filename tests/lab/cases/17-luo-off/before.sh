#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

cannot_update kernel-liveupdate-off "liveupdate=on"
vmm_start vm1 --size=8M
is "$(session_get vm1 State)" idle "a session can be made"

# Loading works, and with nothing to take along so does a kexec of the ordinary kind.
load --append="liveupdate=on kho=off"
t_not "an update is refused with a kernel loaded, too" luctl update --force
t_not "a reboot is not refused where there is no other way" \
	test -e /run/systemd/system/reboot.target.d/50-luod.conf
jump systemctl kexec

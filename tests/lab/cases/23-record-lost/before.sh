#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# A luod of another make: its record calls itself something else. It is gone with this boot.
OTHER=/usr/local/lib/luod-other
sed 's/luod-handover/luod-handmade/g' /usr/lib/luod/luod >$OTHER
chmod 755 $OTHER
t_not "there is a luod whose record is another" cmp -s /usr/lib/luod/luod $OTHER
mkdir -p /run/systemd/system/luod.service.d
cat >/run/systemd/system/luod.service.d/other.conf <<EOF
[Service]
ExecStart=
$(systemctl cat luod.service | sed -n "s|^ExecStart=[^ ]*|ExecStart=$OTHER|p")
EOF
systemctl daemon-reload
t "it runs" systemctl restart luod
is "$(readlink "/proc/$(systemctl show -P MainPID luod)/exe")" $OTHER "... and no other"

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
is "$(session_get vm1 ClaimPolicy) $(session_get vm2 ClaimPolicy)" "unit unit" \
	"both sessions are their units'"
load
t "nothing stands in the way" luctl check
systemctl disable vmm@vm2
jump luctl update --jump=direct --reason="unreadable"

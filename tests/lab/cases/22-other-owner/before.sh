#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/22-other-owner/strangers.sh
. "$LAB_DIR/strangers.sh"

install -D "$LAB_DIR/stranger.py" "$STRANGER"
vmm_start vm1 --size=16M --mode=custody --claim-policy=unit
vmm_start vm2 --size=16M --mode=delegation --claim-policy=unit
is "$(session_get vm1 ClaimPolicy) $(session_get vm1 Unit)" "unit vmm@vm1.service" "vm1 is its unit's"
resources=$(session_get vm1 Resources)

for vm in vm1 vm2; do
	refused_all $vm
done
is "$(session_get vm1 Resources)" "$resources" "vm1 has what it had"
is "$(session_get vm1 Unit)" vmm@vm1.service "... and whose it is has not changed"

is "$(python3 "$LAB_DIR/recycled.py" "$(session_path vm1)" vmm@vm1.service "$(systemctl show -P MainPID luod)")" \
	$'in the unit: granted\nbehind a pid in the unit: closed' "a pid that was another's makes nobody its heir"
is "$(session_get vm1 Unit)" vmm@vm1.service "vm1 is still its unit's"

for door in /run/luod/keeper /dev/liveupdate; do
	is "$(knock $door)" EACCES "$door is closed to others"
done

diag "while an update waits for its guests"
load
vmm_start slow --size=8M --slow-ready=600
(luctl update --jump=systemd >/run/update.log 2>&1) &
t "the barrier is open" wait_for 60 vmm_said vm1 '^ready'
is "$(stranger slow "Ready Veto" | answers)" NotOwner "nobody else answers for a guest"
is "$(stranger vm2 "GetSessionFD DeclareResource" --uid=nobody | answers)" NotOwner \
	"... or gets at its kernel session"
is "$(session_get slow State)" preparing "luod still waits for it"
t "an administrator calls the update off" luctl cancel
went_on vm1
went_on vm2
vmm_gone slow

# root in a unit of its own, whose call waits in the socket's queue.
cat >/etc/systemd/system/early.service <<EOF
[Unit]
DefaultDependencies=no
After=luod.socket
Before=luod.service

[Service]
Environment=DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus
ExecStart=/usr/bin/python3 $STRANGER vm1 $(session_path vm1) ClaimSession
StandardOutput=truncate:/run/early

[Install]
WantedBy=sysinit.target
EOF
t "somebody will ask before luod knows what it has" systemctl enable early.service
# The owners must not come back before others have tried.
systemctl disable vmm@vm1 vmm@vm2
jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/lab/cases/92-soak/levels.sh
. /lab/case/levels.sh

# What the kernel has when a boot begins, before luod has taken anything over.
cat >/etc/systemd/system/early-memory.service <<'UNIT'
[Unit]
DefaultDependencies=no
Before=luod.service luod-keeper.service sysinit.target
[Service]
Type=oneshot
ExecStart=cp /proc/meminfo /run/early-memory
[Install]
WantedBy=sysinit.target
UNIT
t "the memory of each boot is noted" systemctl enable early-memory.service

note_leaks
vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=16M --mode=custody --device="$LAB_DEVICE" --tell-phases --reattach
for i in 2 3 4 5 6; do
	vmm_start "vm$i" --size=8M --mode=custody
done
for i in 7 8 9 10; do
	vmm_start "vm$i" --size=8M --mode=delegation
done
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 200
is "$(property Sessions)" 10 "there are ten sessions"
go_on

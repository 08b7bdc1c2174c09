#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

kind=${LAB_CASE##*dma-memory}

given_up() {
	journalctl -b -u luod -o cat | grep -q "Nobody claimed session 0/vm1.*devices are to be stopped"
}

# Nobody comes. Until it is given up the device is as it was before the jump.
unclaimed() {
	is "$(session_get vm1 State)" unclaimed "it waits for its owner"
	t "the device may go on meanwhile" masters_bus "$LAB_DEVICE"
	t "it is given up" wait_for 240 given_up
	wait_state idle
	keeper_holds 0
	t_not "the device is stopped" masters_bus "$LAB_DEVICE"
	t "its owner begins anew" systemctl start vmm@vm1
	vmm_wait vm1 "^edu $LAB_DEVICE has its buffer at 0x[0-9a-f]+$"
	device_works vm1 5
	t "systemd is up and nothing has failed" systemctl is-system-running --wait
}

if [ "$kind" = -unclaimed ]; then
	unclaimed
	exit
fi
if [ "$kind" = -killed ]; then
	wait_state restoring
	kill_luod "before the claim"
	is "$(session_get vm1 State)" unclaimed "vm1 still waits"
	like "$(session_get vm1 Resources)" "dma0 dma-memory" "... with its buffer"
	t "vm1 is up" systemctl start vmm@vm1
fi
[ -z "$kind" ] && like "$(tail -n 1 /lab/state/vmm)" '^all preserved' "the owner ended when all was preserved"
reclaimed vm1
vmm_wait vm1 "^edu $LAB_DEVICE has its buffer at $(cat /lab/state/address) again, restored$"
t "nobody had to start the device" masters_bus "$LAB_DEVICE"
device_works vm1 10
diag <"/run/vmm-vm1"
resources_crossed "vm1 ram0 memory 33554432,vm1 dma0 dma-memory 16384"
# What an owner preserves itself is its session's only in an update; else by who has it open, as a check finds.
[ "$kind" != -delegation ] || luctl check >/run/check 2>&1
is "$(luctl devices --json | jq -r '.devices[] | [.address, .driver, .session] | @csv')" \
	"\"$LAB_DEVICE\",\"pci-dmamem\",\"0/vm1\"" "luctl devices tells of the same device"
wait_state idle
keeper_holds 0
timeline
t "systemd is up and nothing has failed" systemctl is-system-running --wait

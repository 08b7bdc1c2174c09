#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

dies() {
	t "its VMM is killed" systemctl kill --signal=SIGKILL "vmm@$1"
	t "luod says so" wait_for 30 luod_said "The owner of session 0/$1 is gone before it said Done; $2"
}

luod_said() {
	journalctl -b -u luod -o cat | grep -q "$1"
}

is_gone() {
	! luctl sessions "$1"
}

is_stopped() {
	! masters_bus "$1"
}

comes_back() {
	sed -i 's/--[a-z]*-*[a-z]*=600//' "/etc/vmm/$1"
	: >"/run/vmm-$1"
	t "a VMM is started in its place" systemctl start "vmm@$1"
}

case $LAB_CASE in
*-hold) then="it is kept for another" ;;
*) then="without another within its ClaimTimeout it is given up" ;;
esac

diag "one dies after its claim, with its device in hand, and not attached yet"
vmm_wait kept '^parked'
is "$(session_get kept State)" claimed "its session is claimed"
dies kept "$then"
t "its device goes on: luod has it" masters_bus "$LAB_DEVICE"
diag "one dies when its device is attached and its guest runs, before Done"
vmm_wait own '^resumed'
device_works own 200
is "$(session_get own State)" resumed "its session waits for Done"
dies own "$then"
t "its device goes on: the kernel session has it" masters_bus "$LAB_SECOND"

case $LAB_CASE in
*-hold)
	sleep 10
	is "$(session_get kept State),$(session_get own State)" claimed,resumed "both sessions are held"
	is "$(session_get kept OwnerConnected),$(session_get own OwnerConnected)" false,false \
		"nobody speaks for them"
	state_is finishing
	is $? 0 "the update is not over"
	comes_back kept
	reclaimed kept
	t "it has its device back" vmm_said kept "^taken back $LAB_DEVICE"
	comes_back own
	vmm_wait own '^claimed resumed'
	vmm_wait own '^done'
	for vm in kept own; do
		t "its device has worked while nobody looked" vmm_said $vm '^meanwhile [1-9][0-9]* frames'
		device_works $vm 500
	done
	;;
*)
	t "the one in custody is given up" wait_for 120 is_gone kept
	t "its device is stopped" wait_for 20 is_stopped "$LAB_DEVICE"
	t "so is the other one" wait_for 60 is_gone own
	like "$(journalctl -b -u luod -o cat)" "No owner came back to session 0/kept within its ClaimTimeout" \
		"luod says that it gave them up"
	# What a guest of 128 MiB and one of 16 had, and 80 each for a device.
	t "their memory is free" wait_for 30 takes_at_most 50
	;;
esac
diag "$(memory_taken) MiB are taken"
wait_state idle
keeper_holds 0
timeline

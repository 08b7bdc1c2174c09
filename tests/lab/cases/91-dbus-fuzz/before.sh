#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# No kernel is loaded at first, and Load gets every kind of fd but that of an image, so Update and Cancel are
# called like everything else and have to refuse. Then there is a kernel and an update, which waits for a
# guest that says nothing.
SEED=${RANDOM}
EXAMPLES=20
LOG=/run/fuzz.json

# What an unprivileged caller must leave as it is: the manager but for the last check's findings, the
# guest's session and another's, lu.conf, the history, what is loaded, the keeper's sessions.
state() {
	for name in State Jump Target Sessions Jobs UpdateId; do
		property $name
	done
	for name in State Reason Unit Resources PreservedBytes OwnerConnected; do
		session_get vm1 $name
	done
	find /etc/luod /var/lib/luod -type f -exec sha256sum {} +
	cat /sys/kernel/kexec/loaded
	_keeper_count
}

interfaces() {
	jq -r '.members | keys[]' $LOG | sed -n 's/^org\.luod1\.\(.*\)\..*/\1/p' | sort -u | paste -sd' '
}

call_all() {
	python3 "$LAB_DIR/build/fuzz.py" --seed "$SEED" --examples $EXAMPLES "$@" >$LOG
}

fuzz() {
	local who=$1 uid=$2 address=$3 pid fds
	shift 3
	pid=$(systemctl show -P MainPID luod)
	fds=$(luod_fds)
	state >/run/state
	t "$who: seed $SEED, $EXAMPLES examples of each member" \
		call_all --uid "$uid" --address "$address" "$@" || diag <$LOG
	diag "$(jq .calls $LOG) calls of $(jq '.members | length' $LOG) members"
	jq -c '.errors, .fds, .granted' $LOG | diag
	t "those were many" test "$(jq .calls $LOG)" -gt 1000
	is "$(interfaces)" "$all" "no interface was left out"
	is "$(jq -r '.fds[]' $LOG | grep -Ec '^(/dev/iommu|/dev/net/tun|vfio device)$')" 3 \
		"fds of devices were among what it was given"
	is "$(systemctl show -P MainPID luod)" "$pid" "luod is the same process"
	wait_for 30 fds_are "$fds"
	is "$(luod_fds)" "$fds" "it has as many fds as before"
	state >/run/state-now
	t "nothing has changed that is not the caller's" diff -u /run/state /run/state-now
}

went_far() {
	t "not all it asked of its own session was refused" jq -e '.granted | .AttachMemory and .Detach' $LOG
}

is_preparing() {
	[ "$(session_get vm1 State)" = preparing ]
}

fds_are() {
	[ "$(luod_fds)" -le "$1" ]
}

keep_traces
vfio_take "$LAB_DEVICE"
configure '[Update]' ReadyTimeout=1h MaxReadyTimeout=1h
vmm_start vm1 --size=16M --mode=custody --device="$LAB_DEVICE"
phase before
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 200
all="Device Manager Session"
guest=$(session_path vm1)
for uid in 65534 0; do
	# Root may close anybody's session, and would.
	skip=()
	[ $uid != 0 ] || skip=(--skip "$guest")
	fuzz "uid $uid on the bus" $uid unix:path=/run/dbus/system_bus_socket "${skip[@]}"
	went_far
	fuzz "uid $uid on luod's socket" $uid unix:path=/run/luod/bus "${skip[@]}"
	went_far
done
t "the guest's memory is still written" memory_moves vm1
device_works vm1 200

load
pid=$(systemctl show -P MainPID vmm@vm1)
kill -STOP "$pid"
update_begins
t "an update waits for the guest" wait_for 60 is_preparing
all="Device Job Manager Session"
for address in /run/dbus/system_bus_socket /run/luod/bus; do
	fuzz "uid 65534 on $address, during an update" 65534 "unix:path=$address"
done
t "it waits still" is_preparing
t "it is called off" luctl cancel
kill -CONT "$pid"
wait_state loaded
went_on vm1
device_works vm1 200
is "$(journalctl -b -u luod -p crit --no-pager -q | wc -l)" 0 "luod has nothing to cry about"
is "$(systemctl show -P NRestarts luod)" 0 "luod was never started anew"
t "systemd is up and nothing has failed" systemctl is-system-running --wait

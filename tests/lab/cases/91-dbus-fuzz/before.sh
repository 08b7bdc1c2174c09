#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# No kernel is ever loaded: Load gets every kind of fd but that of an image, so Update and Cancel are called
# like everything else and have to refuse.
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
	jq -c .errors $LOG | diag
	t "those were many" test "$(jq .calls $LOG)" -gt 1000
	is "$(systemctl show -P MainPID luod)" "$pid" "luod is the same process"
	wait_for 30 fds_are "$fds"
	is "$(luod_fds)" "$fds" "it has as many fds as before"
	state >/run/state-now
	t "nothing has changed that is not the caller's" diff -u /run/state /run/state-now
}

fds_are() {
	[ "$(luod_fds)" -le "$1" ]
}

keep_traces
vmm_start vm1 --size=16M --mode=custody
guest=$(session_path vm1)
for uid in 65534 0; do
	# Root may close anybody's session, and would.
	skip=()
	[ $uid != 0 ] || skip=(--skip "$guest")
	fuzz "uid $uid on the bus" $uid unix:path=/run/dbus/system_bus_socket "${skip[@]}"
	fuzz "uid $uid on luod's socket" $uid unix:path=/run/luod/bus "${skip[@]}"
done
t "the guest's memory is still written" memory_moves vm1
is "$(journalctl -b -u luod -p crit --no-pager -q | wc -l)" 0 "luod has nothing to cry about"
is "$(systemctl show -P NRestarts luod)" 0 "luod was never started anew"
t "systemd is up and nothing has failed" systemctl is-system-running --wait

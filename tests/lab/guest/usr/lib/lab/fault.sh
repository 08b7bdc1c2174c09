# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For cases in which luod fails where it is told to (luod/fault.h), on top of luod.sh. A case is a matrix:
# the rows are made from the points that luod itself lists, and each is one line of TAP, with all that is
# wrong in it.
#
#	faults_on              assertion: the luod that runs is the one that can fail
#	fault_points REGEX     where it can
#	fault LINE...          what shall happen, from now on; POINT WHAT each
#	stopped, woken         luod stands still; it shall go on
#	row NAME               begins one
#	wrong TEXT             about the row
#	expect WHAT CMD...     wrong unless CMD succeeds; expect_within SECONDS waits for that
#	row_ends               its line of TAP
#	remember_files         what luod and its keeper have open now
#	nothing_leaks          or this is wrong: they have the same open, and nobody a kernel session
#	guests_go_on NAME...   ... or this: each as it was, and it runs

# shellcheck source=tests/lab/guest/usr/lib/lab/luod.sh
. /usr/lib/lab/luod.sh

FAULTS=/usr/lib/lab/luod-faults

faults_on() {
	mkdir -p /etc/systemd/system/luod.service.d
	printf '[Service]\nExecStart=\nExecStart=%s\n' $FAULTS >/etc/systemd/system/luod.service.d/faults.conf
	systemctl daemon-reload
	systemctl restart luod
	is "$(readlink "/proc/$(systemctl show -P MainPID luod)/exe")" "$FAULTS" \
		"the luod that runs is one that can fail"
}

fault_points() {
	"$FAULTS" --faults | grep -E "$1"
}

fault() {
	rm -f /run/luod/fault.done
	printf '%s\n' "$@" >/run/luod/fault.new
	mv /run/luod/fault.new /run/luod/fault
}

luod_pid() {
	systemctl show -P MainPID luod
}

_stands_still() {
	local words
	_stopped=$(luod_pid)
	[ "$_stopped" != 0 ] && read -ra words <"/proc/$_stopped/stat" && [ "${words[2]}" = T ]
}

stopped() {
	wait_for 60 _stands_still
}

woken() {
	kill -CONT "$_stopped"
}

row() {
	_row=$1
	_wrong=()
}

wrong() {
	_wrong+=("$*")
}

expect() {
	local what=$1
	shift
	"$@" >/dev/null 2>&1 || wrong "$what"
}

expect_within() {
	local seconds=$1 what=$2
	shift 2
	wait_for "$seconds" "$@" || wrong "$what"
}

row_ends() {
	if [ ${#_wrong[@]} -eq 0 ]; then
		ok "$_row"
		return 0
	fi
	not_ok "$_row: $(printf '%s; ' "${_wrong[@]}")"
	luctl timeline --json | jq -r '.update | "\(.result): \(.error)"' | diag
	journalctl -b -u luod -u luod-keeper -o cat -n 8 | diag
	return 1
}

# Connections come and go, with the pidfds of who is at their other end, and timers, which the event loop
# makes when it needs them. What any other file is, its name says, without the numbers in it.
_files() {
	local unit
	for unit in luod luod-keeper; do
		find "/proc/$(systemctl show -P MainPID $unit)/fd" -printf "$unit %l\n"
	done | grep -Ev ' (socket:|anon_inode:.(pidfd|timerfd))' | sed 's/[0-9]\+/N/g' | sort | uniq -c
}

remember_files() {
	_files >/run/files
	diag </run/files
}

_files_are_the_same() {
	_files >/run/files-now
	cmp -s /run/files /run/files-now
}

_kernel_sessions() {
	find /proc/[0-9]*/fd -lname '*luo_session*' 2>/dev/null
}

_no_kernel_session() {
	[ -z "$(_kernel_sessions)" ]
}

nothing_leaks() {
	expect_within 20 "somebody has a kernel session" _no_kernel_session
	wait_for 20 _files_are_the_same ||
		wrong "other files are open: $(diff /run/files /run/files-now | grep '^[<>]' | paste -sd,)"
}

_is_as_it_was() {
	local said
	said=$(<"/run/vmm-$1")
	[[ $said != *prepare* ]] || [[ ${said##*prepare} == *verified* ]]
}

_counts() {
	local line
	[ "$(awk '{ print $14 + $15 }' "/proc/$2/stat")" -gt "$3" ] || return
	[[ $(<"/etc/vmm/$1") == *--device* ]] || return 0
	line=$(grep '^device .* missing or wrong' "/run/vmm-$1" | tail -n 1)
	[[ $line == *", 0 missing or wrong" ]]
}

guests_go_on() {
	local vm pid ticks
	for vm in "$@"; do
		expect_within 60 "guest $vm does not go on: $(tail -n 3 "/run/vmm-$vm" | paste -sd,)" \
			_is_as_it_was "$vm"
		pid=$(systemctl show -P MainPID "vmm@$vm")
		ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
		! grep -E '^(corrupt|failed)' "/run/vmm-$vm" >/run/amiss ||
			wrong "guest $vm: $(paste -sd, /run/amiss)"
		: >"/run/vmm-$vm"
		expect_within 20 "guest $vm does not run, or not its device" _counts "$vm" "$pid" "$ticks"
	done
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# For cases in which luod fails where it is told to (luod/fault.h), on top of luod.sh. A case is a matrix:
# the rows are made from the points that luod itself lists, and each is one line of TAP, with all that is
# wrong in it.
#
#	faults_on              assertion: the luod that runs is the one that can fail
#	fault_host             a host for a matrix: faults_on, and the guests kept (custody), own (delegation)
#	                       and dev, which has the lab's device
#	fault_points REGEX     where it can
#	fault LINE...          what shall happen, from now on; POINT WHAT each
#	stopped, woken         luod stands still; it shall go on
#	no_fd_left             the kernel gives luod none any more ...
#	give_back_no_fd_left   ... and does again
#	no_room_left, give_back_no_room_left  the same of room in /run/luod, which must be small
#	in_words ERRNO         as an error message says it
#	luod_is_another PID    and not this process
#	stop_bus               the system bus; wrong when it is still there
#	kill_unit UNIT         SIGKILL of its main process; wrong when there is none, or it lives on
#	row NAME               begins one
#	wrong TEXT             about the row
#	expect WHAT CMD...     wrong unless CMD succeeds; expect_within SECONDS waits for that
#	row_ends               its line of TAP
#	each_has_a_row STEP... assertion: there was one for each of these, or for a point of it
#	remember_files         what luod and its keeper have open now, and in store with PID 1
#	nothing_leaks          or this is wrong: they have the same open, $patience seconds later at most, and
#	                       nobody has a kernel session
#	guests_go_on NAME...   ... or this: each as it was, and it runs; of what it says to have failed, what
#	                       $excused matches is as it should be
#	pull_out               the lab's device goes, when whoever has it open lets go of it
#	held_up                or this is wrong: somebody has it open
#	put_in_again NAME      it comes back, and guest NAME, which had it, begins anew with it

# shellcheck source=tests/lab/guest/usr/lib/lab/luod.sh
. /usr/lib/lab/luod.sh

FAULTS=/usr/lib/lab/luod-faults

faults_on() {
	local options
	options=$(systemctl cat luod | sed -n 's|^ExecStart=/usr/lib/luod/luod *||p')
	mkdir -p /etc/systemd/system/luod.service.d
	printf '[Service]\nExecStart=\nExecStart=%s %s\n' $FAULTS "$options" \
		>/etc/systemd/system/luod.service.d/faults.conf
	systemctl daemon-reload
	systemctl restart luod
	is "$(readlink "/proc/$(systemctl show -P MainPID luod)/exe")" "$FAULTS" \
		"the luod that runs is one that can fail"
}

fault_host() {
	faults_on
	vfio_take "$LAB_DEVICE"
	vmm_start kept --size=8M --mode=custody
	vmm_start own --size=8M --mode=delegation
	vmm_start dev --size=8M --mode=custody --device="$LAB_DEVICE"
	phase before
	vmm_wait dev "^attached $LAB_DEVICE"
	device_works dev 200
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

# Numbers below the limit that are free would be given still.
no_fd_left() {
	local n=0
	while [ -L "/proc/$(luod_pid)/fd/$n" ]; do
		((n++))
	done
	given=$(prlimit --pid "$(luod_pid)" --nofile --output SOFT --noheadings)
	prlimit --pid "$(luod_pid)" --nofile="$n:"
}

give_back_no_fd_left() {
	prlimit --pid "$(luod_pid)" --nofile="${given// /}:"
}

no_room_left() {
	! cat /dev/zero >/run/luod/fill
}

give_back_no_room_left() {
	rm /run/luod/fill
}

in_words() {
	case $1 in
	EIO) echo "Input/output error" ;;
	ENOMEM) echo "Cannot allocate memory" ;;
	EMFILE) echo "Too many open files" ;;
	ENOSPC) echo "No space left on device" ;;
	EBUSY) echo "Device or resource busy" ;;
	EINVAL) echo "Invalid argument" ;;
	EAGAIN) echo "Resource temporarily unavailable" ;;
	ENOENT) echo "No such file or directory" ;;
	ENOEXEC) echo "Exec format error" ;;
	esac
}

_rows=()

_has_main_process() {
	_main=$(systemctl show -P MainPID "$1")
	[ "$_main" != 0 ]
}

kill_unit() {
	wait_for 20 _has_main_process "$1" || wrong "$1 does not run"
	systemctl kill --kill-whom=main --signal=KILL "$1"
	expect_within 20 "$1 is not killed" test ! -e "/proc/$_main"
}

luod_is_another() {
	local pid
	pid=$(luod_pid)
	[ "$pid" != 0 ] && [ "$pid" != "$1" ]
}

_no_bus() {
	! systemctl is-active -q dbus.service dbus.socket
}

stop_bus() {
	systemctl stop dbus.socket dbus.service
	expect_within 20 "the bus is still there" _no_bus
}

row() {
	_row=$1
	_rows+=("$1")
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

_without_a_row() {
	local step
	for step; do
		printf '%s\n' "${_rows[@]}" | grep -q "^${step}[: ]" || echo "$step"
	done
}

each_has_a_row() {
	is "$(_without_a_row "$@" | paste -sd' ')" "" "no step is without a row"
}

# Connections come and go, with the pidfds of who is at their other end, and timers, which the event loop
# makes when it needs them. What any other file is, its name says, without the numbers in it; and what came
# through a jump is the same under another name.
_files() {
	local unit
	for unit in luod luod-keeper; do
		find "/proc/$(systemctl show -P MainPID $unit)/fd" -printf "$unit %l\n"
	done | grep -Ev ' (socket:|anon_inode:.(pidfd|timerfd))' | sed -e 's/[0-9]\+/N/g' \
		-e 's|/memfd:guest-ram (deleted)|memory|; s|/ (deleted)|memory|' \
		-e 's|/dev/iommu|iommufd|; s|anon_inode:.iommufd.|iommufd|' \
		-e 's|/dev/vfio/devices/vfioN|device|; s|anon_inode:.vfio-device.|device|' | sort | uniq -c
	for unit in luod luod-keeper; do
		echo "$unit has $(systemctl show -P NFileDescriptorStore $unit) in its store"
	done
}

patience=20

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
	wait_for "$patience" _files_are_the_same ||
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

excused='^$'

guests_go_on() {
	local vm pid ticks
	for vm in "$@"; do
		expect_within 60 "guest $vm does not go on: $(tail -n 3 "/run/vmm-$vm" | paste -sd,)" \
			_is_as_it_was "$vm"
		pid=$(systemctl show -P MainPID "vmm@$vm")
		ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
		! grep -E '^(corrupt|failed)' "/run/vmm-$vm" | grep -Ev "$excused" >/run/amiss ||
			wrong "guest $vm: $(paste -sd, /run/amiss)"
		: >"/run/vmm-$vm"
		expect_within 20 "guest $vm does not run, or not its device" _counts "$vm" "$pid" "$ticks"
	done
}

_PCI=/sys/bus/pci

pull_out() {
	(echo 1 >"$_PCI/devices/$LAB_DEVICE/remove") &
	_pulling=$!
	sleep 1
}

held_up() {
	expect "the device goes at once" kill -0 "$_pulling"
}

# To vfio-pci at once: a native driver would have it go on with the rings that its guest gave it.
_device_comes() {
	echo 0 >$_PCI/drivers_autoprobe
	echo 1 >$_PCI/rescan
	wait_for 20 test -e "$_PCI/devices/$LAB_DEVICE" || wrong "the device does not come back"
	_vfio_bind "$LAB_DEVICE"
	echo 1 >$_PCI/drivers_autoprobe
	expect_within 20 "vfio-pci does not take the device" _vfio_has "$LAB_DEVICE"
}

# luod starts again what was up, and a stop that is asked for meanwhile is cancelled.
_is_stopped() {
	systemctl stop "$1"
	[ "$(systemctl show -P MainPID "$1")" = 0 ]
}

_pulled_out() {
	! kill -0 "$_pulling"
}

put_in_again() {
	expect_within 60 "guest $1 cannot be stopped" _is_stopped "vmm@$1"
	systemctl reset-failed "vmm@$1"
	expect "the session of the device cannot be closed" luctl close "$1"
	if ! wait_for 60 _pulled_out; then
		wrong "the device does not go"
		return
	fi
	expect "the kernel does not take the device away" wait "$_pulling"
	expect "the device is still there" test ! -e "$_PCI/devices/$LAB_DEVICE"
	_device_comes
	rm -f /run/killed
	: >"/run/vmm-$1"
	expect "guest $1 is not started" systemctl start "vmm@$1"
	wait_for 60 vmm_said "$1" "^attached $LAB_DEVICE" || wrong "guest $1 has no device"
}

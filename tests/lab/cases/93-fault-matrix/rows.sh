# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kinds of fault: KIND_rows makes a row for each of luod's steps.

guests=(kept own dev) # in custody, by delegation, in custody with a device
last=
mapfile -t steps < <(fault_points ':act$' | sed 's/:act$//')

# Until a row starts them: what was up before a host was stopped is started again when that is called off.
killed_guests_stay_dead() {
	local vm
	for vm in "${guests[@]}"; do
		mkdir -p "/etc/systemd/system/vmm@$vm.service.d"
		printf '[Unit]\nConditionPathExists=!/run/killed\n' \
			>"/etc/systemd/system/vmm@$vm.service.d/case.conf"
	done
}

update() {
	luctl update --jump=direct >/run/update.log 2>&1
}

# With these faults, and one at the last step.
fails() {
	fault "$@" "jump:act EIO"
	update
}

happened() {
	grep -qx "$1" /run/luod/fault.done || wrong "it did not come to $1"
}

# meanwhile POINT CMD...: luod stands still there while that happens, then the update goes on to its end.
meanwhile() {
	local pid
	fault "$1 stop" "jump:act EIO"
	update &
	pid=$!
	stopped || wrong "it did not come to $1"
	"${@:2}"
	woken
	wait "$pid"
	happened "$1 stop"
}

# called_off RESULT WHY: what must be after each row, with regular expressions for the history.
called_off() {
	local id result why
	wait_for 90 state_is loaded || wrong "luod is $(property State)"
	read -r id result why < <(luctl timeline --json | jq -r '.update | "\(."update-id") \(.result) \(.error)"')
	[ "$id" != "$last" ] || wrong "the history does not know of it"
	last=$id
	[[ $result =~ ^($1)$ && $why =~ $2 ]] || wrong "the history says $result: $why"
	expect "file systems take nothing" timeout 20 touch /var/tmp/row
	guests_go_on "${guests[@]}"
	nothing_leaks
}

row_without_fault() {
	diag "luod's steps: ${steps[*]}"
	row "an update that fails at its end"
	fails
	called_off failed "^Step '${steps[-1]}' failed: Input/output error\.$"
	row_ends
}

# --- luod ---------------------------------------------------------------------------------------------

in_words() {
	case $1 in
	EIO) echo "Input/output error" ;;
	ENOMEM) echo "Cannot allocate memory" ;;
	EMFILE) echo "Too many open files" ;;
	ENOSPC) echo "No space left on device" ;;
	esac
}

error_row() {
	row "$1 $2"
	fails "$1 $2"
	happened "$1 $2"
	called_off failed "^Step '${1%:*}' failed: $(in_words "$2")\.$"
	row_ends
}

# Before a step nothing of it is there, after it there is all of it to be undone.
error_rows() {
	local step after
	for step in "${steps[@]}"; do
		after=$(fault_points "^$step:done") || after=$step:act
		error_row "$step:act" EIO
		error_row "$after" ENOMEM
		error_row "$step:act" EMFILE
		error_row "$after" ENOSPC
	done
}

was_restarted="luod was restarted in the middle of it"

kill_rows() {
	local point
	for point in $(fault_points "^($(printf '%s|' "${steps[@]}"):)"); do
		row "$point SIGKILL of luod"
		fails "$point kill"
		happened "$point kill"
		called_off failed "^$was_restarted$"
		row_ends
	done
}

restart_rows() {
	local step
	for step in "${steps[@]}"; do
		row "$step:act restart of luod"
		meanwhile "$step:act" systemctl restart --no-block luod
		called_off failed "^$was_restarted|^Step '${steps[-1]}' failed"
		row_ends
	done
}

# --- whom it needs ------------------------------------------------------------------------------------

kill_keeper_now() {
	kill -KILL "$(systemctl show -P MainPID luod-keeper)"
}

keeper_rows() {
	local step
	for step in "${steps[@]}"; do
		row "$step:act SIGKILL of luod-keeper"
		meanwhile "$step:act" kill_keeper_now
		called_off failed .
		row_ends
	done
}

bus_rows() {
	local step
	for step in "${steps[@]}"; do
		row "$step:act the bus is gone"
		meanwhile "$step:act" systemctl stop dbus.socket dbus.service
		systemctl start dbus.socket dbus.service
		called_off failed .
		row_ends
	done
}

hold_liveupdate() {
	exec {held}<>/dev/liveupdate
}

busy_rows() {
	local step held why
	for step in "${steps[@]}"; do
		row "$step:act /dev/liveupdate is busy"
		why="^Step '${steps[-1]}' failed"
		[[ $step != check && $step != sessions ]] || why="/dev/liveupdate is in use"
		meanwhile "$step:act" hold_liveupdate
		exec {held}>&-
		called_off failed "$why"
		row_ends
	done
}

# --- its clients --------------------------------------------------------------------------------------

pids_of() {
	local vm
	for vm in "$@"; do
		systemctl show -P MainPID "vmm@$vm"
	done
}

hang_rows() {
	local step why victims
	mapfile -t victims < <(pids_of own dev)
	why="Session 0/(own|dev): its owner did not say Ready in time"
	for step in "${steps[@]}"; do
		row "$step:act two owners hang"
		meanwhile "$step:act" kill -STOP "${victims[@]}"
		kill -CONT "${victims[@]}"
		called_off failed "$why"
		row_ends
		[ "$step" != barrier ] || why="^Step '${steps[-1]}' failed"
	done
}

start_again() {
	local vm
	rm -f /run/killed
	systemctl reset-failed vmm@own vmm@dev
	for vm in own dev; do
		: >"/run/vmm-$vm"
		expect "guest $vm is not started" systemctl start "vmm@$vm"
	done
}

client_rows() {
	local step victims
	for step in "${steps[@]}"; do
		row "$step:act SIGKILL of two owners"
		mapfile -t victims < <(pids_of own dev)
		touch /run/killed
		meanwhile "$step:act" kill -KILL "${victims[@]}"
		wait_for 90 state_is loaded
		expect "the sessions are not idle" \
			[ "$(session_get own State),$(session_get dev State)" = idle,idle ]
		start_again
		called_off failed .
		row_ends
	done
}

# --- its administrator --------------------------------------------------------------------------------

# What is asked of a luod that stands still it hears when it goes on: the bus has the call by then.
ask() {
	busctl call "${LUOD[@]}" "$@" >/run/asked.log 2>&1 &
	asked=$!
	sleep 2
}

cancel_rows() {
	local step results=cancelled
	for step in "${steps[@]}"; do
		[ "$step" != "${steps[-1]}" ] || results="cancelled|failed" # it fails before it hears that
		row "$step:act Cancel"
		meanwhile "$step:act" ask Cancel s enough
		wait "$asked"
		called_off "$results" .
		row_ends
	done
}

# One that is heard after the end of the first is an update of its own, and fails, too.
second_update() {
	[ "$1" = check ] || echo "check:act EIO" >>/run/luod/fault
	ask Update 'a{sv}' 0
}

second_rows() {
	local step why
	for step in "${steps[@]}"; do
		row "$step:act a second Update"
		meanwhile "$step:act" second_update "$step"
		wait "$asked"
		[ "$step" = "${steps[-1]}" ] || grep -q "is not over yet" /run/asked.log ||
			wrong "the second one is not refused: $(paste -sd, /run/asked.log)"
		why="^Step '${steps[-1]}' failed"
		[ "$step" != "${steps[-1]}" ] || why="^Step '(check|$step)' failed"
		called_off failed "$why"
		row_ends
	done
}

# --- the machine --------------------------------------------------------------------------------------

PCI=/sys/bus/pci

# That waits for whoever has it open.
pull_out() {
	(echo 1 >"$PCI/devices/$LAB_DEVICE/remove") &
	pulling=$!
	sleep 1
}

put_in_again() {
	systemctl stop vmm@dev
	expect "the session of the device cannot be closed" luctl close dev
	wait_for 60 test ! -e "$PCI/devices/$LAB_DEVICE" || wrong "the device does not go"
	wait "$pulling"
	echo 1 >$PCI/rescan
	wait_for 20 test -e "$PCI/devices/$LAB_DEVICE" || wrong "the device does not come back"
	_vfio_has "$LAB_DEVICE" || {
		echo vfio-pci >"$PCI/devices/$LAB_DEVICE/driver_override"
		echo "$LAB_DEVICE" >$PCI/drivers_probe
		wait_for 20 _vfio_has "$LAB_DEVICE"
	}
	: >/run/vmm-dev
	expect "guest dev is not started" systemctl start vmm@dev
	wait_for 60 vmm_said dev "^attached $LAB_DEVICE" || wrong "guest dev has no device"
}

unplug_rows() {
	local step
	for step in "${steps[@]}"; do
		row "$step:act the device is unplugged"
		meanwhile "$step:act" pull_out
		wait_for 90 state_is loaded
		put_in_again
		called_off failed .
		row_ends
	done
}

trace_luod() {
	strace -q -o /run/strace -e trace=reboot -e "inject=reboot:error=$1" -p "$(luod_pid)" &
	tracer=$!
	wait_for 20 grep -q "^TracerPid:.$tracer$" "/proc/$(luod_pid)/status" || wrong "nobody traces luod"
}

# The kernel's own refusals come from its freezing the sessions, in reboot(2), which is the last step.
refuse_rows() {
	local error
	for error in EBUSY EINVAL EIO ENOMEM EAGAIN ENOENT; do
		row "${steps[-1]} the kernel says $error"
		trace_luod $error
		fault
		update
		kill $tracer
		wait $tracer
		grep -q reboot /run/strace || wrong "it did not come to the jump"
		called_off failed "The kernel refused the jump"
		row_ends
	done
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kinds of fault. Of each there is
#
#	KIND_rows STEP         the rows of one of luod's steps, a line each: POINT WHAT
#	KIND_row POINT WHAT    what happens in such a row, and what must be then
#
# The steps are those that luod lists: a new one has its rows the moment it exists.

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

# Nor may it stop there later, when nobody is left who wakes it.
nobody_stops_it() {
	wrong "it did not come to $1"
	fault "jump:act EIO"
}

# meanwhile POINT CMD...: luod stands still there while that happens, then the update goes on to its end.
the_end="jump:act EIO"
meanwhile() {
	local pid
	fault "$1 stop" "$the_end"
	update &
	pid=$!
	stopped || nobody_stops_it "$1"
	"${@:2}"
	woken
	wait "$pid"
	happened "$1 stop"
}

# called_off RESULT WHY: what must be after each row, with regular expressions for what the history says;
# that is in $result and $why then.
called_off() {
	local id
	wait_for 90 state_is loaded || wrong "luod is $(property State)"
	read -r id result why < <(luctl timeline --json | jq -r '.update | "\(."update-id") \(.result) \(.error)"')
	[ "$id" != "$last" ] || wrong "the history does not know of it"
	last=$id
	diag "$result: $why"
	[[ $result =~ ^($1)$ && $why =~ $2 ]] || wrong "the history says $result: $why"
	expect "file systems take nothing" timeout 20 touch /var/tmp/row
	expect_within 60 "what was up is not" units_are_back "$units"
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

# Each of them a process, and what it has of its own.
note_memory() {
	local unit
	for unit in luod luod-keeper; do
		echo "$unit $(systemctl show -P MainPID $unit) $(own_memory $unit)"
	done >/run/memory
}

# Of all that has failed meanwhile nothing may have been left behind, a little each time.
nothing_grew() {
	local unit pid before now
	while read -r unit pid before; do
		now=$(own_memory "$unit")
		if [ "$(systemctl show -P MainPID "$unit")" = "$pid" ]; then
			t "$unit has $now KiB of its own, $before after the first row" test $((now - before)) -le 1024
		else
			diag "$unit was started anew: $now KiB of its own, $before after the first row"
		fi
	done </run/memory
}

# all_rows KIND: of each step, one after the other.
all_rows() {
	local step point what
	for step in "${steps[@]}"; do
		while read -r point what <&3; do
			row "$point $what"
			"$1_row" "$point" "$what"
			row_ends
		done 3< <("$1_rows" "$step")
	done
}

fails_at_its_end="^Step '${steps[-1]}' failed"
was_restarted="luod was restarted in the middle of it"

# --- luod ---------------------------------------------------------------------------------------------

# Before a step nothing of it is there, after it there is all of it to be undone.
error_rows() {
	local after
	after=$(fault_points "^$1:done") || after=$1:act
	printf '%s\n' "$1:act EIO" "$after ENOMEM" "$1:act EMFILE" "$after ENOSPC"
}

error_row() {
	fails "$1 $2"
	happened "$1 $2"
	called_off failed "^Step '${1%:*}' failed: $(in_words "$2")\.$"
}

kill_rows() {
	fault_points "^$1:" | sed 's/$/ SIGKILL of luod/'
}

kill_row() {
	fails "$1 kill"
	happened "$1 kill"
	called_off failed "^$was_restarted$"
}

restart_rows() {
	echo "$1:act restart of luod"
}

restart_row() {
	local pid
	pid=$(luod_pid)
	meanwhile "$1" systemctl restart --no-block luod
	called_off failed "^$was_restarted|$fails_at_its_end"
	expect_within 60 "luod is not another process" luod_is_another "$pid"
}

# A run directory that can be full without anybody else's being so.
small_run_directory() {
	systemctl stop luod.socket luod-host.socket luod-host luod luod-keeper
	t "luod's run directory is small" mount -t tmpfs -o size=1M,mode=0755 luod /run/luod
	systemctl start luod.socket luod-host.socket luod-keeper luod
}

exhausted_rows() {
	printf "$1:act %s\n" "no fd left" "no memory left" "no room left"
}

# What it asks for while it stands still is refused by the kernel, and given again when the update is over.
exhausted_row() {
	local pid what=${2// /_}
	pid=$(luod_pid)
	# shellcheck disable=SC2034 # both are fault.sh's
	excused="^failed preserve: $(in_words EMFILE)"
	# An answer of logind's that there was no fd for is asked for again when it is overdue.
	# shellcheck disable=SC2034
	patience=180
	meanwhile "$1" "$what"
	"give_back_$what"
	called_off failed "$fails_at_its_end|$(in_words EMFILE)|$(in_words ENOMEM)|$(in_words ENOSPC)|Out of memory|^Session 0/own: its owner is gone"
	[ "$(luod_pid)" = "$pid" ] || wrong "luod is another process"
	[[ $why =~ $fails_at_its_end ]] || noticed+=("$2")
}

no_memory_left() {
	prlimit --pid "$(luod_pid)" --as="$(awk '/^VmSize/ { print $2 * 1024 }' "/proc/$(luod_pid)/status"):"
}

give_back_no_memory_left() {
	prlimit --pid "$(luod_pid)" --as=unlimited:
}

# --- whom it needs ------------------------------------------------------------------------------------

keeper_rows() {
	echo "$1:act SIGKILL of luod-keeper"
}

keeper_row() {
	meanwhile "$1" kill_unit luod-keeper
	called_off failed "$fails_at_its_end"
}

host_rows() {
	echo "$1:act SIGKILL of luod-host"
}

# It is not there all the time: its socket starts it.
kill_host() {
	systemctl start luod-host
	kill_unit luod-host
}

host_row() {
	meanwhile "$1" kill_host
	called_off failed "$fails_at_its_end"
}

bus_rows() {
	echo "$1:act the bus is gone"
}

bus_row() {
	meanwhile "$1" stop_bus
	systemctl start dbus.socket dbus.service
	called_off failed "$fails_at_its_end"
}

busy_rows() {
	echo "$1:act /dev/liveupdate is busy"
}

hold_liveupdate() {
	exec {held}<>/dev/liveupdate
}

busy_row() {
	local held why=$fails_at_its_end
	[ "$1" != check:act ] || why="^The check found what stands in the way"
	[ "$1" != sessions:act ] || why="/dev/liveupdate is in use"
	meanwhile "$1" hold_liveupdate
	exec {held}>&-
	called_off failed "$why"
}

# --- its clients --------------------------------------------------------------------------------------

pids_of() {
	local vm
	for vm in "$@"; do
		systemctl show -P MainPID "vmm@$vm"
	done
}

hang_rows() {
	echo "$1:act two owners hang"
}

# Those that hang have said Ready once the barrier is behind them.
hang_row() {
	local victims before why=$fails_at_its_end
	before=$(printf '%s:act\n' "${steps[@]}" | sed '/^barrier:/q')
	! grep -qx "$1" <<<"$before" || why="Session 0/(own|dev): its owner did not say Ready in time"
	mapfile -t victims < <(pids_of own dev)
	meanwhile "$1" kill -STOP "${victims[@]}"
	kill -CONT "${victims[@]}"
	called_off failed "$why"
}

client_rows() {
	echo "$1:act SIGKILL of two owners"
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

client_row() {
	local victims
	mapfile -t victims < <(pids_of own dev)
	touch /run/killed
	meanwhile "$1" kill -KILL "${victims[@]}"
	wait_for 90 state_is loaded
	expect "the sessions are not idle" \
		[ "$(session_get own State),$(session_get dev State)" = idle,idle ]
	start_again
	called_off failed "$fails_at_its_end|^Session 0/(own|dev): its owner is gone"
}

# --- its administrator --------------------------------------------------------------------------------

# What is asked of a luod that stands still it hears when it goes on: the bus has the call by then.
ask() {
	busctl call "${LUOD[@]}" "$@" >/run/asked.log 2>&1 &
	asked=$!
	sleep 2
}

# Who asked is looked up before it counts: that may take longer than the last step but one and the last.
comes_too_late() {
	[[ $1 = "${steps[-1]}:act" || $1 = "${steps[-2]}:act" ]]
}

cancel_rows() {
	echo "$1:act Cancel"
}

cancel_row() {
	local results=cancelled why="^Cancelled by uid 0 of .*: enough$"
	! comes_too_late "$1" || results="cancelled|failed" why="$why|$fails_at_its_end"
	meanwhile "$1" ask Cancel s enough
	wait "$asked"
	called_off "$results" "$why"
}

second_rows() {
	echo "$1:act a second Update"
}

# One that is heard after the end of the first is an update of its own, and fails, too.
second_update() {
	[ "$1" = check:act ] || echo "check:act EIO" >>/run/luod/fault
	ask Update 'a{sv}' 0
}

second_row() {
	local why=$fails_at_its_end
	meanwhile "$1" second_update "$1"
	wait "$asked"
	comes_too_late "$1" || grep -q "is not over yet" /run/asked.log ||
		wrong "the second one is not refused: $(paste -sd, /run/asked.log)"
	! comes_too_late "$1" || why="^Step '(check|${steps[-1]})' failed"
	called_off failed "$why"
}

# --- the machine --------------------------------------------------------------------------------------

unplug_rows() {
	echo "$1:act the device is unplugged"
}

pull_out_in_use() {
	pull_out
	held_up
}

unplug_row() {
	local why="$fails_at_its_end|^Since the check: Device $LAB_DEVICE is not there any more"
	[ "$1" != check:act ] || why="^The check found what stands in the way"
	touch /run/killed
	meanwhile "$1" pull_out_in_use
	wait_for 90 state_is loaded
	put_in_again dev
	called_off failed "$why"
}

# The kernel's own refusals come from its freezing the sessions, in reboot(2), which is the last step.
refuse_rows() {
	[ "$1" = "${steps[-1]}" ] || return 0
	printf "$1:act %s\n" "ENOEXEC in freeze" "EBUSY in freeze" \
		EBUSY EINVAL EIO ENOMEM EAGAIN ENOENT
}

refuse_row() {
	case $2 in
	"ENOEXEC in freeze") refused_in_freeze "$1" ENOEXEC load_another ;;
	"EBUSY in freeze")
		touch /run/killed
		refused_in_freeze "$1" EBUSY pull_out_in_use
		put_in_again dev
		;;
	*) refused_with "$2" ;;
	esac
	called_off failed "The kernel refused the jump: $(in_words "${2%% *}")"
}

device_abi() {
	grep '^luod-vfio-pci-' /sys/kernel/liveupdate/abi
}

# A kernel without the names of errors says the numbers.
times_not_frozen() {
	local -A numbers=([ENOEXEC]=8 [EBUSY]=16)
	dmesg | grep -Ec "Freeze failed for token.*handler\[$(device_abi)\] err\[-($1|${numbers[$1]})\]"
}

# refused_in_freeze POINT ERROR CMD...: for no other reason than that command.
refused_in_freeze() {
	local the_end="" before
	before=$(times_not_frozen "$2")
	meanwhile "$1" "${@:3}"
	wait_for 90 state_is loaded
	[ "$(times_not_frozen "$2")" -gt "$before" ] || wrong "the kernel did not refuse in freeze"
}

# The one that luod has loaded, but it does not say that it can take over a device.
load_another() {
	local abi
	abi=$(device_abi)
	LC_ALL=C sed "s/$abi\x00/${abi%?}X\x00/g" "$LAB_NEXT" >/run/another
	! cmp -s "$LAB_NEXT" /run/another || wrong "the other image is the same"
	expect "the other image is not loaded" \
		kexec --kexec-file-syscall --load /run/another --reuse-cmdline
}

# By whatever else it may refuse.
refused_with() {
	trace_luod "$1"
	fault
	update
	kill $tracer
	wait $tracer
	grep -q reboot /run/strace || wrong "it did not come to the jump"
}

trace_luod() {
	strace -q -o /run/strace -e trace=reboot -e "inject=reboot:error=$1" -p "$(luod_pid)" &
	tracer=$!
	wait_for 20 grep -q "^TracerPid:.$tracer$" "/proc/$(luod_pid)/status" || wrong "nobody traces luod"
}

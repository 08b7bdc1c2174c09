# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kinds of fault: each is a function KIND POINT, which starts luod and its guests and lets it happen.

guests=(kept own dev) # in custody, by delegation, in custody with a device
survivors=("${guests[@]}")
results="done"

kind_of_case() {
	local kind=${LAB_CASE#94-fault-after}
	kind=${kind#-}
	echo "${kind:-killed}"
}

# Where luod is before it serves, there is nobody yet whom anything could happen to.
points_of_case() {
	case $(kind_of_case) in
	hang | client | bus | asked) fault_points '^(claim|finish|end):' ;;
	*) fault_points '^(restore|claim|finish|end):' ;;
	esac
}

begin() {
	mkdir -p /run/luod
	fault "$@"
	systemctl start --no-block luod.socket luod.service "${guests[@]/#/vmm@}"
}

# meanwhile POINT CMD...: luod stands still there while that happens.
meanwhile() {
	begin "$1 stop"
	stopped || wrong "it did not come to $1"
	"${@:2}"
	woken
}

pids_of_guests() {
	local vm
	for vm in "${guests[@]}"; do
		systemctl show -P MainPID "vmm@$vm"
	done
}

# --- the kinds ----------------------------------------------------------------------------------------

killed() {
	begin "$1 kill"
}

keeper() {
	meanwhile "$1" kill_unit luod-keeper
}

# Nobody is told that a session is lost because luod has no fd for it for a while. A guest that was told to
# come back later has ended, and is started again.
exhausted() {
	wants "$1" no_fd_left EMFILE
}

# Nor because what it has to write down finds no room.
room() {
	wants "$1" no_room_left ENOSPC
}

wants() {
	local vm
	meanwhile "$1" "$2"
	sleep 10
	"give_back_$2"
	! journalctl -b -u luod -o cat | grep -q "$(in_words "$3")" || echo "$1" >>/lab/state/noticed
	for vm in "${guests[@]}"; do
		if systemctl is-failed -q "vmm@$vm"; then
			diag "guest $vm ended: $(grep '^failed' "/run/vmm-$vm")"
			begin_again "$vm"
		fi
	done
}

begin_again() {
	wait_for 20 guest_is_down "$1"
	: >"/run/vmm-$1"
	systemctl reset-failed "vmm@$1"
	systemctl start --no-block "vmm@$1"
}

restart() {
	meanwhile "$1" restart_luod
	expect_within 60 "luod is not another process" luod_is_another "$was"
}

restart_luod() {
	was=$(luod_pid)
	systemctl restart --no-block luod
}

# logind does not come back to a bus by itself, and luod may not have its lock yet.
bus() {
	meanwhile "$1" stop_bus
	expect_within 60 "not all guests are done without a bus" all_are_done
	systemctl start dbus.socket dbus.service
	systemctl restart systemd-logind
}

ask() {
	busctl --timeout=90 call "${LUOD[@]}" "$@" >"/run/answer-$1" 2>&1 &
	asking+=($!)
}

ask_in_vain() {
	exec {held}<>/dev/liveupdate
	ask Cancel s enough
	ask Update 'a{sv}' 0
	sleep 2
}

# It is heard when the update is over, too, and then there is no kernel to jump into.
asked() {
	local held asking=()
	meanwhile "$1" ask_in_vain
	wait_for 120 state_is idle
	exec {held}>&-
	wait "${asking[@]}"
	expect "Cancel is answered with: $(cat /run/answer-Cancel)" \
		grep -q "There is nothing to call off" /run/answer-Cancel
	expect "Update is answered with: $(cat /run/answer-Update)" \
		grep -Eq "is not over yet|has loaded no kernel" /run/answer-Update
}

# Owners that hang keep nobody from asking luod, and finish when they go on.
hang() {
	local pids
	begin "$1 stop"
	stopped || wrong "it did not come to $1"
	mapfile -t pids < <(pids_of_guests)
	kill -STOP "${pids[@]}"
	woken
	expect "luod does not answer" timeout 20 luctl status
	kill -CONT "${pids[@]}"
}

client() {
	local vm
	meanwhile "$1" kill_guests
	for vm in "${guests[@]}"; do
		begin_again "$vm"
	done
}

kill_guests() {
	local vm
	for vm in "${guests[@]}"; do
		kill_unit "vmm@$vm"
	done
}

guest_is_down() {
	[ "$(systemctl show -P MainPID "vmm@$1")" = 0 ]
}

is_back_or_has_failed() {
	is_done "$1" || systemctl is-failed -q "vmm@$1"
}

# From the finish of its session on it is a device as any other; before, its guest may have lost it.
unplug() {
	survivors=(kept own)
	results="done|degraded"
	meanwhile "$1" pull_out
	expect_within 90 "guest dev neither comes back nor fails" is_back_or_has_failed dev
	put_in_again dev
}

# --- after each -----------------------------------------------------------------------------------------

# Not at each point does luod want anything.
was_noticed() {
	case $(kind_of_case) in
	exhausted | room) t "luod has felt the want at: $(paste -sd' ' /lab/state/noticed)" test -s /lab/state/noticed ;;
	esac
}

is_done() {
	grep -q '^done' "/run/vmm-$1" || [ "$(session_get "$1" State)" = idle ]
}

all_are_done() {
	local vm
	for vm in "${guests[@]}"; do
		is_done "$vm" || return
	done
}

it_is_over() {
	[[ $(property State) =~ ^(idle|degraded)$ ]]
}

all_is_over() {
	local vm result blackout why
	wait_for 120 it_is_over || wrong "luod is $(property State)"
	grep -q "^$1 " /run/luod/fault.done || wrong "it did not come to $1"
	for vm in "${survivors[@]}"; do
		expect_within 60 "guest $vm is not done: $(tail -n 3 "/run/vmm-$vm" | paste -sd,)" is_done "$vm"
		expect "guest $vm did not get its memory back" grep -Eq '^(verified|claimed (idle|resumed))' \
			"/run/vmm-$vm"
		! grep -E '^(corrupt|failed)' "/run/vmm-$vm" >/run/amiss ||
			wrong "guest $vm: $(paste -sd, /run/amiss)"
	done
	guests_go_on "${guests[@]}"
	read -r result blackout why < <(luctl timeline --json |
		jq -r '.update | "\(.result) \(."blackout-usec") \(.error)"')
	[[ $result =~ ^($results)$ ]] || wrong "the history says $result: $why"
	[ "$result" = "done" ] || [[ $why == *0/dev* ]] || wrong "it does not say what is lost: $why"
	expr "$blackout" : '[1-9][0-9]*$' >/dev/null || wrong "the history knows of no blackout ($blackout)"
	[ "$(luctl history --json | jq '.updates | length')" = $((LAB_BOOT - 1)) ] ||
		wrong "the history has another number of updates"
	expect "the link is not there" ip link show row0
	cp /lab/state/files /run/files
	nothing_leaks
}

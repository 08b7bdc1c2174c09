# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a case's scripts are written with. Every assertion is one line of TAP on
# the results channel; the host numbers them, over all boots of a case.
#
#	t DESC CMD...         ok when CMD succeeds; its output is shown when not
#	t_not DESC CMD...     ok when CMD fails
#	is GOT WANT DESC      ok when equal
#	like GOT REGEX DESC   ok when the extended regular expression is found
#	wait_for SECONDS CMD... poll until CMD succeeds
#	ok DESC, not_ok DESC  said outright
#	diag TEXT... (or stdin)  a remark
#	skip REASON           the case does not apply here: ends it
#	jump CMD...           announce the jump, do it, and do not come back
#	mark NAME             stamp the time, kept over the jump
#	elapsed A B           tell the time from mark A to mark B
#	phase NAME            of the life of the case's DEVICE, told to the host
#
# Assertions return whether they held, so `t ... || return` works.
# Known to scripts: LAB_GUEST, LAB_CASE, LAB_BOOT (1, 2, ...), LAB_JUMPS,
# LAB_KERNEL (the image that runs now), LAB_NEXT (the one to jump into),
# LAB_OUT (a folder kept on the host), LAB_DIR (the case's own files),
# LAB_DEVICE (the PCI address of the case's DEVICE).

# shellcheck source=/dev/null
. /lab/env
: "${LAB_BOOT:=$(cat /lab/state/boots)}"
export LAB_OUT=/lab/out LAB_DIR=/lab/case
_release=LAB_RELEASE_$LAB_BOOT
_next=LAB_RELEASE_$((LAB_BOOT + 1))
export LAB_KERNEL=/boot/vmlinuz-${!_release:-} LAB_NEXT=/boot/vmlinuz-${!_next:-${!_release:-}}
_results=/dev/ttyS1
stty -F $_results raw -echo 2>/dev/null

result() {
	printf '%s\n' "$*" >>$_results
}

# Wait until everything said has left the machine.
results_drain() {
	stty -F $_results -echo 2>/dev/null
}

diag() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$*"
	else
		cat
	fi | while IFS= read -r line || [ -n "$line" ]; do
		result "# $line"
	done
}

ok() {
	result "ok - $*"
}

not_ok() {
	result "not ok - $*"
	echo "$*" >>/lab/state/failed
	return 1
}

_run() {
	_output=/run/lab-output.$BASHPID
	"$@" >"$_output" 2>&1 </dev/null
}

_show() {
	diag "command: $*"
	head -c 8000 "$_output" | diag
	rm -f "$_output"
}

t() {
	local desc=$1
	shift
	if _run "$@"; then
		ok "$desc"
		rm -f "$_output"
		return 0
	else
		local status=$?
	fi
	not_ok "$desc"
	diag "exit status: $status"
	_show "$@"
	return 1
}

t_not() {
	local desc=$1
	shift
	if ! _run "$@"; then
		ok "$desc"
		rm -f "$_output"
		return 0
	fi
	not_ok "$desc"
	diag "succeeded, but must fail"
	_show "$@"
	return 1
}

is() {
	if [ "$1" = "$2" ]; then
		ok "$3"
		return 0
	fi
	not_ok "$3"
	diag "got:  $1"
	diag "want: $2"
	return 1
}

like() {
	if [[ $1 =~ $2 ]]; then
		ok "$3"
		return 0
	fi
	not_ok "$3"
	diag "got:      $1"
	diag "does not match: $2"
	return 1
}

wait_for() {
	local end=$((SECONDS + $1))
	shift
	while ! "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "not within the time allowed: $*"
			return 1
		fi
		sleep 0.2
	done >/run/lab-wait.$BASHPID 2>&1
}

skip() {
	echo "$*" >/lab/state/skip
	result "1..0 # SKIP $*"
	exit 0
}

mark() {
	echo "$1 $(/usr/lib/lab/stamp)" >>/lab/state/marks
}

elapsed() {
	local a b khz
	a=$(awk -v n="$1" '$1 == n { v = $2 } END { print v }' /lab/state/marks)
	b=$(awk -v n="$2" '$1 == n { v = $2 } END { print v }' /lab/state/marks)
	if [ -z "$a" ] || [ -z "$b" ]; then
		diag "elapsed: no mark '$1' or no mark '$2'"
		return 1
	fi
	khz=$(/usr/lib/lab/stamp khz)
	result "@ elapsed $1 $2 $((b - a)) $khz"
	diag "$1 to $2: $(((b - a) / 1000000)) Mcycles, $(((b - a) / khz)) ms"
}

# By name on the results channel, and when by a write to a register of the host bridge that has no
# meaning, 0xdc, which is in the emulator's trace: the host puts them together.
phase() {
	result "@ phase $1"
	printf '\1\0\0\0' | dd of=/sys/bus/pci/devices/0000:00:00.0/config bs=4 seek=55 \
		conv=notrunc status=none
}

# How long a jump that was asked for may take to begin.
: "${LAB_JUMP_WAIT:=180}"

jump() {
	echo "$LAB_BOOT" >/lab/state/jump
	results_drain
	sync -f /lab/state/jump 2>/dev/null
	if ! _run "$@"; then
		not_ok "jump: $*"
		_show "$@"
		exit 1
	fi
	sleep "$LAB_JUMP_WAIT"
	not_ok "the machine jumped within $LAB_JUMP_WAIT s"
	diag "command: $*"
	_show "$@"
	exit 1
}

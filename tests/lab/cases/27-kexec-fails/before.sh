#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# The host is what it was, and still refuses to go down by mistake.
host_is_back() {
	t "what was stopped is started again" wait_for 120 units_are_back "$units"
	t "the system runs as before" wait_for 120 system_is "$system"
	t "file systems take writes" timeout 20 sh -c 'date >/var/lib/luod/written && sync -f /var/lib/luod'
	t_not "a plain kexec is refused as before" systemctl start kexec.target
	like "$(systemd-inhibit --list --no-legend)" "^luod " "... by logind, too"
}

# fails JUMP WHY: when all guests are paused and all is preserved.
fails() {
	luctl update --jump="$1" >/run/update.log 2>&1
	is $? 1 "the update fails"
	diag </run/update.log
	is "$(luctl timeline --json | jq -r .update.result)" failed "history has the result"
	like "$(luctl timeline --json | jq -r .update.error)" "$2" "... and why"
	like "$(luctl timeline --json | jq -r '.marks[].name' | paste -sd' ')" "all-ready.* jump" \
		"... and that it came as far as the jump"
	t "vm1 was asked" vmm_said vm1 '^ready'
	went_on vm1
	went_on vm2
	went_on last
	wait_state loaded
	keeper_holds 0
	host_is_back
}

# The last guest to answer runs it, when everybody else is paused.
last_moment() {
	printf '#!/bin/sh\n%s\n' "$1" >/run/last-moment
	chmod +x /run/last-moment
}

unloaded_afterwards() {
	is "$(cat /sys/kernel/kexec_loaded)" 0 "the kernel has nothing to jump into"
	t_not "the check says so" luctl check
	like "$(luctl check --json | jq -r '.findings[].code')" target-not-loaded "... by its code"
	load
	t "nothing stands in the way of the next" luctl check
}

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
vmm_start last --size=8M --slow-ready=3 --before-ready=/run/last-moment
load
units=$(active_units)
system=$(systemctl is-system-running --wait)

# injected ERROR: what reboot(2) answers luod, for as long as ERROR says.
injected() {
	local luod
	luod=$(systemctl show -P MainPID luod)
	strace -q -o /run/strace -e trace=reboot -e inject="reboot:error=$1" -p "$luod" &
	tracer=$!
	t "luod is traced" wait_for 20 grep -q "^TracerPid:.$tracer$" "/proc/$luod/status"
}

diag "the image is unloaded, reboot(2) says so"
last_moment "exec kexec --kexec-file-syscall --unload"
fails direct "kernel refused the jump: Invalid argument"
unloaded_afterwards

diag "the image is unloaded, and nobody would say so before it is too late"
fails systemd "Somebody has unloaded the kernel"
unloaded_afterwards

diag "PID 1 does not start kexec.target"
last_moment "exec systemctl mask --runtime kexec.target"
fails systemd "kexec.target is masked"
t "kexec.target may be started again" systemctl unmask --runtime kexec.target
t "nothing stands in the way of the next" luctl check

last_moment "exec true"
configure '[Update]' StepTimeout=20s

diag "somebody else loads an image, and does not come to an end"
injected EBUSY
fails direct "Step 'jump' did not end in time. The kernel refused the jump: Device or resource busy"
t "it was tried again and again" test "$(grep -c reboot /run/strace)" -gt 5
t "nobody traces luod any more" kill "$tracer"
wait "$tracer"

diag "... does come to an end"
injected EBUSY:when=1..3
jump luctl update --jump=direct

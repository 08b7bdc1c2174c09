#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

pid_of() {
	systemctl show -P MainPID "vmm@$1"
}

# Fresh VMMs: the one takes its device back from luod, the other one opens it again.
up() {
	local vm
	rm -f /run/killed
	systemctl reset-failed vmm@own vmm@kept
	for vm in own kept; do
		: >"/run/vmm-$vm"
		t "guest $vm is up" systemctl start "vmm@$vm"
	done
	vmm_wait kept "^attached $LAB_DEVICE"
	for vm in own kept; do
		device_works $vm 200
	done
	t_not "nothing is amiss" grep -E 'corrupt|failed' /run/vmm-own /run/vmm-kept
}

is_stopped() {
	! masters_bus "$1"
}

kernel_sessions() {
	find /proc/[0-9]*/fd -lname '*luo_session*' 2>/dev/null | wc -l
}

no_kernel_session() {
	[ "$(kernel_sessions)" = 0 ]
}

# An update that is called off, in which lu-steps has at-step.sh run at each step.
update_is_called_off() {
	load
	t "nothing stands in the way" luctl check
	: >/run/steps
	t_not "an update is called off" luctl update --jump=direct
	why=$(luctl timeline --json | jq -r .update.error)
	diag "$(paste -sd' ' /run/steps): $why"
	wait_state loaded
	t "nobody has a kernel session" wait_for 30 no_kernel_session
}

row() {
	diag "killed when the update begins the step '$1'"
	echo "$1" >/run/kill-at
	echo "$(pid_of own) $(pid_of kept)" >/run/victims
	update_is_called_off
	t "both were killed then" test -s /run/killed
	like "$why" "its owner is gone|found what stands in the way|refused the jump" \
		"called off for want of its owners, or it came as far as the jump without them"
	is "$(session_get own State),$(session_get kept State)" idle,idle "the sessions are there"
	is "$(session_get own OwnerConnected),$(session_get kept OwnerConnected)" false,false \
		"... and nobody speaks for them"
	t "the device of who died with it is stopped" wait_for 20 is_stopped "$LAB_SECOND"
	t "the device in custody goes on" masters_bus "$LAB_DEVICE"
	up
	is "$(luod_fds)" "$fds" "luod has as many files open as ever"
}

# Who was killed stays dead until the case starts it: what was up before a host was stopped is
# started again when that is called off.
for vm in own kept; do
	mkdir -p /etc/systemd/system/vmm@$vm.service.d
	printf '[Unit]\nConditionPathExists=!/run/killed\n' >/etc/systemd/system/vmm@$vm.service.d/case.conf
done
systemctl daemon-reload
configure '[Update]' ReadyTimeout=10s
vfio_take "$LAB_DEVICE"
vfio_take "$LAB_SECOND"
vmm_start kept --size=16M --mode=custody --device="$LAB_DEVICE"
vmm_start own --size=16M --mode=delegation --device="$LAB_SECOND"
phase before
vmm_wait kept "^attached $LAB_DEVICE"
device_works kept 200
device_works own 200

# The stepper may not be what a stopped host waits for, and its script not on a disk that is frozen.
install "$LAB_DIR/at-step.sh" /run/at-step.sh
/usr/lib/lab/lu-steps "$(systemctl show -P MainPID luod)" /run/luod/state.json \
	"bash /run/at-step.sh" &
t "luod is traced" wait_for 20 grep -q '^TracerPid:.[1-9]' "/proc/$(systemctl show -P MainPID luod)/status"

diag "which steps there are, luod shows by doing them; one guest was stopped, which stays so"
vmm_start off --size=8M --policy=best-effort
t "guest off is stopped" systemctl disable --now vmm@off
: >/run/vmm-off
echo none >/run/kill-at
update_is_called_off
like "$why" "refused the jump" "it came as far as the jump"
mapfile -t steps </run/steps
is "${#steps[@]}" "$(sort -u /run/steps | wc -l)" "${#steps[@]} steps, each once: ${steps[*]}"
is "${steps[-1]}" jump "the last one is the jump"
t_not "who was stopped was not started" test -s /run/vmm-off
t "root closes its session" luctl close off
went_on own
went_on kept
fds=$(luod_fds)

for step in "${steps[@]}"; do
	row "$step"
done

t "lu-steps lets luod go" kill %1
load
jump luctl update --jump=direct

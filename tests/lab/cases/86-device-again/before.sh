#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# fails WHY: when all guests are paused; the device works on, with its interrupts.
fails() {
	luctl update --jump=direct >/run/update.log 2>&1
	is $? 1 "the update fails"
	diag </run/update.log
	like "$(luctl timeline --json | jq -r .update.error)" "$1" "... and history says why"
	vmm_wait vm1 '^cancelled'
	device_works vm1 200
	wait_state loaded
	keeper_holds 0
}

vfio_take "$LAB_DEVICE"
configure '[Update]' StepTimeout=20s
load

vmm_start vm1 --size=64M --mode=custody --device="$LAB_DEVICE" --tell-phases --reattach \
	--keep-interrupts
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 200

diag "its VMM says Ready with the interrupts on"
fails "device 'device0' at $LAB_DEVICE has interrupts on .msix.; its VMM has to turn them off"
# Nor shall the VMM that comes after the jump.
sed -i 's/ --keep-interrupts//' /etc/vmm/vm1

diag "the kernel refuses the jump, when all is preserved"
strace -q -o /run/strace -e trace=reboot -e inject=reboot:error=EBUSY \
	-p "$(systemctl show -P MainPID luod)" &
tracer=$!
t "luod is traced" wait_for 20 grep -q "^TracerPid:.$tracer$" \
	"/proc/$(systemctl show -P MainPID luod)/status"
fails "The kernel refused the jump: Device or resource busy"
t "it came as far as the jump" grep -q reboot /run/strace
t "nobody traces luod any more" kill "$tracer"
wait "$tracer"

diag "nothing stands in the way"
t "the check says so" luctl check
mark jump
jump luctl update --jump=direct --reason="there"

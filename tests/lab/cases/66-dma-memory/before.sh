#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

kind=${LAB_CASE##*dma-memory}
mode=custody
jump=direct
more=()
case $kind in
"" | -off | -systemd) more=(--exit-after-preserved) ;;
-delegation) mode=delegation ;;
-unclaimed) more=(--exit-after-preserved --unclaimed-policy=finish --claim-timeout=120) ;;
esac
[ "$kind" != -systemd ] || jump=systemd

finding() {
	luctl check --json | jq -r ".findings[] | select(.code == \"$1\") | $2"
}

of_device() {
	luctl devices --json | jq -r ".devices[] | select(.address == \"$LAB_DEVICE\") | $1"
}

# The next kernel is judged by what its command line would do to the device.
judged() {
	load --reuse-command-line --append=iommu=nopt
	is "$(finding target-cmdline-translates .severity)" error "a kernel that translates is an error"
	like "$(finding target-cmdline-translates .message)" "session 0/vm1.*iommu=pt" "... for whom, and the way out"
	luctl update >/run/update 2>&1
	is $? 3 "... and an update is refused"
	diag </run/update
}

# When all is preserved the kernel refuses the jump.
called_off() {
	configure '[Update]' StepTimeout=20s
	strace -q -o /run/strace -e trace=reboot -e inject=reboot:error=EBUSY \
		-p "$(systemctl show -P MainPID luod)" &
	local tracer=$!
	t "luod is traced" wait_for 20 grep -q "^TracerPid:.$tracer$" \
		"/proc/$(systemctl show -P MainPID luod)/status"
	luctl update --jump=direct >/run/update 2>&1
	is $? 1 "the update fails"
	diag </run/update
	t "it came as far as the jump" grep -q reboot /run/strace
	t "nobody traces luod any more" kill "$tracer"
	wait "$tracer"
	t "its owner was told that all was preserved" vmm_said vm1 '^all preserved'
	went_on vm1
	device_works vm1 5
	wait_state loaded
	keeper_holds 0
}

# Nobody but luod has the buffer, and then nobody but PID 1.
killed_alone() {
	t "its owner ends" systemctl stop vmm@vm1
	t "the device may go on" masters_bus "$LAB_DEVICE"
	kill_luod "while it alone holds the buffer"
	like "$(session_get vm1 Resources)" "dma0 dma-memory" "luod has it in custody again"
	t "the device may still go on" masters_bus "$LAB_DEVICE"
	: >/run/vmm-vm1
	t "its owner is back" systemctl start vmm@vm1
	vmm_wait vm1 "^edu $LAB_DEVICE has its buffer at 0x[0-9a-f]+ again, never gone"
	device_works vm1 5
}

# With everything preserved luod stands at the gate of the jump.
killed_preserved() {
	local luod tracer
	luod=$(systemctl show -P MainPID luod)
	strace -q -o /run/strace -e trace=reboot -e inject=reboot:delay_enter=120s -p "$luod" &
	tracer=$!
	t "luod is traced" wait_for 20 grep -q "^TracerPid:.$tracer$" "/proc/$luod/status"
	luctl update --jump=direct >/run/update 2>&1 &
	t "luod has called reboot(2)" wait_for 120 grep -q "^169 " "/proc/$luod/syscall"
	# In this order: a caller without its tracer goes on, and jumps.
	t "luod is killed with everything preserved" kill -KILL "$luod" "$tracer"
	t "it is started again" wait_for 60 is_another luod "$luod"
	t "luod answers" wait_for 60 luctl status
	wait_state loaded
	went_on vm1
	device_works vm1 5
	keeper_holds 0
}

# What its owner says is kept over the jump.
[ -z "$kind" ] && ln -s /lab/state/vmm /run/vmm-vm1
t "pci-dmamem has $LAB_DEVICE" dmamem_take "$LAB_DEVICE"
t_not "nobody has started it" masters_bus "$LAB_DEVICE"
t "luod knows the device" wait_for 60 luctl devices "$LAB_DEVICE"
vmm_start vm1 --size=32M --mode=$mode --edu="$LAB_DEVICE" --before-ready=/usr/lib/lab/look \
	--before-done=/usr/lib/lab/look "${more[@]}"
vmm_wait vm1 "^edu $LAB_DEVICE has its buffer at 0x[0-9a-f]+$"
sed -n 's/^edu .* has its buffer at \(0x[0-9a-f]*\).*/\1/p' /run/vmm-vm1 | tail -n 1 >/lab/state/address
device_works vm1 10
load
t "nothing stands in the way" luctl check
luctl devices "$LAB_DEVICE" | diag
is "$(of_device '[.driver, .node, .session, .preservable] | @csv')" \
	"\"pci-dmamem\",\"/dev/dmamem/$LAB_DEVICE\",\"0/vm1\",true" "luctl devices tells of it"
case $kind in
"") judged && load ;;
-called-off) called_off ;;
-killed)
	killed_alone
	killed_preserved
	;;
esac
# The owner must not come back before luod was killed, or before it is too late.
case $kind in
-killed | -unclaimed) systemctl disable vmm@vm1 ;;
esac
diag "the buffer is at $(cat /lab/state/address)"
mark jump
jump luctl update --jump=$jump --reason="a DMA buffer"

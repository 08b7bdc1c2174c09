#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/79-device-hotplug/devices.sh
. "$LAB_DIR/devices.sh"

EDU=$(address_of 0x1234 0x11e8)
NIC=$(address_of 0x8086 0x10c9)

# While the update waits for guest vm2, which waits for this.
hotplug_in_barrier() {
	t "the barrier is open" wait_for 120 vmm_said vm2 '^prepare'
	is "$(luctl status --json | jq -r .state)" preparing "luod is preparing"
	goes "$EDU" unplug "$EDU"
	comes "$EDU" plug "$EDU"
	goes "$VF" sh -c "echo 0 >$PCI/$NIC/sriov_numvfs"
	is "$(luctl status --json | jq -r .state)" preparing "the update goes on"
	t_not "guest vm1 was not called off" vmm_said vm1 '^cancelled'
	: >/run/go
}

gdbus monitor --address unix:path=/run/luod/bus --dest org.luod1 >/run/monitor 2>&1 &
vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=64M --mode=custody --device="$LAB_DEVICE" --tell-phases
vmm_wait vm1 "^attached $LAB_DEVICE"
printf '#!/bin/sh\nuntil [ -e /run/go ]; do sleep 0.2; done\n' >/usr/local/bin/until-go
chmod +x /usr/local/bin/until-go
vmm_start vm2 --size=16M --mode=delegation --before-ready=/usr/local/bin/until-go \
	--ready-timeout=280
device_works vm1 200
load
fds=$(luod_fds)

diag "a device in use"
as_sysfs "$LAB_DEVICE"
is "$(of_device "$LAB_DEVICE" '[.session, .preservable] | @csv')" '"0/vm1",true' "vm1 has it"
like "$(of_device "$LAB_DEVICE" '.users | join(" ")')" "vmm@vm1.service" "... and uses it"
is "$(of_device "$LAB_DEVICE" .interrupts)" msix "... with MSI-X"

diag "while luod is idle"
t_not "a device of another driver is none of luod's" known "$EDU"
comes "$EDU" vfio_take "$EDU"
as_sysfs "$EDU"
is "$(of_device "$EDU" '[.session, .preservable, (.users | length)] | @csv')" '"",true,0' \
	"nobody has it, and it could be handed over"
goes "$EDU" unplug "$EDU"
comes "$EDU" plug "$EDU"
t "virtual functions are made" sh -c "echo 1 >$PCI/$NIC/sriov_numvfs"
VF=$(address_of 0x8086 0x10ca)
comes "$VF" vfio_take "$VF"
as_sysfs "$VF"
is "$(of_device "$VF" '.reasons[].code')" device-vf "it says why this one could not"
goes "$VF" sh -c "echo 0 >$PCI/$NIC/sriov_numvfs"
t "... and made again" sh -c "echo 1 >$PCI/$NIC/sriov_numvfs"
comes "$VF" vfio_take "$VF"
t "nothing stands in the way" luctl check
is "$(luod_fds)" "$fds" "luod has as many files open as before"
luctl devices | diag

diag "while luod is preparing"
hotplug_in_barrier &
jump luctl update --reason="in the middle of hotplug"

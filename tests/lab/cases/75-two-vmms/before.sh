#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

iommu_of() {
	basename "$(readlink "/sys/bus/pci/devices/$1/iommu")"
}

node_of() {
	echo "/dev/vfio/devices/$(ls "/sys/bus/pci/devices/$1/vfio-dev")"
}

# Who is left behind goes on: what its guest and its device do then, while the update waits for
# the other one.
watch_left_behind() {
	local from
	wait_for 120 vmm_said vm2 '^cancelled' || return
	session_get vm2 State "$uid"
	session_get vm2 Reason "$uid"
	from=$(_device_done vm2)
	memory_moves vm2 && echo "its guest runs"
	wait_for 20 _device_is_at vm2 $((from + 400)) && echo "its device works"
	session_get vm1 State
}

vfio_take "$LAB_DEVICE"
vfio_take "$LAB_SECOND"
like "$(iommu_of "$LAB_DEVICE")" '^dmar' "one device is behind an IOMMU"
is "$(iommu_of "$LAB_SECOND")" "$(iommu_of "$LAB_DEVICE")" "... the other one behind the same"

# The other owner is not root: what it opens was given to it.
mkdir -p /etc/sysusers.d /etc/systemd/system/vmm@vm2.service.d
echo 'u vmm2 - "owner of a guest"' >/etc/sysusers.d/case.conf
t "there is another user" systemd-sysusers
uid=$(id -u vmm2)
# Not before udev has done with all that is new: it gives modes, too.
udevadm settle --timeout=60
chown vmm2 "$(node_of "$LAB_SECOND")"
chmod a+rw /dev/iommu
cat >/etc/systemd/system/vmm@vm2.service.d/case.conf <<EOF
[Service]
User=vmm2
LimitMEMLOCK=infinity
ExecStartPre=+install -o vmm2 /dev/null /run/vmm-%i
EOF
systemctl daemon-reload

# Differing in size, so that their devices reach different addresses.
case $LAB_CASE in
*-both)
	first=(--mode=custody --exit-after-preserved)
	second=(--mode=delegation)
	;;
*)
	first=(--mode=delegation --slow-ready=25 --ready-timeout=90)
	second=(--mode=custody "--veto=busy")
	;;
esac
vmm_start vm2 --size=16M --policy=best-effort --device="$LAB_SECOND" "${second[@]}"
vmm_wait vm2 "^device $LAB_SECOND works"
vmm_start vm1 --size=128M --policy=required --device="$LAB_DEVICE" --tell-phases "${first[@]}"
vmm_wait vm1 "^device $LAB_DEVICE works"
device_reaches vm1 "$LAB_DEVICE"
device_reaches vm2 "$LAB_SECOND"
device_works vm1 1000
device_works vm2 1000
is "$(session_get vm2 Policy "$uid")" best-effort "vm2, of user $uid, may be left behind"
load
t "nothing stands in the way" luctl check
luctl devices | diag
case $LAB_CASE in
*-both) ;;
*)
	echo "$uid" >/lab/state/uid
	systemctl disable vmm@vm2
	watch_left_behind >/lab/state/left-behind 2>&1 &
	;;
esac
jump luctl update --jump=direct

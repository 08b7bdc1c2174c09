#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

case $LAB_CASE in
*-hold) unclaimed=(--unclaimed-policy=hold --claim-timeout=5) ;;
*) unclaimed=(--unclaimed-policy=finish --claim-timeout=30) ;;
esac
remember_memory
vfio_take "$LAB_DEVICE"
vfio_take "$LAB_SECOND"
# After the jump the one leaves its device parked for long, the other one does not say Done. Differing
# in size, so that their devices reach different addresses.
vmm_start own --size=16M --mode=delegation --device="$LAB_SECOND" --slow-done=600 "${unclaimed[@]}"
vmm_start kept --size=128M --mode=custody --device="$LAB_DEVICE" --parked=600 --tell-phases \
	"${unclaimed[@]}"
vmm_wait kept "^attached $LAB_DEVICE"
device_reaches kept "$LAB_DEVICE"
device_reaches own "$LAB_SECOND"
device_works kept 500
device_works own 500
load
jump luctl update --reason="VMMs come back and die"

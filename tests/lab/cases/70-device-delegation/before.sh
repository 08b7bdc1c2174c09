#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=64M --mode=delegation --device="$LAB_DEVICE" --parked=2 --tell-phases \
	--before-ready=/usr/lib/lab/look --before-done=/usr/lib/lab/look
device_works vm1 1000
load
t "nothing stands in the way" luctl check
luctl devices | diag
is "$(luctl devices --json | jq -r ".devices[] | select(.address == \"$LAB_DEVICE\") | .session")" \
	0/vm1 "what a unit with a session has open is the session's, although it declares it later"
mark jump
jump luctl update --reason="a device goes on"

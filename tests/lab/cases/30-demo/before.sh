#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# A command as somebody at the terminal would see it.
show() {
	diag "\$ $*"
	"$@" 2>&1 | diag
	diag ""
}

tell_when_paused() {
	until vmm_said vm1 '^paused'; do sleep 0.05; done
	diag "  the VMM: its guest is $(grep -m 1 '^paused' /run/vmm-vm1 | sed 's/ / at checksum /')"
}

update() {
	diag "\$ luctl update --reason=demo"
	luctl update --reason=demo 2>&1 | diag
}

diag "A host: $(. /etc/os-release && echo "$PRETTY_NAME"), $(systemctl --version | head -n 1)," \
	"kernel $(uname -r)."
diag "On it a VMM, whose guest goes on writing to its 256 MiB of memory until it is paused, and has a" \
	"network card of the host, $LAB_DEVICE, by VFIO. Numbered packets come in, 200 a second." \
	"luod has both in custody: the VMM ends before the jump."
diag ""
vfio_take "$LAB_DEVICE"
vmm_start vm1 --size=256M --mode=custody --device="$LAB_DEVICE" --tell-phases --exit-after-preserved
vmm_wait vm1 "^attached $LAB_DEVICE"
device_works vm1 1000
show luctl load "$LAB_NEXT"
show luctl check
t "nothing stands in the way of an update" luctl check
show luctl sessions
show luctl sessions vm1
tell_when_paused &
jump update

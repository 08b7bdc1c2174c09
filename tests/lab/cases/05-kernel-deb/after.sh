#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
wait_state idle
like "$(cat /sys/kernel/liveupdate/abi)" vfio-pci "the package's kernel can carry devices"
load
t "nothing stands in the way" luctl check
mark jump
jump luctl update --jump=direct --reason="out of the package's kernel"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vmm_start vm1 --size=64M --mode=custody
vmm_start vm2 --size=16M --mode=delegation
load
t "nothing stands in the way" luctl check
mark jump
jump luctl update --jump=systemd --reason="first"

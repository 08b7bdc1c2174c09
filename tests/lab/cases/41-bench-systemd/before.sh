#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# One page, as the floor has it: what is compared is the way, not the load.
vmm_start vm1 --size=4K
load
jump luctl update --jump=systemd

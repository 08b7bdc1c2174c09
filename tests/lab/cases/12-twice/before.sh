#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
vmm_start vm3 --size=8M --mode=custody --policy=best-effort
luod_fds >/lab/state/luod-fds
load
jump luctl update --jump=direct --reason="there"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

dmesg | grep EXT4-fs | diag
t "the root file system had to be recovered" eval 'dmesg | grep -iE "EXT4-fs.*recover"'
like "$(dumpe2fs -h /var/lib/disk.img 2>&1)" "needs_recovery" "the other one is not clean"
vmm_wait vm1 '^created'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

cannot_update kernel-kho-off "kho=on"
vmm_wait vm1 '^created'

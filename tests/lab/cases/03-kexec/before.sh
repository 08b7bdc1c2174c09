#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh

t "the next kernel is loaded" kexec --kexec-file-syscall --load "$LAB_NEXT" --reuse-cmdline
is "$(cat /sys/kernel/kexec_loaded)" 1 "the kernel says so"
mark jump
jump systemctl kexec

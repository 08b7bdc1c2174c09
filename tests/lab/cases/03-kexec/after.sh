#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh

mark agent
elapsed jump agent
like "$(cat /proc/cmdline)" "liveupdate=on" "the command line came along"
t "systemd is up and nothing has failed" systemctl is-system-running --wait
t "the first kernel is loaded again" kexec --kexec-file-syscall --load "$LAB_NEXT" --reuse-cmdline
mark back
jump systemctl kexec

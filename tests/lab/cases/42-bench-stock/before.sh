#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh

t "luod has no part in it" systemctl disable --now luod.service luod.socket luod-keeper.service
t "the service is up" systemctl enable --now fdstore.service
t "the next kernel is loaded" kexec --kexec-file-syscall --load "$LAB_NEXT" --reuse-cmdline
jump systemctl kexec

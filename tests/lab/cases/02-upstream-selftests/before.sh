#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh
cp -r /lab/case/build /root/selftests
cd /root/selftests || exit

t "liveupdate: the interface to user space" ./liveupdate
# Each leaves a process behind that holds its sessions open.
for test in luo_kexec_simple luo_multi_session luo_stress_sessions luo_stress_files; do
	t "$test: sessions are created and preserved" "./$test" -s 1
done
t "the next kernel is loaded" kexec --kexec-file-syscall --load "$LAB_NEXT" --reuse-cmdline
jump kexec -e

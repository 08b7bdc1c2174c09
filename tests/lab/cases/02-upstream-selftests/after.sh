#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh
cd /root/selftests || exit

for test in luo_kexec_simple luo_multi_session luo_stress_sessions luo_stress_files; do
	t "$test: everything is retrieved as it was" "./$test" -s 2
done

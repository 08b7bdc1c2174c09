#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lu-steps runs this with the name of the step that luod begins, while luod stands still: nothing here
# may wait for luod, or write to a disk.
echo "$1" >>/run/steps
if [ "$1" = "$(cat /run/kill-at)" ]; then
	echo "$1" >/run/killed
	read -ra victims </run/victims
	kill -KILL "${victims[@]}"
	for pid in "${victims[@]}"; do
		while readlink "/proc/$pid/exe" >/dev/null; do sleep 0.05; done
	done
fi
# However far it comes, this update does not leave the kernel: the last step finds nothing to jump into.
if [ "$1" = jump ]; then
	kexec --kexec-file-syscall --unload
fi

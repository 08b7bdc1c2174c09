#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

reclaimed vm1
reclaimed vm2
reclaimed last
wait_state idle

diag "file systems"
dmesg | grep EXT4-fs | diag
like "$(dmesg)" "EXT4-fs \([a-z0-9]+\): mounted filesystem" "the root file system is mounted"
t_not "... and had nothing to recover" eval 'dmesg | grep -iE "EXT4-fs.*(recover|orphan|error)"'
t_not "nor has the other one" eval 'dumpe2fs -h /var/lib/disk.img | grep needs_recovery'
t "... which is in order" e2fsck -fn /var/lib/disk.img
t "what was written is there" test -s /var/lib/disk.log

diag "who was alive when the last guest was about to say Ready"
diag <"$LAB_OUT/alive"
t "systemd" grep -qx "init.scope systemd" "$LAB_OUT/alive"
t "luod" grep -qx "luod.service luod" "$LAB_OUT/alive"
t "its keeper" grep -qx "luod-keeper.service luod-keeper" "$LAB_OUT/alive"
t "the guests" grep -qx "vmm@vm1.service lu-vmm" "$LAB_OUT/alive"
t "what was told to stay" grep -q "^disk.service " "$LAB_OUT/alive"
# The agent of the lab runs this case, and so luctl. Of a host's own: journal, devices, the bus.
cat >/run/allowed <<'EOF'
init.scope systemd
luod.service luod
luod-keeper.service luod-keeper
vmm@(vm1|vm2|last).service .*
disk.service (sh|date|tee)
lab-agent.service .*
systemd-journald.service systemd-journal
(udev|systemd-udevd.service) .*
dbus.service dbus-daemon
EOF
is "$(grep -vxEf /run/allowed "$LAB_OUT/alive")" "" "and nobody else"

diag "the same with a jump that asks nobody"
mount -o loop /var/lib/disk.img /srv/disk
date >>/srv/disk/disk
t "a kernel is loaded" kexec --kexec-file-syscall --load "$LAB_NEXT" --reuse-cmdline
jump kexec --exec

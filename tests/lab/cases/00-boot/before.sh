#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh

t "systemd is up and nothing has failed" systemctl is-system-running --wait
t "the live update device is there" test -c /dev/liveupdate
t "translation of DMA is on" test -d /sys/class/iommu/dmar0
t "interrupts are remapped" sh -c 'dmesg | grep -q "Enabled IRQ remapping"'
t "the next kernel is in place" test -s "$LAB_NEXT"
t "the system bus answers" busctl --quiet call org.freedesktop.DBus / org.freedesktop.DBus ListNames
case $LAB_GUEST in
trixie) want=257 ;;
*) want=262 ;;
esac
like "$(systemctl --version)" "^systemd $want" "systemd is $want"
diag "$(systemd-analyze)"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/fault.sh
# shellcheck source=tests/lab/cases/94-fault-after/rows.sh
. "$LAB_DIR/rows.sh"

mapfile -t points < <(points_of_case)
is "$LAB_JUMPS" "${#points[@]}" "there is a jump for each of the points: ${points[*]}"
t "there is a link that goes along" ip link add row0 type bridge
configure '[Network]' 'Links=row0'
fault_host
remember_files
cp /run/files /lab/state/files
# After a jump luod is not started before its row, and no guest before luod.
t "luod and its guests wait" systemctl disable luod.service luod.socket vmm@kept vmm@own vmm@dev
t "the keeper does not" systemctl enable luod-keeper.service luod-host.socket
# One that can be full without anybody else's being so.
[ "$(kind_of_case)" != room ] || echo 'luod /run/luod tmpfs size=1M,mode=0755' >>/etc/fstab
load
jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

t "the bus is stopped" systemctl stop dbus.socket dbus.service
t_not "nobody answers there" busctl --timeout=5 status org.luod1
PEER=--address=unix:path=/run/luod/bus

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=8M --mode=delegation
t "busctl introspects" busctl "$PEER" introspect org.luod1 /org/luod1
is "$(busctl "$PEER" get-property "${LUOD[@]}" Sessions)" "u 2" "busctl reads a property"
like "$(busctl "$PEER" tree org.luod1)" "_30_2fvm1" "busctl sees the objects"
like "$(gdbus introspect "$PEER" --dest org.luod1 --object-path /org/luod1)" "org.luod1.Manager" "gdbus introspects"
like "$(gdbus call "$PEER" --dest org.luod1 --object-path /org/luod1 --method org.luod1.Manager.Check '{}')" "no-target" "gdbus calls"
t "luctl load" luctl "$PEER" load "$LAB_NEXT"
t "luctl check" luctl "$PEER" check
t "luctl sessions" luctl "$PEER" sessions
jump luctl "$PEER" update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

ADDRESS=unix:path=/run/luod/bus
LUCTL=(luctl "--address=$ADDRESS")
BUSCTL=(busctl "--address=$ADDRESS")

gdbus_on() {
	local verb=$1
	shift
	gdbus "$verb" --address "$ADDRESS" --dest org.luod1 "$@"
}

as_nobody() {
	setpriv --reuid=65534 --clear-groups "$@"
}

t "the bus is stopped" systemctl stop dbus.socket dbus.service
t_not "nobody answers there" busctl --timeout=5 status org.luod1

gdbus_on monitor >/run/monitor 2>&1 &
"${BUSCTL[@]}" --timeout=120 wait "$(session_path vm1)" org.freedesktop.DBus.Properties \
	PropertiesChanged >/run/wait 2>&1 &
wait=$!
vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=8M --mode=delegation

diag "busctl"
like "$("${BUSCTL[@]}" tree org.luod1)" "$(session_path vm1)" "tree"
like "$("${BUSCTL[@]}" introspect org.luod1 "$(session_path vm1)")" "AttachMemory" "introspect"
is "$("${BUSCTL[@]}" get-property "${LUOD[@]}" Sessions)" "u 2" "get-property"
like "$("${BUSCTL[@]}" call "${LUOD[@]}" Check 'a{sv}' 0)" "no-target" "call"
like "$("${BUSCTL[@]}" call "${LUOD[@]}" Unload 2>&1)" "No kernel is loaded" "call: an error and its text"
t "wait: for a signal" wait "$wait"
diag </run/wait

diag "gdbus"
like "$(gdbus_on introspect --object-path /org/luod1)" "org.luod1.Manager" "introspect"
like "$(gdbus_on introspect --recurse --object-path /org/luod1)" "PrepareForUpdate" "introspect --recurse"
like "$(gdbus_on call --object-path /org/luod1 --method org.luod1.Manager.Check '{}')" \
	"no-target" "call"
like "$(gdbus_on call --object-path /org/luod1 --method org.luod1.Manager.Check \
	"{'nonsense': <true>}" 2>&1)" "org.luod1.Error.InvalidOption" "call: an error and its name"
t "monitor: a session was added" grep -q "InterfacesAdded.*vm1" /run/monitor

diag "an administrator's methods are root's, and there is no polkit to ask"
like "$(as_nobody gdbus call --address "$ADDRESS" --dest org.luod1 \
	--object-path /org/luod1 --method org.luod1.Manager.Reload 2>&1)" \
	"AccessDenied: Only an administrator" "another uid is refused"
like "$(as_nobody "${BUSCTL[@]}" call "${LUOD[@]}" ClaimSession 'sa{sv}' vm1 0 2>&1)" \
	"has no session 'vm1'" "... and has no part in root's sessions"

diag "luctl"
t "load" "${LUCTL[@]}" load "$LAB_NEXT"
t "check: nothing stands in the way" "${LUCTL[@]}" check
is "$("${LUCTL[@]}" sessions --json | jq '.sessions | length')" 2 "sessions"
t "without the bus root's luctl finds the socket by itself" luctl status
t "the bus is still stopped" sh -c '! systemctl is-active dbus.service dbus.socket'
jump "${LUCTL[@]}" update --jump=direct --reason="over the socket"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/37-polkit/users.sh
. "$LAB_DIR/users.sh"

CONFIRM="org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
DENIED="org.freedesktop.DBus.Error.AccessDenied"

# terminal PASSWORD COMMAND...: by guest, what the terminal showed is in /run/terminal
terminal() {
	rm -f /run/home-guest/ready
	as guest python3 "$LAB_DIR/terminal.py" "$@" >/run/terminal 2>&1
}

users
install -D -m644 "$LAB_DIR/50-luod.rules" /etc/polkit-1/rules.d/50-luod.rules
t "polkitd is up" systemctl restart polkit
t "it knows of luod" pkaction --action-id org.luod1.update

diag "not asked for a password"
refused guest $CONFIRM "whom no rule knows"
refused banned $DENIED "whom a rule bans"
as guest luctl load "$LAB_NEXT" >/run/load 2>&1
is $? 6 "luctl load without an agent is refused"
diag </run/load
like "$(cat /run/load)" "not authorised.*polkit" "... with a way out"
is "$(property State)" idle "nothing has come of all that"

diag "asked for a password"
terminal right luctl load "$LAB_NEXT"
is $? 0 "who knows it loads a kernel" || diag </run/terminal
like "$(cat /run/terminal)" "AUTHENTICATING FOR org.luod1.load.*Authentication is required to load" \
	"... having been told what for"
is "$(property State)" loaded "it is loaded"
terminal wrong luctl unload
is $? 6 "who does not know it is refused" || diag </run/terminal
is "$(property State)" loaded "nothing has come of it"
refused guest $CONFIRM "it counted for that process only"
terminal right busctl --allow-interactive-authorization=no call "${LUOD[@]}" Unload
is $? 1 "a caller that does not want to be asked is not"
like "$(cat /run/terminal)" "must confirm this" "... but told"
terminal right luctl unload
is $? 0 "with it a kernel is unloaded" || diag </run/terminal

diag "let in by a rule"
like "$(call ops Reload)" "^\(\)$" "Reload"
t "luctl load" as ops luctl load "$LAB_NEXT"
like "$(call ops Unload)" "^\(\)$" "Unload"
t "luctl load once more" as ops luctl load "$LAB_NEXT"
vmm_start vm1 --size=16M --mode=custody
vmm_start slow --size=8M --slow-ready=600
(as ops luctl update --jump=systemd >/run/update.log 2>&1) &
t "luctl update: the barrier is open" wait_for 120 vmm_said vm1 '^ready'
like "$(call guest Cancel why)" $CONFIRM "nobody else calls that off"
t "luctl cancel" as ops luctl cancel
went_on vm1
vmm_gone slow
is "$(luctl history --json | jq -c '.updates[0] | [.uid, .result]')" '[1000,"cancelled"]' \
	"history says whose it was"

diag "the socket, where polkit knows nobody"
over_socket() {
	as "$1" gdbus call --address unix:path=/run/luod/bus --dest "${LUOD[0]}" \
		--object-path "${LUOD[1]}" --method "${LUOD[2]}.Reload" 2>&1
}
like "$(over_socket ops)" $DENIED "not even whom a rule lets"
like "$(over_socket root)" "^\(\)$" "but root"

diag "without polkitd"
systemctl mask --runtime --now polkit.service
refused ops $DENIED "whom its rule let in"
like "$(call root Reload)" "^\(\)$" "root needs none"
systemctl unmask --runtime polkit.service

jump as ops luctl update --jump=direct --reason="by rule"

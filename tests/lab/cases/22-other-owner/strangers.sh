# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	stranger VM METHODS [OPTION...]   what luod answers to a process in a unit of its own, started
#	                                  with these options of systemd-run
#	impostor VM [ADDRESS]             ... to one in the right unit with the wrong uid
#	knock PATH                        what nobody gets at that door: "open", or an errno's name
#	answers                           of such lines every answer, once
#	refused_all VM                    assertions: nobody but its owner gets anything out of it

STRANGER=/usr/local/lib/stranger.py

stranger() {
	local vm=$1 methods
	read -ra methods <<<"$2"
	shift 2
	systemd-run --quiet --collect --wait --pipe "$@" -- \
		/usr/bin/python3 $STRANGER "$vm" "$(session_path "$vm")" "${methods[@]}" 2>&1
}

# The unit's own process must not run.
impostor() {
	local unit=vmm@$1.service
	mkdir -p "/run/systemd/system/$unit.d"
	cat >"/run/systemd/system/$unit.d/impostor.conf" <<-EOF
		[Service]
		Type=oneshot
		User=nobody
		ExecStart=
		ExecStart=/usr/bin/python3 $STRANGER $1 $(session_path "$1")
		${2:+Environment=DBUS_SYSTEM_BUS_ADDRESS=$2}
		StandardOutput=truncate:/run/impostor
	EOF
	systemctl daemon-reload
	systemctl start "$unit"
	rm -r "/run/systemd/system/$unit.d"
	systemctl daemon-reload
	cat /run/impostor
}

knock() {
	systemd-run --quiet --collect --wait --pipe --uid=nobody -- /usr/bin/python3 -c '
import errno, os, socket, sys
try:
    if sys.argv[1].startswith("/dev/"):
        os.open(sys.argv[1], os.O_RDWR)
    else:
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])
    print("open")
except OSError as error:
    print(errno.errorcode[error.errno])
' "$1" 2>&1
}

answers() {
	cut -d' ' -f2 | sort -u | paste -sd' '
}

# A name is a name of the caller's uid: to another one it says nothing.
refused_all() {
	local where options
	for where in "the bus" "the socket"; do
		options=()
		[ "$where" = "the bus" ] ||
			options=(--setenv=DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/luod/bus)
		is "$(stranger "$1" "" "${options[@]}" | answers)" NotOwner \
			"$1, $where: the same uid in another unit gets nothing"
		is "$(stranger "$1" CreateSession "${options[@]}")" "CreateSession SessionExists" \
			"$1, $where: ... nor makes another in its place"
		options+=(--uid=nobody)
		is "$(stranger "$1" "" "${options[@]}" | answers)" "NoSuchSession NotOwner" \
			"$1, $where: another uid gets nothing"
		is "$(stranger "$1" Close "${options[@]}")" "Close NotOwner" \
			"$1, $where: ... and cannot close it"
		is "$(stranger "$1" "CreateSession GetResource Close" "${options[@]}" | paste -sd,)" \
			"CreateSession done,GetResource NoSuchResource,Close done" \
			"$1, $where: ... and under that name has a session of its own, with nothing in it"
	done
}

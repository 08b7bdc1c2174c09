# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the cases about luod have in common, on top of lab.sh.
#
#	vmm_start NAME [ARGS...]   a guest in a unit of its own, started now and at every boot
#	vfio_take ADDRESS          assertion: a PCI device is vfio-pci's now
#	dmamem_take ADDRESS        gives pci-dmamem a PCI device that nobody has
#	device_works NAME N        assertions: the guest's device does N more, all of it right
#	masters_bus ADDRESS        may that PCI device write to memory?
#	remember_memory            before there is a guest, for this boot and later ones
#	memory_taken               how many MiB less are free now
#	takes_at_most MIB          are they no more than that?
#	resources_crossed WANT     assertions: by "look", luctl tells of them on both sides of the jump
#	device_reaches NAME ADDRESS   tells the host what the guest's device writes to
#	device_crossed NAME [N]    assertions: ... of one device, which does N more; luod is idle again
#	vmm_said NAME REGEX        has it said that, in this boot?
#	vmm_wait NAME REGEX        assertion: it says that before long
#	load                       assertion: the next kernel is loaded through luod
#	configure LINE...          assertion: luod goes by these lines of lu.conf
#	keep_traces                assertions: metrics go to a file, the journal to the disk
#	property NAME              of the manager
#	state_is STATE             is that the manager's state?
#	session_get NAME PROPERTY [UID]  of root's session, or another's
#	reclaimed NAME             assertions: the guest came back as it was, and goes on
#	kill_luod WHEN, kill_keeper WHEN   SIGKILL; assertions: it is back and answers
#	keeper_holds N             assertion: so many kernel sessions are held
#	memory_moves NAME          is the guest running?
#	went_on NAME               assertions: it was paused for nothing, is as it was, and runs
#	vmm_gone NAME              assertions: the guest is stopped for good, its session closed
#	luod_fds                   how many fds luod has open, but those of connections
#	own_memory UNIT            of its main process, in KiB: of the files that it has mapped, more or less
#	                           happens to be in memory
#	active_units, units_are_back UNITS   what is up; is all of that up again?
#	system_is STATE            what systemctl is-system-running says
#	update_begins              a direct update in the background: what luctl said and how it ended are in
#	                           /run/update.log and update.status
#	lazy_service, lazy_is STATE   lazy.service holds up an isolate for as long as its stop takes; is it so?
#	cannot_update CODE WORDS   assertions: luod runs, names CODE and the way out, and refuses
#	timeline                   shows the last update's timeline as remarks
#	blackout                   tells the host the last update's blackout

# shellcheck source=tests/lab/guest/usr/lib/lab/lab.sh
. /usr/lib/lab/lab.sh

LUOD=(org.luod1 /org/luod1 org.luod1.Manager)

vmm_start() {
	local name=$1
	shift
	mkdir -p /etc/vmm
	echo "VMM_ARGS=$*" >"/etc/vmm/$name"
	t "guest $name is up" systemctl enable --now "vmm@$name.service"
	vmm_wait "$name" '^(created|claimed)'
}

_vfio_has() {
	[ "$(basename "$(readlink "/sys/bus/pci/devices/$1/driver")")" = vfio-pci ] &&
		[ -e "/sys/bus/pci/devices/$1/vfio-dev" ]
}

# From whatever driver has it.
_vfio_bind() {
	local sysfs=/sys/bus/pci/devices/$1
	[ ! -e "$sysfs/driver" ] || echo "$1" >"$sysfs/driver/unbind"
	echo vfio-pci >"$sysfs/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
}

vfio_take() {
	_vfio_bind "$1"
	t "vfio-pci has $1" wait_for 30 _vfio_has "$1"
}

dmamem_take() {
	echo pci-dmamem >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	wait_for 30 test -c "/dev/dmamem/$1"
}

# Its VMM says every second how much it has done, and how much of that is wrong.
_device_done() {
	sed -n 's/^device \([0-9]\+\) .*/\1/p' "/run/vmm-$1" | tail -n 1
}

_device_is_at() {
	[ "$(_device_done "$1")" -ge "$2" ]
}

device_works() {
	local from
	t "the VMM of $1 tells of its device" wait_for 120 vmm_said "$1" '^device [0-9]+ '
	from=$(_device_done "$1")
	t "its device does $2 more, from $from" wait_for 120 _device_is_at "$1" $((from + $2))
	is "$(sed -n 's/^device .*, \([0-9]*\) missing or wrong$/\1/p' "/run/vmm-$1" | sort -u)" 0 \
		"... and nothing is missing or wrong"
}

device_reaches() {
	result "@ reaches $2 $(sed -n "s/^device $2 works and reaches //p" "/run/vmm-$1")"
}

masters_bus() {
	[ $(($(od -An -tu1 -j4 -N1 "/sys/bus/pci/devices/$1/config") & 4)) -ne 0 ]
}

# What a kernel that was handed memory leaves aside for its owners is not in its MemTotal either.
_memory_free() {
	awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo
}

remember_memory() {
	_memory_free >/lab/state/memory
}

memory_taken() {
	echo $(($(cat /lab/state/memory) - $(_memory_free)))
}

# Two kernels and the moment are good for some difference.
takes_at_most() {
	[ "$(memory_taken)" -lt $(($1 + 100)) ]
}

resources_crossed() {
	diag </lab/state/session
	like "$(paste -sd, /lab/state/resources)" "^$1\$" "the old kernel: luctl tells of all of it"
	diag </run/session
	is "$(cat /run/resources)" "$(cat /lab/state/resources)" "the new kernel: ... and of the same"
}

device_crossed() {
	device_works "$1" "${2:-1000}"
	diag <"/run/vmm-$1"
	resources_crossed \
		"$1 ram0 memory 150994944,$1 iommufd0 iommufd [0-9]+,$1 device0 device [0-9]+"
	wait_state idle
	timeline
	t "systemd is up and nothing has failed" systemctl is-system-running --wait
}

vmm_said() {
	grep -Eqs "$2" "/run/vmm-$1"
}

vmm_wait() {
	if wait_for 120 vmm_said "$1" "$2"; then
		ok "guest $1 says '$2'"
		return 0
	fi
	not_ok "guest $1 says '$2'"
	diag <"/run/vmm-$1"
	systemctl status "vmm@$1" | diag
	return 1
}

load() {
	t "the next kernel is loaded through luod" luctl load "$LAB_NEXT" "$@"
}

configure() {
	mkdir -p /etc/luod/lu.conf.d
	printf '%s\n' "$@" >/etc/luod/lu.conf.d/50-case.conf
	t "luod reads lu.conf again" systemctl reload luod
}

# What stays of an update: metrics in a file, the journal on the disk.
keep_traces() {
	mkdir -p /var/lib/collector /var/log/journal
	configure '[Metrics]' 'TextFile=/var/lib/collector/luod.prom'
	systemctl restart systemd-journald
	t "the journal is kept" journalctl --flush
}

property() {
	busctl get-property "${LUOD[@]}" "$1" | cut -d' ' -f2- | tr -d '"'
}

state_is() {
	[ "$(property State)" = "$1" ]
}

wait_state() {
	t "luod is $1" wait_for 120 state_is "$1"
}

session_path() {
	local label
	label=$(printf '%s' "${2:-0}/$1" | sed 's|^.|_3&|; s|/|_2f|; s|-|_2d|g')
	echo "/org/luod1/session/$label"
}

session_get() {
	busctl get-property org.luod1 "$(session_path "$1" "${3:-0}")" org.luod1.Session "$2" |
		cut -d' ' -f2- | tr -d '"'
}

is_another() {
	local now
	now=$(systemctl show -P MainPID "$1")
	[ "$now" != 0 ] && [ "$now" != "$2" ]
}

_kill() {
	local old
	old=$(systemctl show -P MainPID "$1")
	t "$1 is killed $2" kill -KILL "$old"
	t "it is started again" wait_for 60 is_another "$1" "$old"
	t "luod answers" wait_for 60 luctl status
}

kill_luod() {
	_kill luod "$1"
}

kill_keeper() {
	_kill luod-keeper "$1"
}

_keeper_count() {
	find "/proc/$(systemctl show -P MainPID luod-keeper)/fd" -printf '%l\n' | grep -c luo_session
}

_keeper_has() {
	[ "$(_keeper_count)" = "$1" ]
}

keeper_holds() {
	t "luod-keeper holds $1 sessions" wait_for 30 _keeper_has "$1" ||
		diag "it holds $(_keeper_count)"
}

_ticks() {
	awk '{ print $14 + $15 }' "/proc/$(systemctl show -P MainPID "vmm@$1")/stat"
}

memory_moves() {
	local before
	before=$(_ticks "$1")
	sleep 2
	[ "$(_ticks "$1")" -gt "$before" ]
}

went_on() {
	vmm_wait "$1" '^cancelled' && vmm_wait "$1" '^verified'
	t_not "guest $1 found nothing amiss" vmm_said "$1" 'corrupt|failed'
	t "its memory is still written" memory_moves "$1"
	: >"/run/vmm-$1"
}

vmm_gone() {
	t "guest $1 goes away" systemctl disable --now "vmm@$1"
	t "its session is closed" busctl call org.luod1 "$(session_path "$1")" org.luod1.Session Close
}

own_memory() {
	awk '/^RssAnon:/ { print $2 }' "/proc/$(systemctl show -P MainPID "$1")/status"
}

luod_fds() {
	find "/proc/$(systemctl show -P MainPID luod)/fd" -printf '%l\n' | grep -vc '^socket:'
}

active_units() {
	systemctl list-units --state=active --plain --no-legend --type=service,socket,timer,path |
		cut -d' ' -f1 | sort
}

units_are_back() {
	[ -z "$(comm -23 <(echo "$1") <(active_units))" ]
}

system_is() {
	[ "$(systemctl is-system-running)" = "$1" ]
}

update_begins() {
	rm -f /run/update.status
	(
		luctl update --jump=direct >/run/update.log 2>&1
		echo $? >/run/update.status
	) &
}

lazy_service() {
	cat >/run/systemd/system/lazy.service <<-EOF
		[Service]
		ExecStart=sleep infinity
		ExecStop=sleep 15
	EOF
	systemctl daemon-reload
}

lazy_is() {
	[ "$(systemctl show -P ActiveState lazy)" = "$1" ]
}

cannot_update() {
	t "luod and its keeper run" systemctl is-active luod.service luod-keeper.service
	t "systemd is up and nothing has failed" systemctl is-system-running --wait
	luctl check >/run/check 2>&1
	is $? 3 "luctl check finds what stands in the way"
	diag </run/check
	like "$(luctl check --json | jq -r ".findings[] | select(.code == \"$1\") | .message")" "$2" \
		"finding $1 names the way out"
	luctl update >/run/update 2>&1
	is $? 1 "an update is refused"
	like "$(cat /run/update)" "cannot do live updates" "... luctl says why"
	like "$(gdbus call --system --dest "${LUOD[0]}" --object-path "${LUOD[1]}" \
		--method "${LUOD[2]}.Update" '{}' 2>&1)" "org.luod1.Error.NotSupported" "... D-Bus clients, too"
	t "the journal explains it" wait_for 30 sh -c 'journalctl -b -u luod -x \
		MESSAGE_ID=8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e0a | grep "Subject: This kernel cannot do live updates"'
}

timeline() {
	luctl timeline | diag
}

blackout() {
	local usec khz
	usec=$(luctl timeline --json | jq '.update["blackout-usec"]')
	khz=$(/usr/lib/lab/stamp khz)
	result "@ elapsed blackout blackout $((usec * khz / 1000)) $khz"
}

reclaimed() {
	vmm_wait "$1" '^claimed' && vmm_wait "$1" '^verified' && vmm_wait "$1" '^done'
	t_not "guest $1 found nothing amiss" grep -Eq 'corrupt|failed' "/run/vmm-$1"
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# without UNIT CAPABILITY: the unit as it is but for that, started anew; "with UNIT" ends it
without() {
	local folder=/etc/systemd/system/$1.service.d
	mkdir -p "$folder"
	printf '[Service]\nCapabilityBoundingSet=~%s\n' "$2" >"$folder/90-without.conf"
	diag "$1 without $2"
	again "$1"
	t_not "it has no $2" sh -c "systemctl show -P CapabilityBoundingSet $1 | grep -iqw $2"
}

with() {
	rm "/etc/systemd/system/$1.service.d/90-without.conf"
	diag "$1 with all of its capabilities"
	again "$1"
}

again() {
	systemctl daemon-reload
	systemctl restart "$1"
	t "luod answers" wait_for 60 luctl status
}

status() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$(systemctl show -P MainPID "$1")/status"
}

# filtered UNIT CMD...: with the system calls that the unit may use, and all capabilities.
filtered() {
	systemd-run --quiet --wait -p "SystemCallFilter=$(systemctl show -P SystemCallFilter "$1")" \
		-p SystemCallErrorNumber=EPERM "${@:2}"
}

held() {
	luctl check | grep -c "session-still-held.*in hog.service"
}

# The metrics are written again after each change of what they tell.
metrics_are_written() {
	rm -f /var/lib/collector/luod.prom
	busctl call "${LUOD[@]}" CreateSession 'sa{sv}' passing 0 >/run/passing 2>&1
	busctl call org.luod1 "$(session_path passing)" org.luod1.Session Close >>/run/passing 2>&1
	wait_for "$1" test -s /var/lib/collector/luod.prom
}

_connected() {
	[ "$(session_get vm1 OwnerConnected)" = true ]
}

of_host() {
	python3 "$LAB_DIR/ask.py" "$@" 2>&1
}

diag "the units as they are installed"
for unit in luod:25 luod-keeper:25 luod-host:35; do
	systemctl start "${unit%:*}"
	t "systemd-analyze security ${unit%:*}: ${unit#*:} tenths or better" \
		systemd-analyze security --no-pager --threshold="${unit#*:}" "${unit%:*}.service"
	systemd-analyze security --no-pager "${unit%:*}.service" | tail -n 1 | diag
	is "$(status "${unit%:*}" NoNewPrivs)" 1 "it gains no privileges"
	is "$(status "${unit%:*}" Seccomp)" 2 "it has a filter of system calls"
	t "... by which a program runs" filtered "${unit%:*}" true
	t_not "... that changes no root" filtered "${unit%:*}" chroot / true
	is "$(status "${unit%:*}" CapAmb)" 0000000000000000 "no ambient capabilities"
done
is "$(status luod CapBnd)" 0000000000481004 "luod: SYS_BOOT, NET_ADMIN, SYS_PTRACE, DAC_READ_SEARCH"
is "$(status luod-keeper CapBnd)" 0000000000000000 "luod-keeper: none"
is "$(status luod-host CapBnd)" 0000000000201004 "luod-host: SYS_ADMIN, NET_ADMIN, DAC_READ_SEARCH"

diag "with all of them"
keep_traces
vmm_start vm1 --size=16M --mode=custody
t "a kernel is loaded" luctl load "$LAB_NEXT"
t "an owner that is not root" systemd-run --quiet --unit=hog -p User=nobody \
	-p StandardOutput=truncate:/run/hog python3 "$LAB_DIR/build/hog.py"
t "has made its session" wait_for 60 grep -q created /run/hog
t_not "it calls an update off" luctl update --jump=systemd
t "and keeps the kernel session" wait_for 60 grep -q kept /run/hog
went_on vm1
is "$(held)" 1 "the check says who holds it"
t "metrics are written" metrics_are_written 30
# A file system of its own (its image on none that is frozen), below a folder of another user's that is shut.
mkdir -p /var/lib/shut/mounted
t "a file system on a loop device" sh -c 'truncate -s 16M /run/image && mkfs.ext4 -q /run/image &&
	mount -o loop /run/image /var/lib/shut/mounted'
chown nobody /var/lib/shut
chmod 700 /var/lib/shut
is "$(of_host freeze /var/lib/shut/mounted)" frozen "luod-host freezes it"
is "$(of_host link made-with-all)" made "luod-host's socket makes links"

# It would come back to a luod that, without CAP_SYS_PTRACE, cannot tell its unit, and be refused for good.
t "the guest is out of the way" systemctl stop vmm@vm1

without luod CAP_SYS_PTRACE
is "$(held)" 0 "nobody is seen to hold a session"
t_not "nothing is written to the disk" metrics_are_written 8
with luod

without luod CAP_DAC_READ_SEARCH
is "$(held)" 0 "what is not root's process is not seen to hold a session"
with luod
is "$(held)" 1 "now it is"

without luod-host CAP_SYS_ADMIN
like "$(of_host freeze /var/lib/shut/mounted)" "refused: Operation not permitted" "nothing is frozen"
like "$(of_host link x)" "refused: Operation not permitted" "no namespace is entered"
with luod-host

without luod-host CAP_DAC_READ_SEARCH
is "$(of_host freeze /var/lib/shut/mounted)" "it was not frozen" "a mount below a shut folder is passed over"
with luod-host

without luod-host CAP_NET_ADMIN
like "$(of_host link x)" "refused: Operation not permitted" "its socket makes no link"
with luod-host
umount /var/lib/shut/mounted

t "the owner that is in the way ends" systemctl stop hog
t "its session is closed" busctl call org.luod1 "$(session_path hog 65534)" org.luod1.Session Close

t "the guest is up again" systemctl start vmm@vm1
without luod CAP_SYS_BOOT
t "the guest has come back" wait_for 60 _connected
like "$(luctl load "$LAB_NEXT" 2>&1)" "loading is forbidden" "no kernel is loaded"
like "$(luctl update --jump=direct --force 2>&1)" "does not load .*: Operation not permitted. Every guest goes on" \
	"there is no jump"
t "the guest runs" memory_moves vm1
with luod
load

diag "killed while all is frozen"
python3 - <<'EOF'
import os, signal, socket, struct
host = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
host.connect("/run/luod/host")
host.send(struct.pack("III256s", 268, 1, 0, b""))
host.recv(2000)
os.kill(os.getpid(), signal.SIGKILL)
EOF
t "whoever asked for it is gone, and all is thawed" timeout 60 sh -c 'echo x >/var/lib/thawed && sync'

# The last of luod's: what it is for comes after the jump.
t "a link goes along" ip link add goes-along type dummy
configure '[Metrics]' 'TextFile=/var/lib/collector/luod.prom' '[Network]' 'Links=goes-along'
without luod CAP_NET_ADMIN
t "the guest is connected" wait_for 60 _connected
jump luctl update --jump=direct

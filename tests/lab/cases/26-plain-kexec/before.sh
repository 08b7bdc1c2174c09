#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

SENTENCE="use 'luctl update' \(or 'systemctl start luod-update.service'\)"
MISSING="Unit use-luctl-update-while-guests-run.target not found"

# As typed by somebody: systemctl asks for a terminal before it shows a sentence.
at_a_terminal() {
	timeout 60 python3 -c 'import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' "$@" </dev/null
}

# refused REGEX COMMAND...
refused() {
	local want=$1
	shift
	"$@" >/run/refused 2>&1 </dev/null
	if is $? 1 "'$*' is refused"; then
		like "$(cat /run/refused)" "$want" "... and says why"
	fi
	diag </run/refused
}

# What PID 1 answers has a code of its own.
refused_by_pid1() {
	t_not "'$*' is refused" "$@"
	like "$("$@" 2>&1)" "$MISSING" "... by PID 1, with what to use"
}

inhibited() {
	systemd-inhibit --list --no-legend | grep -q '^luod .*shutdown.*block'
}

not_inhibited() {
	! inhibited
}

guards() {
	find /run/systemd/system -name 50-luod.conf | wc -l
}

guarded() {
	t "logind refuses for luod" wait_for 60 inhibited
	is "$(guards)" 2 "... and so does PID 1"
}

unguarded() {
	t "logind refuses no more" wait_for 60 not_inhibited
	is "$(guards)" 0 "... nor does PID 1"
}

pid1_heard() {
	journalctl -b -q -o cat _PID=1 | grep -q "$MISSING"
}

system=$(systemctl is-system-running --wait)
unguarded
load
vmm_start vm1 --size=32M --mode=custody
guarded
is "$(luctl check --json | jq -r '.findings[] | select(.code == "shutdown-not-refused")')" "" \
	"the check has nothing to say about it"

diag "somebody at a terminal"
for words in "systemctl kexec" "systemctl reboot" "systemctl poweroff" "shutdown -r now"; do
	# shellcheck disable=SC2086
	refused "$SENTENCE" at_a_terminal $words
done

diag "a script"
for words in "systemctl kexec" "systemctl reboot" "systemctl poweroff" "shutdown -r now" \
	"shutdown -r +1"; do
	# shellcheck disable=SC2086
	refused "[Dd]enied" $words
done
refused "$SENTENCE" systemctl reboot --check-inhibitors=yes
like "$(systemd-inhibit --list)" "$SENTENCE" "systemd-inhibit tells it a script, too"
refused "policy|authentication" systemctl reboot --check-inhibitors=no

diag "around logind"
for target in kexec.target reboot.target ctrl-alt-del.target; do
	refused_by_pid1 systemctl start $target
done
refused_by_pid1 systemctl isolate reboot.target
t "Ctrl-Alt-Del" kill -INT 1
t "... is refused, too" wait_for 30 pid1_heard

diag "logind comes and goes"
t "logind is started again" systemctl restart systemd-logind
guarded
t "logind is killed" systemctl kill -s KILL systemd-logind
guarded
t "there is no logind" systemctl mask --runtime --now systemd-logind
t_not "systemctl reboot is refused" systemctl reboot
like "$(systemctl reboot 2>&1)" "$MISSING" "... by PID 1"
t "logind is there again" systemctl unmask --runtime systemd-logind
systemctl start systemd-logind
guarded

diag "luod comes and goes"
kill_luod "while it holds shutdowns off"
guarded
t "luod is stopped by whoever wants to reboot all the same" systemctl stop luod.socket luod.service
unguarded
t "... or not" systemctl start luod.socket luod.service
t "luod answers" wait_for 60 luctl status
guarded

diag "another unit keeps the targets loaded"
cat >/run/systemd/system/other.service <<EOF
[Unit]
Conflicts=kexec.target reboot.target
[Service]
ExecStart=sleep infinity
EOF
t "it is there" systemctl daemon-reload
t "... and runs" systemctl start other
refused_by_pid1 systemctl start kexec.target

is "$(systemctl is-system-running)" "$system" "the system runs as before"
t "the guest runs" memory_moves vm1
t_not "... and was never asked" vmm_said vm1 '^(prepare|cancelled)'

diag "the last session goes"
vmm_gone vm1
unguarded
jump systemctl kexec

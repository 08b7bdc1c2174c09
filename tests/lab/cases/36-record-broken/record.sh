# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	next_record      which record the next jump is made with, see other-record.c
#	leave_record     assertions: the luod that runs leaves that one, in this boot only
#	names_only WORDS assertions: it could not be used, for which reason, and what that means
#	as_recorded      assertions: it could

case $LAB_CASE in
*-versions) RECORDS=(record-2.0.json record-1.0-rich.json) ;;
*) RECORDS=(truncated missing) ;;
esac

next_record() {
	local record=${RECORDS[LAB_BOOT - 1]}
	case $record in
	*.json) echo "/usr/local/lib/luod/$record" ;;
	*) echo "$record" ;;
	esac
}

leave_record() {
	local record
	record=$(next_record)
	mkdir -p /usr/local/lib/luod /run/systemd/system/luod.service.d
	cp "$LAB_DIR"/build/* /usr/local/lib/luod
	cat >/run/systemd/system/luod.service.d/record.conf <<-EOF
		[Service]
		Environment=LD_PRELOAD=/usr/local/lib/luod/other-record.so OTHER_RECORD=$record
	EOF
	systemctl daemon-reload
	t "luod is started with another record to leave: $record" systemctl restart luod
	t "luod answers" wait_for 60 luctl status
	t "... and is that one" grep -q other-record "/proc/$(systemctl show -P MainPID luod)/maps"
}

journal() {
	journalctl -b -u luod -o cat
}

names_only() {
	local vm
	for vm in vm1 vm2; do
		reclaimed $vm
	done
	like "$(journal)" "The handover record is not usable \($1.*sessions are known by their names only" \
		"the journal says what is wrong with the record"
	for vm in vm1 vm2; do
		like "$(journal)" "Session 0/$vm is not in the handover record" "... and that $vm is not in it"
		is "$(session_get $vm ClaimPolicy)" uid "... so it was its uid's"
	done
	wait_state degraded
	keeper_holds 0
	like "$(luctl status)" degraded "luctl status says so"
	is "$(luctl timeline --json | jq -r .update.result)" degraded "history says so"
	like "$(luctl timeline --json | jq -r .update.error)" "Not everything came through: the handover record" "... and why"
	like "$(luctl timeline --json | jq -r '.update."update-id"')" '^[0-9a-f]{32}$' "... and of which update"
	t "the journal explains it" sh -c 'journalctl -b -u luod -x \
		MESSAGE_ID=8a5d1f0c2b7e4a4f9b0f6c1f0a7d3e06 | grep "Subject: Something was not recovered"'
}

as_recorded() {
	local vm
	for vm in vm1 vm2; do
		reclaimed $vm
		is "$(session_get $vm Unit)" "vmm@$vm.service" "$vm is its unit's"
	done
	is "$(session_get vm1 Mode) $(session_get vm2 Mode)" "custody delegation" "... and kept as before"
	wait_state idle
	keeper_holds 0
	t_not "nothing is amiss with the record" sh -c \
		'journalctl -b -u luod -o cat | grep "handover record"'
	is "$(luctl timeline --json | jq -r '.update.result + " " + .update.reason')" \
		"done in an older version" "the update is done"
}

# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	users                     makes them: ops, whom a rule lets, banned, whom one does not, and
#	                          guest, of whom no rule knows; root has the password "right"
#	as USER COMMAND...        as that user, in no login session
#	call USER METHOD ARGS...  of the manager, without the interactive flag: what is answered
#	refused USER ERROR DESC   assertions: every administrator's method ends with that error

users() {
	local name hash uid=1000
	for name in ops banned guest; do
		echo "$name:x:$uid:$uid::/run/home-$name:/bin/sh" >>/etc/passwd
		echo "$name:x:$uid:" >>/etc/group
		install -d -o $uid -g $uid "/run/home-$name"
		uid=$((uid + 1))
	done
	echo "hostops:x:2000:ops" >>/etc/group
	# shellcheck disable=SC2016 # perl's dollars
	hash=$(perl -e 'print crypt("right", q($6$lab$))')
	sed -i 's/^root:[^:]*:/root:x:/' /etc/passwd
	sed -i '/^root:/d' /etc/shadow
	echo "root:$hash:20000:0:99999:7:::" >>/etc/shadow
}

as() {
	local user=$1
	shift
	HOME=/run/home-$user setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
}

call() {
	local user=$1 method=$2
	shift 2
	as "$user" gdbus call --system --dest "${LUOD[0]}" --object-path "${LUOD[1]}" \
		--method "${LUOD[2]}.$method" "$@" 2>&1
}

refused() {
	like "$(call "$1" Unload)" "$2" "$3: Unload"
	like "$(call "$1" Update '{}')" "$2" "$3: Update"
	like "$(call "$1" Cancel why)" "$2" "$3: Cancel"
	like "$(call "$1" Reload)" "$2" "$3: Reload"
}

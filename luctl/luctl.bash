# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for luctl(1). What only luod knows (sessions, updates) is asked for with
# --json, quietly and for at most two seconds; without luod there are simply no proposals.
# shellcheck shell=bash

# The luctl of this command line, with the --address in it. Another host is not asked: ssh would
# take its time, or ask for a password.
__luctl_ask() {
	local i ask=(timeout 2 luctl)

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-H | --host)
			return
			;;
		--address)
			# bash takes '=' for a word of its own, and ':' too.
			[[ ${COMP_WORDS[i + 1]} == "=" ]] && i=$((i + 1))
			ask+=("--address=$(__luctl_address $((i + 1)))")
			;;
		esac
	done
	"${ask[@]}" "$@" 2>/dev/null
}

# An address that begins at word $1: "unix", ":", "path", "=", "/run/luod/bus".
__luctl_address() {
	local i=$1 address=${COMP_WORDS[$1]}

	while [[ ${COMP_WORDS[i + 1]} == [:=] ]]; do
		address+=${COMP_WORDS[i + 1]}${COMP_WORDS[i + 2]}
		i=$((i + 2))
	done
	printf '%s\n' "$address"
}

# The names of all sessions, as UID/NAME.
__luctl_sessions() {
	__luctl_ask sessions --no-legend | while read -r name _; do
		echo "$name"
	done
}

# What is still missing of the addresses of devices: a colon is a word of its own to bash.
__luctl_devices() {
	local i=$COMP_CWORD typed=''
	[[ ${COMP_WORDS[i]} == : ]] && typed=:
	for (( ; i > 1; i--)); do
		[[ ${COMP_WORDS[i - 1]} == : || ${COMP_WORDS[i]} == : ]] || break
		typed=${COMP_WORDS[i - 1]}$typed
	done
	__luctl_ask devices --no-legend | while read -r address _; do
		[[ $address == "$typed"* ]] && echo "${address#"$typed"}"
	done
}

# The ids of updates, as short as luctl shows them.
__luctl_updates() {
	__luctl_ask history --no-legend | while read -r _ _ id _; do
		echo "$id"
	done
}

__luctl_reply() { # WORDS
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

__luctl_files() {
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

_luctl() {
	local cur prev i word verb=''
	local verbs="status sessions close devices check load unload update cancel timeline history net watch version help"
	local -A options=(
		[general]="--host --address --json --no-legend --quiet --verbose --help --version"
		[load]="--initrd= --command-line= --reuse-command-line --append="
		[update]="--jump= --reason= --force --no-wait --timeout="
		[cancel]="--reason="
		[timeline]="--svg"
		[history]="--limit="
		[net]="--last --record="
	)

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	# "--jump=dir" comes as three words.
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $prev == "=" ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		[[ " $verbs " == *" $word "* ]] && verb=$word && break
	done

	case $prev in
	-H | --host)
		if declare -F _known_hosts_real >/dev/null; then
			_known_hosts_real -a -- "$cur"
		fi
		return
		;;
	--initrd | --svg | --record)
		__luctl_files
		return
		;;
	--jump)
		__luctl_reply "direct systemd"
		return
		;;
	--address)
		__luctl_reply "unix:path=/run/luod/bus"
		return
		;;
	--command-line | --append | --reason | --timeout | --limit | -n)
		return
		;;
	esac

	if [[ $cur == -* ]]; then
		__luctl_reply "${options[general]} ${options[${verb:-none}]:-}"
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
		return
	fi
	case $verb in
	"")
		__luctl_reply "$verbs"
		;;
	load)
		__luctl_files
		;;
	sessions | close)
		__luctl_reply "$(__luctl_sessions)"
		;;
	devices)
		[[ $cur == ":" ]] && cur=
		__luctl_reply "$(__luctl_devices)"
		;;
	timeline)
		__luctl_reply "$(__luctl_updates)"
		;;
	net)
		[[ $prev != net ]] || __luctl_reply "show diff replay"
		;;
	esac
}

complete -F _luctl luctl

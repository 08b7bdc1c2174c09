#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

guests_run() {
	t "guest vm1 runs" memory_moves vm1
	t_not "... and no guest was asked for anything" grep -Eqh '^(prepare|cancelled)' \
		/run/vmm-vm1 /run/vmm-vm2
}

target() {
	luctl status --json | jq -c .target
}

errors() {
	luctl check --json | jq -r '.findings[] | select(.severity == "error") | .code' | paste -sd' '
}

nothing_against() {
	t "nothing stands in the way" luctl check
}

good_again() {
	load
	nothing_against
}

# not_loaded FILE WHAT WORDS [ARGS...]: luctl load does not take it, and what is loaded stays.
not_loaded() {
	local before
	before=$(target)
	diag "$2"
	luctl load "$1" "${@:4}" >/run/load 2>&1
	is $? 1 "luctl load refuses $2"
	diag </run/load
	like "$(cat /run/load)" "$3" "... and says why"
	is "$(target)" "$before" "what was loaded before still is"
	nothing_against
	guests_run
}

# refused CODE WORDS [STATUS SAYS]: what is loaded now is not jumped into; then a good one is
# loaded. An update shows what the check found, unless luod knows no kernel to check (status 7).
refused() {
	local state
	state=$(property State)
	luctl check >/run/check 2>&1
	is $? 3 "luctl check refuses it"
	diag </run/check
	is "$(errors)" "$1" "... for this one reason"
	like "$(luctl check --json | jq -r ".findings[] | select(.code == \"$1\") | .message")" "$2" \
		"... and names the way out"
	luctl update --jump=direct >/run/update 2>&1
	is $? "${3:-3}" "luctl update refuses it"
	diag </run/update
	like "$(cat /run/update)" "${4:-$1}" "... and says why"
	is "$(property State)" "$state" "the state is as before"
	keeper_holds 0
	guests_run
	good_again
}

# taken FILE WHAT [ARGS...]: luctl load takes it; the check is to judge.
taken() {
	local file=$1
	diag "$2"
	t "luctl load takes $2" luctl load "$file" "${@:3}"
}

# The running kernel's own name of an ABI, in one of another version: luo-v5, luo-v6.
other_abi() {
	local name
	name=$(grep "^$1-v" /sys/kernel/liveupdate/abi)
	LC_ALL=C sed "s/$name\x00/$1-v$((${name##*-v} + 1))\x00/g" "$LAB_NEXT" >"/run/bad/$1"
	t_not "an image of another $1 ABI than $name is made" cmp -s "$LAB_NEXT" "/run/bad/$1"
	taken "/run/bad/$1" "a kernel of another $1 ABI"
	refused target-abi-mismatch "hands over in the format $name.*Load a kernel that reads $name"
}

largest_scratch() {
	local size max=0
	while read -r size; do
		max=$((size > max ? size : max))
	done </sys/kernel/debug/kho/out/scratch_len
	echo "$max"
}

mkdir -p /run/bad/directory
size=$(stat -c %s "$LAB_NEXT")
echo "root=/dev/vda" >/run/bad/text
: >/run/bad/empty
head -c 520 "$LAB_NEXT" >/run/bad/header
head -c $((size / 2)) "$LAB_NEXT" >/run/bad/truncated
cp "$LAB_NEXT" /run/bad/corrupt
dd if=/dev/zero of=/run/bad/corrupt bs=4096 count=2 seek=$((size / 8192)) conv=notrunc status=none
gzip -c "$LAB_NEXT" >/run/bad/packed
mkfifo /run/bad/fifo

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=16M --mode=delegation
good_again

not_loaded /run/bad/missing "a file that is not there" "No such file"
not_loaded /run/bad/directory "a directory" "not a regular file"
not_loaded /run/bad/fifo "a FIFO" "not a regular file"
not_loaded /run/bad/empty "an empty file" "is empty"
not_loaded /run/bad/text "a text file" "^luctl: Cannot load /run/bad/text: it is not a kernel image.*/boot"
not_loaded /run/bad/packed "a kernel in a gzip file" "not a kernel image.*/boot"
not_loaded /run/bad/header "the first bytes of a kernel" "Cannot load.*/boot"

# A next kernel starts inside of the scratch memory of KHO, and with it its initrd.
scratch=$(largest_scratch)
t "the scratch memory is known ($scratch bytes)" test "$scratch" -gt 0
truncate -s $((scratch + 4096)) /run/bad/initrd
not_loaded "$LAB_NEXT" "an initrd that is larger than the scratch memory" \
	"no room for it in the KHO scratch area.*kho_scratch=" --initrd=/run/bad/initrd
rm /run/bad/initrd

taken /run/bad/truncated "half of a kernel"
refused target-damaged "cut short or damaged.*Copy or install it again"

taken /run/bad/corrupt "a kernel with a hole in its compressed part"
refused target-damaged "cut short or damaged.*Copy or install it again"

taken "$LAB_DIR/build/vmlinuz" "Debian's kernel"
refused target-no-liveupdate "CONFIG_LIVEUPDATE=y"

other_abi luo
other_abi kho
other_abi memfd

taken "$LAB_NEXT" "the next kernel, without liveupdate=on" --command-line="root=/dev/vda kho=on"
refused target-cmdline-no-liveupdate 'not say liveupdate=on.*luctl load --append="liveupdate=on"'

taken "$LAB_NEXT" "the next kernel, with liveupdate=off" --append="liveupdate=off"
refused target-cmdline-no-liveupdate 'says liveupdate=off.*luctl load --append="liveupdate=on"'

taken "$LAB_NEXT" "the next kernel, with kho=off" --append="kho=off"
refused target-cmdline-kho-off 'says kho=off.*luctl load --append="kho=on"'

diag "no kernel"
t "it is unloaded" luctl unload
refused no-target "luctl load" 7 "luod has loaded no kernel to jump into; see luctl load"

diag "a kernel loaded with kexec_load(2)"
t "luod has none" luctl unload
t "somebody loads one" kexec --kexec-syscall --load "$LAB_NEXT" --reuse-cmdline
refused loaded-by-someone-else "luctl load" 7 "luod has loaded no kernel to jump into; see luctl load"

diag "unloaded behind luod's back"
t "somebody unloads it" kexec --kexec-file-syscall --unload
refused target-not-loaded "luctl load"

# What luod has checked is loaded again when the update begins: no other image gets in between.
diag "loaded over luod's with kexec_load(2), before the update and, by a service that is stopped, in it"
t "a service does so when it is stopped" systemd-run --unit=overload --property=Type=exec \
	--property=ExecStop="/bin/sh -c 'kexec --kexec-syscall --load $LAB_NEXT --reuse-cmdline &&
	: >/var/overloaded'" sleep infinity
t "somebody loads one" kexec --kexec-syscall --load "$LAB_NEXT" --reuse-cmdline
jump luctl update --jump=direct

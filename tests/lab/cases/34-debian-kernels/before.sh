#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# has OPTION: of the kernel that is looked at
has() {
	grep -q "^CONFIG_$1=y$" "$folder/config"
}

yes_no() {
	if "$@"; then
		echo true
	else
		echo false
	fi
}

can_live_update() {
	has KEXEC_HANDOVER && has LIVEUPDATE
}

# What stands against a jump into it, by its configuration; kho=on is on the command line.
expected() {
	if ! can_live_update; then
		echo target-no-liveupdate
	elif ! has LIVEUPDATE_MEMFD; then
		echo target-no-memfd
	fi
}

# What it says of such an image while no session has a device.
doubted() {
	if can_live_update && ! has VFIO_PCI_LIVEUPDATE; then
		echo target-no-devices
	fi
}

compression() {
	sed -n 's/^CONFIG_KERNEL_\(GZIP\|BZIP2\|LZMA\|XZ\|LZO\|LZ4\|ZSTD\)=y$/\L\1/p' "$folder/config"
}

findings() {
	luctl check --json | jq -r ".findings[] | select($1) | $2" | paste -sd' '
}

judge() {
	local want errors
	want=$(expected)
	t "$name is loaded" luctl load "$folder/image"
	is "$(luctl status --json | jq -r .target.release)" "$(cat "$folder/release")" \
		"$name: the release"
	is "$(luctl status --json | jq .target.liveupdate)" "$(yes_no can_live_update)" \
		"$name: live update, as its configuration says"
	luctl check >/run/check 2>&1
	is $? $((${#want} ? 3 : 0)) "$name: the check's exit code"
	diag </run/check
	errors=$(findings '.severity == "error"' .code)
	is "$errors" "$want" "$name: the errors, '$want'"
	# Its ABIs were read and are ours, or it has none.
	is "$(findings '.code == "target-abi-unknown" or .severity == "warning"' .code)" "$(doubted)" \
		"$name: the doubts, '$(doubted)', and no other"
	printf '%s\t%s\t%s\t%s\n' "$name" "$(cat "$folder/release")" "$(compression)" "${want:-good}" \
		>>"$LAB_OUT/kernels"
}

# Which compression it is, luod says of one that it cannot unpack.
judge_damaged() {
	local size
	size=$(stat -c %s "$folder/image")
	cp "$folder/image" /run/damaged
	dd if=/dev/zero of=/run/damaged bs=4096 count=2 seek=$((size / 8192)) conv=notrunc status=none
	t "$name with a hole is loaded" luctl load /run/damaged
	like "$(findings '.code == "target-damaged"' .message)" "compression $(compression)\)" \
		"$name: it is packed with $(compression)"
}

vmm_start vm1 --size=16M --mode=custody
for folder in "$LAB_DIR"/build/*; do
	name=${folder##*/}
	diag "$name: $(cat "$folder/release")"
	judge
	judge_damaged
done
is "$(grep -c debian- "$LAB_OUT/kernels")" 3 "three of them are Debian's"
diag <"$LAB_OUT/kernels"

t "the guest runs" memory_moves vm1
t_not "... and was never asked for anything" vmm_said vm1 '^(prepare|cancelled)'
load
t "nothing stands in the way of a good one" luctl check

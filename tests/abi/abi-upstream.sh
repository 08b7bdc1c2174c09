#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A program written for the interface that is posted upstream compiles against the headers of our
# series; and would not if what it needs had another name or place.
set -u
src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
headers=${KERNEL_HEADERS:-$("$src/tests/lab/lab" headers)}
client=$src/tests/abi/upstream-client.c

out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
bad=0
number=0

compiles() { # FLAG...
	"${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror "$@" -isystem "$headers" -c -o "$out/client.o" \
		"$client" >"$out/log" 2>&1
}

result() { # WHAT STATUS
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		sed 's/^/# /' "$out/log"
		echo "not ok $number - $1"
		bad=1
	fi
}

# Our series' header, with something changed.
changed() { # SED
	mkdir -p "$out/linux"
	sed "$1" "$headers/linux/iommufd.h" >"$out/linux/iommufd.h"
	! cmp -s "$out/linux/iommufd.h" "$headers/linux/iommufd.h" && ! compiles -I"$out"
}

echo 1..4
compiles
result "a client of upstream's interface compiles" $?
changed 's/hwpt_token;/hwpt_name;/'
result "a member of another name is noticed" $?
changed 's/__aligned_u64 hwpt_token;/__u32 hwpt_token;/'
result "a member of another size is noticed" $?
changed 's/IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE/IOMMU_HWPT_MARK/'
result "a command of another name is noticed" $?
exit "$bad"

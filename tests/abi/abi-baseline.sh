#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Holds liblu against the ABI that was recorded when it was last released or extended.
#
#   abi-baseline.sh           compare; functions may have come, nothing may have gone or changed
#   abi-baseline.sh record    record the library as it is now
set -u
src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
library=${LIBLU:-$src/build/liblu/liblu.so.1}
baseline=$src/tests/abi/liblu.abi

# The header is named as the debug information names it: what is not declared there is private.
dump() { # FILE
	(cd "$src" && abidw --no-corpus-path --no-comp-dir-path --no-show-locs --drop-private-types \
		--header-file liblu/liblu.h --out-file "$1" "$library")
}

if [ "${1:-}" = record ]; then
	dump "$baseline"
	exit
fi

echo 1..2
if ! command -v abidiff >/dev/null; then
	echo "ok 1 - nothing of the ABI has gone or changed # SKIP abidiff is missing: apt-get install abigail-tools"
	echo "ok 2 - the recorded ABI is complete # SKIP abidiff is missing"
	exit 0
fi

now=$(mktemp) || exit 1
trap 'rm -f "$now"' EXIT
dump "$now" || {
	echo "Bail out! abidw cannot read $library"
	exit 1
}

difference() { # OPTION...
	abidiff --no-show-locs "$@" "$baseline" "$now" | sed 's/^/# /'
	return "${PIPESTATUS[0]}"
}

bad=0
if difference --no-added-syms; then
	echo "ok 1 - nothing of the ABI has gone or changed"
else
	echo "not ok 1 - nothing of the ABI has gone or changed"
	bad=1
fi
if difference --harmless >/dev/null || [ "$bad" = 1 ]; then
	echo "ok 2 - the recorded ABI is complete"
else
	difference --harmless
	echo "# something is new: make abi-baseline, and commit tests/abi/liblu.abi with it"
	echo "not ok 2 - the recorded ABI is complete"
	bad=1
fi
exit "$bad"

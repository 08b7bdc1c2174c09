#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What liblu.h declares, what liblu.map exports, what the library has and what liblu(3) describes
# are the same functions. The library exports nothing else, and needs libsystemd and libc only.
set -u
src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
library=${LIBLU:-$src/build/liblu/liblu.so.1}

# Comments are cut first: the header's and the map's name functions too.
uncommented() { # FILE
	sed -e 's|/\*[^*]*\*/||g' -e '/\/\*/,/\*\//d' "$1"
}

declared=$(uncommented "$src/liblu/liblu.h" | grep -oE '\blu_[a-z_]+\(' | tr -d '(' | sort)
mapped=$(uncommented "$src/liblu/liblu.map" | grep -oE '\blu_[a-z_]+;' | tr -d ';' | sort)
exported=$(nm -D --defined-only --with-symbol-versions "$library" |
	awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)
described=$(grep -oE '^\*lu_[a-z_]+\*\(' "$src/man/liblu.3.scd" | tr -d '*(' | sort)
needed=$(objdump -p "$library" | awk '$1 == "NEEDED" { print $2 }' |
	grep -vE '^(libsystemd\.so|libc\.so|ld-linux)')

number=0
bad=0
compare() { # WHAT EXPECTED FOUND
	local difference
	number=$((number + 1))
	difference=$(diff <(echo "$2") <(echo "$3"))
	if [ -z "$difference" ]; then
		echo "ok $number - $1"
		return
	fi
	echo "$difference" | grep '^[<>]' | sed -e 's/^</# only declared:/' -e 's/^>/# only there:/'
	echo "not ok $number - $1"
	bad=1
}

echo 1..5
compare "the header declares each function once" "$(echo "$declared" | uniq)" "$declared"
compare "the version map has the header's functions" "$declared" "$mapped"
compare "the library exports them and nothing else" "$declared" "$exported"
compare "liblu(3) describes every one" "$declared" "$described"
compare "the library needs libsystemd and libc only" "" "$needed"
exit "$bad"

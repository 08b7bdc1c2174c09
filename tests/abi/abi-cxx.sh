#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A C++ program can be written against liblu.h and linked with the library.
set -u
src=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
library=${LIBLU:-$src/build/liblu/liblu.so.1}

out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
bad=0
standards=(c++11 c++20)

echo "1..${#standards[@]}"
for i in "${!standards[@]}"; do
	name="$((i + 1)) - liblu.h is good ${standards[i]}"
	if ! command -v g++ >/dev/null; then
		echo "ok $name # SKIP g++ is missing: apt-get install g++"
	elif g++ -std="${standards[i]}" -Wall -Wextra -Wpedantic -Werror -I"$src/liblu" \
		"$src/tests/abi/cxx-include.cc" -o "$out/program" "$library" >"$out/log" 2>&1; then
		echo "ok $name"
	else
		sed 's/^/# /' "$out/log"
		echo "not ok $name"
		bad=1
	fi
done
exit "$bad"

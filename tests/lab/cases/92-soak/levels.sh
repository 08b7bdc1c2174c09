# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What must neither grow nor shrink from one update to the next. The first update sets the levels;
# those of the kernel for each of the two kernels. One boot takes some pages more than another.

# shellcheck source=tests/lab/guest/usr/lib/lab/luod.sh
. /usr/lib/lab/luod.sh

LEVELS=/lab/state/levels

_fds() {
	find "/proc/$(systemctl show -P MainPID "$1")/fd" -mindepth 1 | wc -l
}

GUEST_MIB=88 # of all ten, before.sh

_memory_total() {
	awk '/^MemTotal:/ { print $2 }' "$1"
}

# What a kernel was handed is not in its MemTotal until somebody has it: the difference is what went
# over, and what never comes back is missing at the end.
_levels() {
	local early late kernel
	kernel=$(uname -r)
	early=$(_memory_total /run/early-memory)
	late=$(_memory_total /proc/meminfo)
	echo "$(luod_fds) 0 luod's fds"
	echo "$(_fds luod-keeper) 0 the keeper's fds"
	echo "$(((late - early) / 4)) 0 pages handed to $kernel"
	echo "$((late / 4)) 16 pages that $kernel has"
	echo "$(stat -c %s /run/luod/state.json) 256 bytes of state.json"
	echo "$(own_memory luod) 4096 KiB of luod" # buffers of a moment stay in its heap, or do not
	echo "$(own_memory luod-keeper) 512 KiB of the keeper"
}

# NOW MORE-OR-LESS NAME
_level() {
	local first
	first=$(sed -n "s|^\([0-9]*\) $3$|\1|p" "$LEVELS")
	[ -n "$first" ] || echo "${first:=$1} $3" >>"$LEVELS"
	t "$1 $3, at first $first" test $(($1 - first)) -le "$2" -a $((first - $1)) -le "$2"
}

level_off() {
	local name now margin
	touch "$LEVELS"
	while read -r now margin name; do
		_level "$now" "$margin" "$name"
	done < <(_levels)
	t "... at least the guests' memory" test "$(grep -o '^[0-9]* pages handed' "$LEVELS" | sort -n | sed -n '1s/ .*//p')" \
		-ge $((GUEST_MIB * 256))
	! _kernel_looks_for_leaks || _no_leak
}

# Of what was found twice, how the memory was come by: a line each.
_leaks() {
	local kmemleak=/sys/kernel/debug/kmemleak
	echo scan >$kmemleak
	sleep 6
	echo scan >$kmemleak
	awk '/^unreferenced/ { print line; line = "" } /\+0x/ { line = line " " $1 } END { print line }' $kmemleak |
		sed 's|+0x[0-9a-fx/]*||g' | grep . | sort
}

_kernel_looks_for_leaks() {
	[[ $(uname -r) == *debug* ]]
}

# What the kernel loses in any boot, before luod has done anything.
note_leaks() {
	_kernel_looks_for_leaks || return 0
	t "kmemleak is at work" _kmemleak_looks
	_leaks >/lab/state/leaks
	diag </lab/state/leaks
}

_kmemleak_looks() {
	echo scan >/sys/kernel/debug/kmemleak
}

_no_leak() {
	t "kmemleak is at work" _kmemleak_looks
	is "$(_leaks | comm -13 /lab/state/leaks -)" "" "the kernel has lost no memory that it does not lose anyway"
}

go_on() {
	load
	jump luctl update --jump=direct --reason="update $LAB_BOOT of $LAB_JUMPS"
}

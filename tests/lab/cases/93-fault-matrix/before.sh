#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every step of an update x one kind of fault, which is the variant's name. No row leaves the kernel: the
# last step fails if an update comes that far. After all of them comes one that nothing happens to.
. /usr/lib/lab/fault.sh
# shellcheck source=tests/lab/cases/93-fault-matrix/rows.sh
. "$LAB_DIR/rows.sh"

kind=${LAB_CASE#93-fault-matrix}
kind=${kind#-}
noticed=()

killed_guests_stay_dead
[ "$kind" != exhausted ] || small_run_directory
configure '[Update]' ReadyTimeout=5s StepTimeout=10s
fault_host
load
# luod-host ends when it has nothing to do.
units=$(active_units | grep -v ^luod-host.service)
remember_files

row_without_fault
note_memory
all_rows "${kind:-error}"
# The kernel refuses nothing but the jump.
[ "$kind" != refuse ] || steps=("${steps[-1]}")
each_has_a_row "${steps[@]}"
nothing_grew
# What luod has in its heap may be enough for a whole update.
[ "$kind" != exhausted ] || is "$(printf '%s\n' "${noticed[@]}" | grep -v memory | sort -u | paste -sd,)" \
	"no fd left,no room left" "a want of fds and one of room were noticed by a step"

fault # nothing any more
t "what was up is up" units_are_back "$units"
t "nothing stands in the way of an update" luctl check
jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every step of an update x one kind of fault, which is the variant's name. No row leaves the kernel: the
# last step fails if an update comes that far. After all of them comes one that nothing happens to.
. /usr/lib/lab/fault.sh
# shellcheck source=tests/lab/cases/93-fault-matrix/rows.sh
. "$LAB_DIR/rows.sh"

killed_guests_stay_dead
configure '[Update]' ReadyTimeout=5s StepTimeout=10s
fault_host
load
units=$(active_units)
remember_files

row_without_fault

kind=${LAB_CASE#93-fault-matrix}
kind=${kind#-}
all_rows "${kind:-error}"
# The kernel refuses nothing but the jump.
[ "$kind" != refuse ] || steps=("${steps[-1]}")
each_has_a_row "${steps[@]}"

fault # nothing any more
t "what was up is up" units_are_back "$units"
t "nothing stands in the way of an update" luctl check
jump luctl update --jump=direct

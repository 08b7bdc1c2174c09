#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

keep_traces
is "$(luctl history --json | jq '.updates | length')" 0 "there has been no update"
vmm_start vm1 --size=32M --mode=custody
load
jump systemd-run --wait --unit=ops luctl update --jump=direct --reason="first of two"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

keep_traces
vmm_start vm1 --size=32M --mode=custody
load --append=liveupdate=off
like "$(luctl check)" target-cmdline-no-liveupdate "the check sees what will come of it"
jump systemd-run --wait --unit=ops luctl update --force --jump=direct --reason="into the dark"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh

t "the service has its memfd back" wait_for 120 test -s /run/fdstore-cycles
result "@ elapsed blackout blackout $(cat /run/fdstore-cycles) $(/usr/lib/lab/stamp khz)"

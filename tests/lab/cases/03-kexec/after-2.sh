#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/lab.sh

mark home
elapsed back home
t "systemd is up and nothing has failed" systemctl is-system-running --wait

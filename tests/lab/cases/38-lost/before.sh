#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

mkdir -p /etc/luod/lu.conf.d /var/lib/collector /var/log/journal
printf '[Metrics]\nTextFile=/var/lib/collector/luod.prom\n' >/etc/luod/lu.conf.d/50-case.conf
t "luod reads lu.conf again" systemctl reload luod
systemctl restart systemd-journald
t "the journal is kept" journalctl --flush
vmm_start vm1 --size=32M --mode=custody
load --append=liveupdate=off
like "$(luctl check)" target-cmdline-no-liveupdate "the check sees what will come of it"
jump systemd-run --wait --unit=ops luctl update --force --jump=direct --reason="into the dark"

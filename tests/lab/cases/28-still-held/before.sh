#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

configure '[Update]' StepTimeout=10s
vmm_start vm1 --size=32M --mode=custody
load

diag "it vetoes, and keeps the kernel session"
t "an owner is there" systemd-run --quiet --unit=hog \
	-p StandardOutput=truncate:/run/hog python3 "$LAB_DIR/hog.py"
t "it has made its session" wait_for 60 grep -q created /run/hog
t_not "the update is called off" luctl update --jump=systemd
went_on vm1
t "the hog has its fd still" grep -q kept /run/hog
pid=$(systemctl show -P MainPID hog)
like "$(luctl check)" "session-still-held.*process $pid \(python3\) in hog.service" \
	"the check finds it, and names the process"
luctl check | diag

diag "so the next update is called off"
t_not "no session of that name can be made" luctl update --jump=systemd
like "$(luctl timeline --json | jq -r .update.error)" "hog: .*process $pid \(python3\) in hog.service has an fd" \
	"history names the process"
vmm_wait vm1 '^cancelled'
t "guest vm1, which was not asked, runs" memory_moves vm1
wait_state loaded
keeper_holds 0

diag "without it nothing stands in the way"
t "the owner ends" systemctl stop hog
t "its session is closed" busctl call org.luod1 "$(session_path hog)" org.luod1.Session Close
is "$(luctl check | grep -c session-still-held)" 0 "the finding is gone"
jump luctl update --jump=direct

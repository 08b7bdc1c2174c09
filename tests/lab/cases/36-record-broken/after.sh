#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh
# shellcheck source=tests/lab/cases/36-record-broken/record.sh
. "$LAB_DIR/record.sh"

case $LAB_CASE in
*-versions) names_only "the record has format version 2, this luod reads up to 1" ;;
*) names_only "this is not JSON" ;;
esac
luctl status | diag

diag "and on"
for vm in vm1 vm2; do
	vmm_gone $vm
	rm /run/vmm-$vm
done
leave_record
vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
load
t "nothing stands in the way of the next update" luctl check
jump luctl update --jump=direct --reason="in an older version"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

of_device() {
	luctl devices --json | jq -r ".devices[] | select(.address == \"$LAB_DEVICE\") | $1"
}

finding() {
	luctl check --json | jq -r ".findings[] | select(.code == \"device-uncovered\") | $1"
}

vfio_take "$LAB_DEVICE"
vmm_start other --size=16M --alone --device="$LAB_DEVICE" --tell-phases
vmm_start vm1 --size=32M --mode=custody
device_works other 500
load
luctl check >/run/check 2>&1
is $? 3 "luctl check finds what stands in the way"
diag </run/check
is "$(luctl check --json | jq -r '.findings[] | select(.severity == "error") | .code')" \
	device-uncovered "... and nothing else"
is "$(finding .object)" "$LAB_DEVICE" "it says which device"
like "$(finding .message)" "in use by vmm@other.service, and no session covers it" "... who uses it"
like "$(finding .message)" "Shut the guest down, or let its VMM take part.*--force" "... and the way out"
is "$(of_device '[.users[], .session, .preservable] | @csv')" '"vmm@other.service","",true' \
	"luctl devices tells the same"
luctl devices "$LAB_DEVICE" | diag
luctl update >/run/update 2>&1
is $? 3 "an update is refused"
diag </run/update
like "$(cat /run/update)" "device-uncovered.*--force insists" "... luctl says why, and what one can do"
t_not "no guest was asked for anything" vmm_said vm1 '^(prepare|cancelled)'
device_works other 500
t "it does not come back by itself" systemctl disable vmm@other
mark jump
phase jump
jump luctl update --force --reason="without the other guest"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

configure '[Sessions]' UnclaimedPolicy=finish ClaimTimeout=90s
remember_memory
vmm_start vm1 --size=16M --mode=custody
vmm_start gone --size=256M --mode=custody --unclaimed-policy=finish --claim-timeout=20
vmm_start held --size=256M --mode=custody --unclaimed-policy=hold --claim-timeout=1
vmm_start kept --size=16M --mode=delegation --unclaimed-policy=hold
vmm_start unsaid --size=16M --mode=delegation
is "$(session_get gone UnclaimedPolicy) $(session_get gone ClaimTimeout)" "finish 20000000" \
	"what becomes of a session is its owner's to say"
is "$(session_get kept UnclaimedPolicy)" hold "... in part"
is "$(session_get unsaid UnclaimedPolicy) $(session_get unsaid ClaimTimeout)" "finish 90000000" \
	"... or lu.conf's"
t_not "guests need their memory" takes_at_most 256
load
systemctl disable vmm@gone vmm@held vmm@kept vmm@unsaid
jump luctl update --jump=direct

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/81-net-sriov/functions.sh
. "$LAB_DIR/functions.sh"

PF=$(physical)
_has_carrier() {
	[ "$(cat "/sys/class/net/$PF/carrier")" = 1 ]
}

t "two virtual functions are made" sh -c "echo 2 >/sys/class/net/$PF/device/sriov_numvfs"
t "the card is up" ip link set "$PF" up
t "... and has a carrier, without which it sets no rate" wait_for 60 _has_carrier
t "one is for a guest that is not trusted" \
	ip link set "$PF" vf 0 mac 02:00:00:00:81:01 vlan 100 qos 3 spoofchk on trust off max_tx_rate 200
t "one is for a guest that is" ip link set "$PF" vf 1 mac 02:00:00:00:81:02 spoofchk off trust on
functions >/lab/state/functions
diag </lab/state/functions
is "$(jq -r 'select(type == "array")[1] | [.spoofchk, .trust] | @csv' /lab/state/functions)" "false,true" \
	"the card says so"
# ETHTOOL_SPFLAGS, with the first flag.
cat >/run/set-flag <<'EOF'
import array, fcntl, socket, struct, sys
flags = array.array("I", [0x28, 1])
request = struct.pack("16sP", sys.argv[1].encode(), flags.buffer_info()[0])
fcntl.ioctl(socket.socket(), 0x8946, request)
EOF
t "a private flag of its driver is set" python3 /run/set-flag "$PF"
configure '[Network]' "Links=$PF"
vmm_start vm1 --size=32M --mode=custody
load
t "nothing stands in the way" luctl check
like "$(luctl check)" "info +network-driver +$PF +'$PF' has the private flag 'legacy-rx' of its driver on" \
	"but the flag is found, which does not go along"
jump luctl update --reason="guests keep their functions"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh
# shellcheck source=tests/lab/cases/81-net-sriov/functions.sh
. "$LAB_DIR/functions.sh"

PF=$(physical)
_has_carrier() {
	[ "$(cat "/sys/class/net/$PF/carrier")" = 1 ]
}

t "two virtual functions are made, without a driver" \
	sh -c "cd /sys/class/net/$PF/device && echo 0 >sriov_drivers_autoprobe && echo 2 >sriov_numvfs"
t "the card is up" ip link set "$PF" up
t "... and has a carrier, without which it sets no rate" wait_for 60 _has_carrier
t "one is for a guest that is not trusted" \
	ip link set "$PF" vf 0 mac 02:00:00:00:81:01 vlan 100 qos 3 spoofchk on trust off max_tx_rate 200
t "one is for a guest that is" ip link set "$PF" vf 1 mac 02:00:00:00:81:02 spoofchk off trust on
t "their driver gets them, as they are set up" functions_probe
VF=$(virtual 0)
cat >/run/links <<EOF
set -e
ip link add br-host address 02:00:00:00:81:10 type bridge
ip link set $(virtual 1) master br-host
ip link set $VF mtu 1400
ip link set $VF up
ip link set br-host up
ip addr add 192.0.2.81/24 dev $VF
ip route add 198.51.100.0/24 via 192.0.2.82 dev $VF
EOF
t "the host uses them" bash -x /run/links
is "$(cat "/sys/class/net/$VF/address")" 02:00:00:00:81:01 "one has the address that its card gave it"
net_remember ""
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
configure '[Network]' "Links=$PF $VF $(virtual 1)"
vmm_start vm1 --size=32M --mode=custody
load
t "nothing stands in the way" luctl check
like "$(luctl check)" "info +network-driver +$PF +'$PF' has the private flag 'legacy-rx' of its driver on" \
	"but the flag is found, which does not go along"
jump luctl update --reason="guests keep their functions"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

journalctl -b -u luod | grep -i network | diag
bash /lab/state/witness >/run/network
t "every link, address, route and neighbour is as it was" diff -u /lab/state/network /run/network
reclaimed vm1
wait_state idle

# From the guest's card to the host's address in its VLAN, and back.
cat >/run/echo <<'EOF'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.1", 7777))
s.settimeout(60)
data, whom = s.recvfrom(100)
s.sendto(data, whom)
EOF
cat >/run/ask <<'EOF'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
for i in range(20):
    s.sendto(b"over the bridge", ("192.0.2.1", 7777))
    try:
        assert s.recv(100) == b"over the bridge"
        break
    except TimeoutError:
        pass
else:
    raise SystemExit("nobody answers")
EOF
python3 /run/echo &
t "packets of the guest come through" ip netns exec guest1 python3 /run/ask

luctl timeline --json >"$LAB_OUT/timeline.json"
at() {
	jq ".marks[] | select(.name == \"$1\") | .[\"usec\"]" "$LAB_OUT/timeline.json"
}
diag "network-restored $(at network-restored), first-claim $(at first-claim) us"
t "the network was restored before the first claim" test "$(at network-restored)" -lt "$(at first-claim)"
timeline
t_not "nothing of it failed" eval 'journalctl -b -u luod | grep -E "Network: .* (is not restored|is left)"'
t "systemd is up and nothing has failed" systemctl is-system-running --wait

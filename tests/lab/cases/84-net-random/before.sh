#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/net.sh

# Everything but what the machine has by itself.
net_clear() {
	local name
	ip -j netns list | jq -r '.[].name' | while read -r name; do ip netns del "$name"; done
	ip -j -d link | jq -r '.[] | select(.linkinfo.info_kind) | .ifname' | while read -r name; do
		ip link del "$name" 2>/dev/null
	done
	ip route flush table all scope global 2>/dev/null
	ip neigh flush all 2>/dev/null
}

tell() {
	jq -c '.results[] | select(.outcome != "made" and .outcome != "same")' /run/replayed | diag
}

made() {
	ip -j link | jq length
}

# What fails is passed over: the generator asks for the impossible, too.
make_network() {
	bash "/lab/case/build/topology-$1" >/run/made 2>&1
}

configure '[Network]' 'Links=* */*'
links=0
for file in /lab/case/build/topology-*; do
	n=${file##*-}
	make_network "$n"
	links=$((links + $(made)))
	luctl net show --json >"/run/record"
	net_clear
	luctl net replay --record=/run/record --json >/run/replayed || tell
	t "topology $n: it is as it was recorded" luctl net diff --record=/run/record ||
		cp "$file" "$LAB_OUT/"
	luctl net replay --record=/run/record --json >/run/replayed || tell
	is "$(jq -c '[.results[].outcome] | unique' /run/replayed)" '["same"]' \
		"topology $n: a second replay does nothing"
	net_clear
done
diag "$links links"
make_network 1
luctl net show --json >/lab/state/record
luctl net show | diag
vmm_start vm1 --size=32M --mode=custody
load
jump luctl update --reason="any network whatever"

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

# Hundreds of them by the functions themselves: as recorded, with a change refused, with luod killed.
property() {
	LD_LIBRARY_PATH=/lab/case/build NET_TOPOLOGIES=200 /lab/case/build/test-net-property \
		>"$LAB_OUT/property" 2>&1
}

t "200 networks each are as recorded, fail in part and are finished, are begun by one that is killed" property
grep -a '^#' "$LAB_OUT/property" | diag
t_not "this kernel makes every kind of link" grep -q 'left out' "$LAB_OUT/property"
is "$(sed -n 's/^# \([0-9]*\) topologies.*/\1/p' "$LAB_OUT/property" | paste -sd' ')" "200 200 200" \
	"it says how many it were"

# What cannot be, is refused before anything is touched.
link() {
	echo '{"name":"'"$1"'","kind":"'"$2"'","flags":[],"settings":{},'"$3"'}'
}
cycle() {
	echo "[{\"name\":\"\",\"links\":[$(link dummy9 dummy '"altnames":[]'),$1],\"routes\":[]}]" >/run/cycle
	t_not "$2 is refused" luctl net replay --record=/run/cycle
	luctl net replay --record=/run/cycle 2>&1 | diag
	t_not "... before anything is made" ip link show dummy9
}
cycle "$(link a vlan '"lower":"b"'),$(link b macvtap '"lower":"a"')" "what lies on itself"
cycle "$(link a bridge '"master":"b","port-of":"bond"'),$(link b bond '"master":"a","port-of":"bridge"')" \
	"what is below itself"

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

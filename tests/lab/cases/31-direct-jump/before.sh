#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
. /usr/lib/lab/luod.sh

# Run by the last guest before it says Ready: who is alive now, by unit and name; threads of the
# kernel have no file behind them.
cat >/run/last-moment <<EOF
#!/bin/bash
for p in /proc/[0-9]*; do
	if readlink "\$p/exe" >/dev/null && [ "\${p#/proc/}" != \$\$ ]; then
		unit=\$(cat "\$p/cgroup") && echo "\${unit##*/} \$(cat "\$p/comm")"
	fi
done | sort >"$LAB_OUT/alive"
EOF
chmod +x /run/last-moment

service() {
	local name=$1
	shift
	printf '%s\n' "$@" >"/run/systemd/system/$name.service"
}

t "there is another file system" truncate -s 64M /var/lib/disk.img
t "... of the kind that has a journal" mkfs.ext4 -q /var/lib/disk.img
mkdir -p /srv/disk
t "... and mounted" mount -o loop /var/lib/disk.img /srv/disk

# What writes all the time: to be stopped; and what must not be, as a guest with its disk open.
service busy "[Service]" "ExecStart=sh -c 'while :; do date >>/srv/disk/busy; done'"
service disk "[Unit]" "IgnoreOnIsolate=yes" "[Service]" \
	"ExecStart=sh -c 'while :; do date | tee -a /srv/disk/disk >>/var/lib/disk.log; done'"
t "services write" systemctl daemon-reload
t "... all the time" systemctl start busy disk

vmm_start vm1 --size=32M --mode=custody
vmm_start vm2 --size=32M --mode=delegation
vmm_start last --size=8M --slow-ready=3 --before-ready=/run/last-moment
load
like "$(dumpe2fs -h /var/lib/disk.img 2>&1)" "needs_recovery" "a file system in use is not clean on disk"
jump luctl update --jump=direct

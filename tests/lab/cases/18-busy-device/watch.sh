# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	watch_install     watch the device, from now on and from early in every boot on
#	never_kept_open   assertion: neither luod nor its keeper kept it from others in this boot

watch_install() {
	cp "$LAB_DIR/watch-device" /usr/local/bin/
	cat >/etc/systemd/system/watch-device.service <<-EOF
		[Unit]
		DefaultDependencies=no
		Before=luod-keeper.service
		IgnoreOnIsolate=yes
		Conflicts=shutdown.target
		Before=shutdown.target
		[Service]
		ExecStart=/usr/local/bin/watch-device
		StandardOutput=append:/run/device-watch
		[Install]
		WantedBy=sysinit.target
	EOF
	t "the device is watched" systemctl enable --now watch-device.service
}

# The longest time over which look after look found it with one of the two.
_longest() {
	awk '/luod/ { if (!since) since = $1; if ($1 - since > most) most = $1 - since; next }
		{ since = 0 } END { print most + 0 }' /run/device-watch
}

never_kept_open() {
	local longest
	longest=$(_longest)
	diag "$(wc -l </run/device-watch) looks from $(head -n 1 /run/device-watch | cut -d' ' -f1) ms" \
		"after the boot on; at most $longest ms with luod or its keeper"
	t "neither luod nor its keeper keeps it open" test "$longest" -lt 2000
}

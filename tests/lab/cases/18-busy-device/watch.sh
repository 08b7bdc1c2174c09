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

# In how many looks one after the other at most it was found with one of the two: luod opens it for
# one call and closes it at once, so a look may meet that call, and the next one may not.
_most_in_a_row() {
	awk '/luod/ { if (++row > most) most = row; next } { row = 0 } END { print most + 0 }' \
		/run/device-watch
}

never_kept_open() {
	local looks most
	looks=$(wc -l </run/device-watch)
	most=$(_most_in_a_row)
	diag "$looks looks from $(head -n 1 /run/device-watch | cut -d' ' -f1) ms after the boot on;" \
		"$(grep -c luod /run/device-watch) with luod or its keeper, at most $most in a row"
	t "the device was looked at often enough to tell" test "$looks" -ge 10
	t "no two looks in a row find it with luod or its keeper" test "$most" -lt 2
}

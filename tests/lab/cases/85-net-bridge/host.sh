# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#	host_is_online   is the host's own network as networkd's files say?

host_is_online() {
	systemctl start network-online.target &&
		networkctl status br-host --no-pager | grep -q 'configured'
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-text - addresses of the model as people write them, and back. Both ways are exact. */
#ifndef LUOD_NET_TEXT_H
#define LUOD_NET_TEXT_H

#include "net.h"

#define NET_IP_TEXT_MAX	 64
#define NET_MAC_TEXT_MAX (3 * NET_ADDRESS_MAX)

/* "192.0.2.1/24"; -EINVAL for what is none. */
const char *net_ip_to_text(const struct net_ip *ip, char text[static NET_IP_TEXT_MAX]);
int net_ip_from_text(const char *text, struct net_ip *ret);

/* "02:00:00:00:00:01", of as many bytes as there are. */
const char *net_mac_to_text(const struct net_mac *mac, char text[static NET_MAC_TEXT_MAX]);
int net_mac_from_text(const char *text, struct net_mac *ret);

#endif

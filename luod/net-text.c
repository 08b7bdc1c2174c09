/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-text - see net-text.h. */
#include "net-text.h"

#include <arpa/inet.h>

const char *net_ip_to_text(const struct net_ip *ip, char text[static NET_IP_TEXT_MAX])
{
	char address[INET6_ADDRSTRLEN];

	*text = '\0';
	if (inet_ntop(ip->family, ip->bytes, address, sizeof(address)))
		snprintf(text, NET_IP_TEXT_MAX, "%s/%u", address, ip->prefix);
	return text;
}

static int parse_prefix(const char *text, unsigned int max, uint8_t *ret)
{
	unsigned int value = 0;
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 3 || text[n])
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		value = 10 * value + (unsigned int)(text[i] - '0');
	if (value > max)
		return -EINVAL;
	*ret = (uint8_t)value;
	return 0;
}

int net_ip_from_text(const char *text, struct net_ip *ret)
{
	const char *slash = strchr(text, '/');
	char address[INET6_ADDRSTRLEN];
	struct net_ip ip = {};

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	ip.family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(ip.family, address, ip.bytes) != 1 ||
	    parse_prefix(slash + 1, ip.family == AF_INET6 ? 128 : 32, &ip.prefix) < 0)
		return -EINVAL;
	*ret = ip;
	return 0;
}

const char *net_mac_to_text(const struct net_mac *mac, char text[static NET_MAC_TEXT_MAX])
{
	*text = '\0';
	for (size_t i = 0, n = 0; i < mac->length; i++)
		n += (size_t)snprintf(text + n, NET_MAC_TEXT_MAX - n, "%s%02x", i ? ":" : "",
				      mac->bytes[i]);
	return text;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -EINVAL;
}

int net_mac_from_text(const char *text, struct net_mac *ret)
{
	struct net_mac mac = {};
	int high, low;

	for (const char *p = text; *p; p += 2) {
		if (p != text && *p++ != ':')
			return -EINVAL;
		high = digit(p[0]);
		low = high < 0 ? high : digit(p[1]);
		if (mac.length == NET_ADDRESS_MAX || low < 0)
			return -EINVAL;
		mac.bytes[mac.length++] = (uint8_t)(16 * high + low);
	}
	*ret = mac;
	return 0;
}

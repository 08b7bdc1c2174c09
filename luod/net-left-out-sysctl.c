/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out-sysctl - what is set below /proc/sys/net, see net-left-out.h. What IPv4 has of a link is
 * recorded (net-attr.c); the rest has no other way in than that file system, which luod only reads.
 *
 * Compared is with what a kernel begins with, not with what the administrator's files say: nobody but
 * him knows whether they say all of it, and of which namespace.
 */
#include "net-left-out-private.h"

#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "host.h"
#include "netns-sysctl.h"

/* --- of links, IPv6 --------------------------------------------------------------------------- */

/* -1 is what the kernel sets where the question does not arise, on a link without neighbours. */
static const struct {
	uint8_t number;
	int32_t usual;
	const char *name;
} of_link[] = {
	{ DEVCONF_FORWARDING, 0, "forwarding" },
	{ DEVCONF_HOPLIMIT, 64, "hop_limit" },
	{ DEVCONF_ACCEPT_RA, 1, "accept_ra" },
	{ DEVCONF_ACCEPT_REDIRECTS, 1, "accept_redirects" },
	{ DEVCONF_AUTOCONF, 1, "autoconf" },
	{ DEVCONF_DAD_TRANSMITS, 1, "dad_transmits" },
	{ DEVCONF_USE_TEMPADDR, 0, "use_tempaddr" },
	{ DEVCONF_PROXY_NDP, 0, "proxy_ndp" },
	{ DEVCONF_ACCEPT_SOURCE_ROUTE, 0, "accept_source_route" },
	{ DEVCONF_DISABLE_IPV6, 0, "disable_ipv6" },
	{ DEVCONF_ACCEPT_DAD, 1, "accept_dad" },
	{ DEVCONF_FORCE_TLLAO, 0, "force_tllao" },
	{ DEVCONF_NDISC_NOTIFY, 0, "ndisc_notify" },
	{ DEVCONF_SUPPRESS_FRAG_NDISC, 1, "suppress_frag_ndisc" },
	{ DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN, 0, "ignore_routes_with_linkdown" },
	{ DEVCONF_KEEP_ADDR_ON_DOWN, 0, "keep_addr_on_down" },
	{ DEVCONF_SEG6_ENABLED, 0, "seg6_enabled" },
	{ DEVCONF_DISABLE_POLICY, 0, "disable_policy" },
	{ DEVCONF_NDISC_EVICT_NOCARRIER, 1, "ndisc_evict_nocarrier" },
};

static int add_of_link(struct look *look, const struct net_link *link, const char *name, int value)
{
	_cleanup_free_ char *what = strprintf("net.ipv6.conf.LINK.%s = %d", name, value);

	return what ? look_add(look, NET_LEFT_SYSCTL, what, link) : -ENOMEM;
}

int look_at_ipv6(struct look *look, const struct net_link *link, struct nlmsghdr *header)
{
	struct nlattr *conf = find_ipv6(header, IFLA_INET6_CONF);
	int r = 0;

	for (size_t i = 0; conf && i < ARRAY_SIZE(of_link) && r >= 0; i++) {
		size_t place = of_link[i].number * sizeof(int32_t);
		int32_t value;

		if (place + sizeof(value) > (size_t)nla_len(conf))
			continue;
		memcpy(&value, (char *)nla_data(conf) + place, sizeof(value));
		if (value != of_link[i].usual && value != -1)
			r = add_of_link(look, link, of_link[i].name, value);
	}
	return r;
}

/* --- of a namespace --------------------------------------------------------------------------- */

/* The caller closes @file. */
static int read_number(int file, int *ret)
{
	char text[32];
	ssize_t n = read(file, text, sizeof(text) - 1);

	if (n <= 0)
		return n < 0 ? -errno : -ENODATA;
	text[n] = '\0';
	return sscanf(text, "%d", ret) == 1 ? 0 : -EBADMSG;
}

static int add_of_namespace(struct look *look, const char *name, int value)
{
	_cleanup_free_ char *what = strprintf("net.%s = %d", name, value);

	if (!what)
		return -ENOMEM;
	for (char *p = what; *p; p++)
		if (*p == '/')
			*p = '.';
	return look_add(look, NET_LEFT_SYSCTL, what, NULL);
}

/* What the kernel does not have, nobody has set. */
static int look_at_one(struct look *look, int fd, const char *name, int usual)
{
	_cleanup_close_ int file = host_sysctl(look->host, fd, name);
	int value = usual, r;

	if (file < 0)
		return file == -ENOENT ? 0 : file;
	r = read_number(file, &value);
	return r < 0 || value == usual ? r : add_of_namespace(look, name, value);
}

int look_at_sysctls(struct look *look, int fd)
{
	const char *name;
	int r = 0, usual;

	for (size_t i = 0; r >= 0 && (name = netns_sysctl(i, &usual)); i++)
		r = look_at_one(look, fd, name, usual);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns-sysctl - see netns-sysctl.h. */
#include "netns-sysctl.h"

static const struct {
	const char *name;
	int usual;
} sysctls[] = {
	{ "ipv4/ip_forward", 0 },
	{ "ipv4/conf/all/rp_filter", 0 },
	{ "ipv4/conf/all/proxy_arp", 0 },
	{ "ipv4/conf/all/arp_filter", 0 },
	{ "ipv4/conf/all/arp_announce", 0 },
	{ "ipv4/conf/all/arp_ignore", 0 },
	{ "ipv4/conf/all/arp_accept", 0 },
	{ "ipv4/conf/all/accept_local", 0 },
	{ "ipv4/conf/all/route_localnet", 0 },
	{ "ipv4/conf/all/src_valid_mark", 0 },
	{ "ipv4/conf/all/send_redirects", 1 },
	{ "ipv4/fib_multipath_hash_policy", 0 },
	{ "ipv4/ip_nonlocal_bind", 0 },
	{ "ipv6/conf/all/forwarding", 0 },
	{ "ipv6/conf/all/disable_ipv6", 0 },
	{ "ipv6/conf/all/proxy_ndp", 0 },
	{ "ipv6/fib_multipath_hash_policy", 0 },
	{ "ipv6/ip_nonlocal_bind", 0 },
	{ "bridge/bridge-nf-call-iptables", 1 },
	{ "bridge/bridge-nf-call-ip6tables", 1 },
	{ "bridge/bridge-nf-call-arptables", 1 },
};

const char *netns_sysctl(size_t i, int *ret_usual)
{
	if (i >= ARRAY_SIZE(sysctls))
		return NULL;
	*ret_usual = sysctls[i].usual;
	return sysctls[i].name;
}

bool netns_sysctl_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(sysctls); i++)
		if (streq(sysctls[i].name, name))
			return true;
	return false;
}

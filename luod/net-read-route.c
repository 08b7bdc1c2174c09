/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-read-route - routes, see net-read-ip.h: which of them are recorded, and what of the others is told
 * before an update. Both ask the message itself, because libnl does not know all that a kernel says; the
 * rest of a route that is recorded is taken from libnl's object.
 */
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/object.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "limits.h"
#include "net-read-ip.h"

/* --- what is in a message --------------------------------------------------------------------- */

static struct nlattr *find(struct nlmsghdr *header, int type)
{
	return nlmsg_find_attr(header, sizeof(struct rtmsg), type);
}

static uint32_t get_u32(struct nlmsghdr *header, int type, uint32_t otherwise)
{
	struct nlattr *nla = find(header, type);

	return nla && nla_len(nla) == 4 ? nla_get_u32(nla) : otherwise;
}

/*
 * The kernel makes a route for each address, table "local" and those of redirects; what a router
 * has announced, or has an end, comes with its next word.
 */
static bool comes_back(struct nlmsghdr *header)
{
	const struct rtmsg *r = nlmsg_data(header);
	struct nlattr *nla = find(header, RTA_CACHEINFO);
	const struct rta_cacheinfo *info = nla ? nla_data(nla) : NULL;

	return r->rtm_protocol == RTPROT_KERNEL || r->rtm_protocol == RTPROT_REDIRECT ||
	       r->rtm_protocol == RTPROT_RA ||
	       get_u32(header, RTA_TABLE, r->rtm_table) == RT_TABLE_LOCAL ||
	       (r->rtm_flags & RTM_F_CLONED) ||
	       (info && nla_len(nla) >= (int)sizeof(*info) && info->rta_expires);
}

/* Calls @on_hop for each of several hops, until one is not 0. */
typedef int (*on_hop_t)(const struct rtnexthop *hop, void *userdata);

static int for_each_hop(struct nlmsghdr *header, on_hop_t on_hop, void *userdata)
{
	struct nlattr *several = find(header, RTA_MULTIPATH);
	const struct rtnexthop *hop = several ? nla_data(several) : NULL;
	size_t left = several ? (size_t)nla_len(several) : 0, step;
	int r = 0;

	while (r == 0 && left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
	       hop->rtnh_len <= left) {
		r = on_hop(hop, userdata);
		step = RTNH_ALIGN(hop->rtnh_len);
		left -= step < left ? step : left;
		hop = (const struct rtnexthop *)((const char *)hop + step);
	}
	return r;
}

/* Over how many links of a namespace it leads, and over how many others. */
struct hops {
	const struct net_namespace *ns;
	size_t known, unknown;
};

static void count(struct hops *h, unsigned int index)
{
	if (net_find_index(h->ns, index))
		h->known++;
	else
		h->unknown++;
}

static int count_hop(const struct rtnexthop *hop, void *userdata)
{
	count(userdata, (unsigned int)hop->rtnh_ifindex);
	return 0;
}

static struct hops hops_of(const struct net_namespace *ns, struct nlmsghdr *header)
{
	struct hops h = { .ns = ns };
	uint32_t index = get_u32(header, RTA_OIF, 0);

	if (index)
		count(&h, index);
	for_each_hop(header, count_hop, &h);
	return h;
}

bool net_route_concerns(const struct net_namespace *ns, struct nlmsghdr *header)
{
	return nlmsg_valid_hdr(header, sizeof(struct rtmsg)) && hops_of(ns, header).known;
}

/* --- what is lost ----------------------------------------------------------------------------- */

struct lost {
	const char *what;
	bool whole;
};

enum use {
	UNKNOWN, /* by this luod */
	RECORDED,
	ENCAPSULATES,
	REALM,
	PREFERS,
};

/* Metrics and hops are looked into. */
static const uint8_t uses[RTA_MAX + 1] = {
	[RTA_UNSPEC] = RECORDED,    [RTA_DST] = RECORDED,	 [RTA_SRC] = RECORDED,
	[RTA_OIF] = RECORDED,	    [RTA_GATEWAY] = RECORDED,	 [RTA_PRIORITY] = RECORDED,
	[RTA_PREFSRC] = RECORDED,   [RTA_METRICS] = RECORDED,	 [RTA_MULTIPATH] = RECORDED,
	[RTA_CACHEINFO] = RECORDED, [RTA_TABLE] = RECORDED,	 [RTA_VIA] = RECORDED,
	[RTA_PAD] = RECORDED,	    [RTA_NH_ID] = RECORDED,	 [RTA_ENCAP_TYPE] = RECORDED,
	[RTA_ENCAP] = ENCAPSULATES, [RTA_NEWDST] = ENCAPSULATES, [RTA_FLOW] = REALM,
	[RTA_PREF] = PREFERS,
};

/* The first word counts, unless another one is of the whole route. */
static void lose(struct lost *lost, bool whole, const char *what)
{
	if (!lost->what || (whole && !lost->whole))
		*lost = (struct lost){ what, whole };
}

static void judge_attribute(struct nlattr *nla, struct lost *lost)
{
	int type = nla_type(nla);

	switch (type <= RTA_MAX ? (enum use)uses[type] : UNKNOWN) {
	case UNKNOWN:
		lose(lost, true, "with something that this luod does not know");
		break;
	case RECORDED:
		break;
	case ENCAPSULATES:
		lose(lost, true, "with an encapsulation");
		break;
	case REALM:
		lose(lost, false, "a realm");
		break;
	case PREFERS:
		if (nla_len(nla) == 1 && nla_get_u8(nla))
			lose(lost, false, "a preference among routers");
		break;
	}
}

static int judge_hop(const struct rtnexthop *hop, void *userdata)
{
	struct nlattr *nla;
	int left;

	nla_for_each_attr(nla, (struct nlattr *)RTNH_DATA(hop), hop->rtnh_len - RTNH_LENGTH(0),
			  left) judge_attribute(nla, userdata);
	return 0;
}

/* The congestion algorithm is a name, and of the features some are the kernel's own. */
static void judge_metrics(struct nlattr *metrics, struct lost *lost)
{
	if (nla_find(nla_data(metrics), nla_len(metrics), RTAX_CC_ALGO))
		lose(lost, false, "a congestion algorithm");
	else if (nla_find(nla_data(metrics), nla_len(metrics), RTAX_FEATURES))
		lose(lost, false, "features of TCP (ECN)");
}

static bool leads_nowhere(const struct rtmsg *r)
{
	return r->rtm_type == RTN_BLACKHOLE || r->rtm_type == RTN_UNREACHABLE ||
	       r->rtm_type == RTN_PROHIBIT || r->rtm_type == RTN_THROW;
}

static void judge(struct nlmsghdr *header, const struct hops *hops, struct lost *lost)
{
	struct nlattr *nla;
	int left;

	if (hops->unknown)
		lose(lost, true, "by way of links of which some do not go along");
	if (hops->known > LIMIT_NET_HOPS)
		lose(lost, true, "with too many hops");
	nlmsg_for_each_attr(nla, header, sizeof(struct rtmsg), left) judge_attribute(nla, lost);
	for_each_hop(header, judge_hop, lost);
	nla = find(header, RTA_METRICS);
	if (nla)
		judge_metrics(nla, lost);
}

const char *net_route_lost(const struct net_namespace *ns, struct nlmsghdr *header, bool *ret_whole)
{
	struct lost lost = {};
	struct hops hops;

	if (!nlmsg_valid_hdr(header, sizeof(struct rtmsg)) || comes_back(header))
		return NULL;
	hops = hops_of(ns, header);
	/* IPv6 has them lead over lo, which nobody wants. */
	if (!hops.known && leads_nowhere(nlmsg_data(header)))
		lose(&lost, true, "to nowhere (blackhole, prohibit and the like)");
	else if (hops.known)
		judge(header, &hops, &lost);
	*ret_whole = lost.whole;
	return lost.what;
}

/* --- what is recorded ------------------------------------------------------------------------- */

/* A hop over a link that is not known makes the route one that cannot be told of. */
static int read_hop(struct net_namespace *ns, struct net_route *route, struct rtnl_nexthop *nh)
{
	struct net_link *link = net_find_index(ns, (unsigned int)rtnl_route_nh_get_ifindex(nh));
	struct net_hop hop = {
		.weight = rtnl_route_nh_get_weight(nh),
		.flags = (uint8_t)(rtnl_route_nh_get_flags(nh) & RTNH_F_ONLINK),
	};

	if (!link)
		return -ENODEV;
	memcpy(hop.link, link->name, sizeof(hop.link));
	net_read_address(rtnl_route_nh_get_gateway(nh), &hop.gateway);
	if (!hop.gateway.family)
		net_read_address(rtnl_route_nh_get_via(nh), &hop.gateway);
	return net_add_hop(route, &hop);
}

static void read_metrics(struct rtnl_route *r, struct net_route *route)
{
	for (int i = 1; i < NET_METRICS; i++)
		/* The congestion algorithm is a name, the features are the kernel's. */
		if (i != RTAX_CC_ALGO && i != RTAX_FEATURES)
			rtnl_route_get_metric(r, i, &route->metrics[i]);
}

int net_read_route(struct net_namespace *ns, struct nlmsghdr *header, struct nl_object *object)
{
	struct rtnl_route *r = (struct rtnl_route *)object;
	struct net_route route = {
		.type = rtnl_route_get_type(r),
		.scope = rtnl_route_get_scope(r),
		.protocol = rtnl_route_get_protocol(r),
		.tos = rtnl_route_get_tos(r),
		.table = rtnl_route_get_table(r),
		.priority = rtnl_route_get_priority(r),
	};
	int family = rtnl_route_get_family(r), n = rtnl_route_get_nnexthops(r),
	    result = n ? 0 : -ENODEV;
	bool whole = false;

	if (comes_back(header) || (family != AF_INET && family != AF_INET6) ||
	    (net_route_lost(ns, header, &whole) && whole))
		return 0;
	net_read_address(rtnl_route_get_dst(r), &route.destination);
	net_read_address(rtnl_route_get_pref_src(r), &route.source);
	net_read_address(rtnl_route_get_src(r), &route.from);
	route.destination.family = (uint8_t)family;
	read_metrics(r, &route);
	for (int i = 0; i < n && result >= 0; i++)
		result = read_hop(ns, &route, rtnl_route_nexthop_n(r, i));
	if (result >= 0)
		result = net_add_route(ns, &route);
	if (result < 0)
		net_route_clear(&route);
	return result == -ENODEV ? 0 : result;
}

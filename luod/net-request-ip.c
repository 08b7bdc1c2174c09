/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-request-ip - addresses, neighbours and routes; see net-request.h. libnl makes the messages of
 * its objects, and what it does not know is put behind.
 */
#include "net-request.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

/* Takes effect on @object by @set, which copies or counts; true also for an address that is none. */
static bool with_ip(const struct net_ip *ip, void *object, int (*set)(void *, struct nl_addr *))
{
	struct nl_addr *addr;
	int r;

	if (!ip->family)
		return true;
	addr = nl_addr_build(ip->family, ip->bytes, ip->family == AF_INET6 ? 16 : 4);
	if (!addr)
		return false;
	nl_addr_set_prefixlen(addr, ip->prefix);
	r = set(object, addr);
	nl_addr_put(addr);
	return r >= 0;
}

/* --- addresses -------------------------------------------------------------------------------- */

static int set_local(void *a, struct nl_addr *addr)
{
	return rtnl_addr_set_local(a, addr);
}

static int set_peer(void *a, struct nl_addr *addr)
{
	return rtnl_addr_set_peer(a, addr);
}

static int set_broadcast(void *a, struct nl_addr *addr)
{
	return rtnl_addr_set_broadcast(a, addr);
}

static bool fill_address(struct rtnl_addr *o, unsigned int index, const struct net_address *a)
{
	uint32_t flags = a->flags;

	/* It was in use a moment ago, by us: nobody needs to be asked. */
	if (a->local.family == AF_INET6)
		flags |= IFA_F_NODAD;
	rtnl_addr_set_ifindex(o, (int)index);
	rtnl_addr_set_scope(o, a->scope);
	rtnl_addr_set_flags(o, flags);
	if (a->deprecated) {
		rtnl_addr_set_valid_lifetime(o, UINT32_MAX);
		rtnl_addr_set_preferred_lifetime(o, 0);
	}
	return with_ip(&a->local, o, set_local) && with_ip(&a->peer, o, set_peer) &&
	       with_ip(&a->broadcast, o, set_broadcast) &&
	       (!*a->label || rtnl_addr_set_label(o, a->label) >= 0);
}

struct nl_msg *net_request_address(unsigned int index, const struct net_address *a, bool add)
{
	struct rtnl_addr *o = rtnl_addr_alloc();
	struct nl_msg *msg = NULL;
	int r = -ENOMEM;

	if (o && fill_address(o, index, a))
		r = add ? rtnl_addr_build_add_request(o, NLM_F_CREATE | NLM_F_EXCL, &msg)
			: rtnl_addr_build_delete_request(o, 0, &msg);
	rtnl_addr_put(o);
	if (r < 0)
		return NULL;
	if (!a->metric || nla_put_u32(msg, IFA_RT_PRIORITY, a->metric) >= 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* --- neighbours ------------------------------------------------------------------------------- */

static int set_neighbour_ip(void *n, struct nl_addr *addr)
{
	return rtnl_neigh_set_dst(n, addr);
}

static bool fill_neighbour(struct rtnl_neigh *o, const struct net_link *link, unsigned int index,
			   const struct net_neighbour *n)
{
	struct nl_addr *mac;

	rtnl_neigh_set_ifindex(o, (int)index);
	rtnl_neigh_set_state(o, n->state);
	if (n->ip.family) {
		rtnl_neigh_set_family(o, n->ip.family);
		rtnl_neigh_set_flags(o, n->flags);
	} else {
		/* The table of a bridge: of a port, or of the bridge itself. */
		rtnl_neigh_set_family(o, AF_BRIDGE);
		rtnl_neigh_set_flags(o, n->flags | (unsigned int)(link->kind == NET_KIND_BRIDGE
									  ? NTF_SELF
									  : NTF_MASTER));
		if (n->vlan)
			rtnl_neigh_set_vlan(o, n->vlan);
	}
	if (!with_ip(&n->ip, o, set_neighbour_ip))
		return false;
	if (!n->mac.length)
		return true;
	mac = nl_addr_build(AF_LLC, n->mac.bytes, n->mac.length);
	if (!mac)
		return false;
	rtnl_neigh_set_lladdr(o, mac);
	nl_addr_put(mac);
	return true;
}

struct nl_msg *net_request_neighbour(const struct net_link *link, unsigned int index,
				     const struct net_neighbour *n, bool add)
{
	struct rtnl_neigh *o = rtnl_neigh_alloc();
	struct nl_msg *msg = NULL;
	int r = -ENOMEM;

	if (o && fill_neighbour(o, link, index, n))
		r = add ? rtnl_neigh_build_add_request(o, NLM_F_CREATE | NLM_F_EXCL, &msg)
			: rtnl_neigh_build_delete_request(o, 0, &msg);
	rtnl_neigh_put(o);
	return r < 0 ? NULL : msg;
}

/* --- routes ----------------------------------------------------------------------------------- */

static int set_destination(void *r, struct nl_addr *addr)
{
	return rtnl_route_set_dst(r, addr);
}

static int set_source(void *r, struct nl_addr *addr)
{
	return rtnl_route_set_pref_src(r, addr);
}

static int set_from(void *r, struct nl_addr *addr)
{
	return rtnl_route_set_src(r, addr);
}

static int set_gateway(void *nh, struct nl_addr *addr)
{
	rtnl_route_nh_set_gateway(nh, addr);
	return 0;
}

static int set_via(void *nh, struct nl_addr *addr)
{
	return rtnl_route_nh_set_via(nh, addr);
}

static bool add_hop(struct rtnl_route *o, const struct net_route *route, const struct net_hop *hop,
		    unsigned int index)
{
	struct rtnl_nexthop *nh = rtnl_route_nh_alloc();
	bool same = hop->gateway.family == route->destination.family;

	if (!nh)
		return false;
	rtnl_route_nh_set_ifindex(nh, (int)index);
	rtnl_route_nh_set_weight(nh, hop->weight);
	rtnl_route_nh_set_flags(nh, hop->flags);
	if (!with_ip(&hop->gateway, nh, same ? set_gateway : set_via)) {
		rtnl_route_nh_free(nh);
		return false;
	}
	rtnl_route_add_nexthop(o, nh);
	return true;
}

static bool fill_route(struct rtnl_route *o, const struct net_route *route,
		       const unsigned int *indexes)
{
	rtnl_route_set_family(o, route->destination.family);
	rtnl_route_set_type(o, route->type);
	rtnl_route_set_scope(o, route->scope);
	rtnl_route_set_protocol(o, route->protocol);
	rtnl_route_set_tos(o, route->tos);
	rtnl_route_set_table(o, route->table);
	rtnl_route_set_priority(o, route->priority);
	if (!with_ip(&route->destination, o, set_destination) ||
	    !with_ip(&route->source, o, set_source) || !with_ip(&route->from, o, set_from))
		return false;
	for (int i = 1; i < NET_METRICS; i++)
		if (route->metrics[i] && rtnl_route_set_metric(o, i, route->metrics[i]) < 0)
			return false;
	for (size_t i = 0; i < route->n_hops; i++)
		if (!add_hop(o, route, &route->hops[i], indexes[i]))
			return false;
	return true;
}

struct nl_msg *net_request_route(const struct net_route *route, const unsigned int *indexes,
				 bool add)
{
	struct rtnl_route *o = rtnl_route_alloc();
	struct nl_msg *msg = NULL;
	int r = -ENOMEM;

	if (o && fill_route(o, route, indexes))
		r = add ? rtnl_route_build_add_request(o, NLM_F_CREATE | NLM_F_EXCL, &msg)
			: rtnl_route_build_del_request(o, 0, &msg);
	rtnl_route_put(o);
	return r < 0 ? NULL : msg;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-read-ip - see net-read-ip.h. libnl makes an object of the message; what it does not know of is
 * looked up in the message itself.
 */
#include "net-read-ip.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/object.h>
#include <netlink/route/addr.h>
#include <netlink/route/neighbour.h>

/* What of an address is a wish; the rest is what the kernel has to say about it. */
#define ADDRESS_FLAGS \
	(IFA_F_NOPREFIXROUTE | IFA_F_MANAGETEMPADDR | IFA_F_MCAUTOJOIN | IFA_F_HOMEADDRESS)

void net_read_address(const struct nl_addr *addr, struct net_ip *ret)
{
	int family = addr ? nl_addr_get_family(addr) : AF_UNSPEC;
	unsigned int size = family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;

	if (!size || nl_addr_get_len(addr) > size || nl_addr_get_prefixlen(addr) > 8 * size)
		return;
	ret->family = (uint8_t)family;
	ret->prefix = (uint8_t)nl_addr_get_prefixlen(addr);
	memcpy(ret->bytes, nl_addr_get_binary_addr(addr), nl_addr_get_len(addr));
}

/* A number that libnl does not keep; 0 when it is not there. */
static uint32_t get_u32(struct nlmsghdr *header, size_t size, int type)
{
	struct nlattr *nla = nlmsg_find_attr(header, (int)size, type);

	return nla && nla_len(nla) == 4 ? nla_get_u32(nla) : 0;
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Learned from a router or a server, derived from another address, or the kernel's own. */
static bool address_comes_back(struct rtnl_addr *a, struct nlmsghdr *header)
{
	struct nlattr *nla = nlmsg_find_attr(header, sizeof(struct ifaddrmsg), IFA_PROTO);
	uint8_t proto = nla && nla_len(nla) == 1 ? nla_get_u8(nla) : IFAPROT_UNSPEC;

	return rtnl_addr_get_valid_lifetime(a) != UINT32_MAX || proto == IFAPROT_KERNEL_LO ||
	       proto == IFAPROT_KERNEL_LL || proto == IFAPROT_KERNEL_RA ||
	       (rtnl_addr_get_family(a) == AF_INET6 && (rtnl_addr_get_flags(a) & IFA_F_TEMPORARY));
}

static bool fits_family(const struct net_ip *ip, const struct net_ip *local)
{
	return !ip->family || ip->family == local->family;
}

static int read_address(struct net_namespace *ns, struct nlmsghdr *header, struct nl_object *object)
{
	struct rtnl_addr *a = (struct rtnl_addr *)object;
	struct net_link *link = net_find_index(ns, (unsigned int)rtnl_addr_get_ifindex(a));
	const char *label = rtnl_addr_get_label(a);
	struct net_address address = {};

	if (!link || address_comes_back(a, header))
		return 0;
	net_read_address(rtnl_addr_get_local(a), &address.local);
	net_read_address(rtnl_addr_get_peer(a), &address.peer);
	net_read_address(rtnl_addr_get_broadcast(a), &address.broadcast);
	if (!address.local.family || !fits_family(&address.peer, &address.local) ||
	    !fits_family(&address.broadcast, &address.local))
		return 0;
	/* Said only when it is not the link's name, which may change. */
	if (label && !streq(label, link->name) && strlen(label) < sizeof(address.label) &&
	    net_text_valid(label))
		memcpy(address.label, label, strlen(label) + 1);
	address.scope = (uint8_t)rtnl_addr_get_scope(a);
	address.flags = rtnl_addr_get_flags(a) & ADDRESS_FLAGS;
	address.deprecated = rtnl_addr_get_flags(a) & IFA_F_DEPRECATED;
	address.metric = get_u32(header, sizeof(struct ifaddrmsg), IFA_RT_PRIORITY);
	return net_add_address(link, &address);
}

/* --- neighbours ------------------------------------------------------------------------------- */

static bool is_own_mac(const struct net_namespace *ns, const struct net_link *link,
		       const struct net_mac *mac)
{
	const struct net_link *master = net_find_index(ns, link->master_index);

	return net_mac_equal(&link->mac, mac) || (master && net_mac_equal(&master->mac, mac));
}

/* What a bridge keeps besides what it has learned, and besides its and its ports' own addresses. */
static bool bridge_entry_counts(const struct net_namespace *ns, const struct net_link *link,
				struct rtnl_neigh *n, const struct net_neighbour *entry)
{
	return rtnl_neigh_get_master(n) > 0 && entry->mac.length && entry->vlan < NET_VLANS &&
	       (entry->state & (NUD_PERMANENT | NUD_NOARP)) &&
	       !(rtnl_neigh_get_flags(n) & NTF_EXT_LEARNED) && !is_own_mac(ns, link, &entry->mac);
}

static int read_neighbour(struct net_namespace *ns, struct nlmsghdr *header _unused_,
			  struct nl_object *object)
{
	struct rtnl_neigh *n = (struct rtnl_neigh *)object;
	struct net_link *link = net_find_index(ns, (unsigned int)rtnl_neigh_get_ifindex(n));
	const struct nl_addr *mac = rtnl_neigh_get_lladdr(n);
	unsigned int flags = rtnl_neigh_get_flags(n);
	int vlan = rtnl_neigh_get_vlan(n);
	bool bridge = rtnl_neigh_get_family(n) == AF_BRIDGE;
	struct net_neighbour entry = {
		.state = (uint16_t)(rtnl_neigh_get_state(n) & (NUD_PERMANENT | NUD_NOARP)),
		.flags = (uint8_t)(flags & (NTF_PROXY | NTF_ROUTER | NTF_STICKY)),
		.vlan = bridge && vlan > 0 ? (uint16_t)vlan : 0,
	};

	if (!link)
		return 0;
	if (!bridge)
		net_read_address(rtnl_neigh_get_dst(n), &entry.ip);
	if (mac && nl_addr_get_len(mac) <= NET_ADDRESS_MAX) {
		entry.mac.length = (uint8_t)nl_addr_get_len(mac);
		memcpy(entry.mac.bytes, nl_addr_get_binary_addr(mac), entry.mac.length);
	}
	if (bridge ? !bridge_entry_counts(ns, link, n, &entry)
		   : !entry.ip.family || !((entry.state & NUD_PERMANENT) || (flags & NTF_PROXY)))
		return 0;
	if (flags & NTF_PROXY)
		entry.state = 0;
	return net_add_neighbour(link, &entry);
}

/* --- any of them ------------------------------------------------------------------------------ */

struct parse {
	struct net_namespace *ns;
	struct nlmsghdr *header;
	int result;
};

static void on_object(struct nl_object *object, void *userdata)
{
	struct parse *p = userdata;

	switch (p->header->nlmsg_type) {
	case RTM_NEWADDR:
		p->result = read_address(p->ns, p->header, object);
		break;
	case RTM_NEWNEIGH:
		p->result = read_neighbour(p->ns, p->header, object);
		break;
	case RTM_NEWROUTE:
		p->result = net_read_route(p->ns, p->header, object);
		break;
	default:
		break;
	}
}

/* What libnl does not make an object of, this program cannot replay: it is passed over. */
int net_read_ip(struct net_namespace *ns, struct nl_msg *msg)
{
	struct parse p = { .ns = ns, .header = nlmsg_hdr(msg) };

	/* A host may have a million routes, of which a few lead over links that are wanted. */
	if (p.header->nlmsg_type == RTM_NEWROUTE && !net_route_concerns(ns, p.header))
		return 0;
	nlmsg_set_proto(msg, NETLINK_ROUTE);
	nl_msg_parse(msg, on_object, &p);
	return p.result;
}

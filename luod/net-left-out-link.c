/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out-link - of a link itself, see net-left-out.h: kinds that are not made, and settings for
 * which net-attr.c has no row because they are no numbers, or point at something else.
 */
#include "net-left-out-private.h"

#include <linux/if_link.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

/* Where an attribute is: beside the link's other ones, or in what its kind or its master's says. */
enum where {
	OF_LINK,
	OF_KIND,
	OF_PORT,
	OF_IPV6,
};

enum counts_when {
	THERE,
	FILLED,	  /* a nest with something in it */
	NOT_ZERO, /* a number of any width */
	ODD_NAME, /* a list of names, one of which no record can hold */
	ATTACHED, /* what XDP says */
};

static const struct lost {
	enum where where;
	enum net_kind kind; /* of the link, or its master's */
	uint16_t number;
	enum counts_when counts_when;
	const char *what;
} lost[] = {
	{ OF_LINK, NET_KIND_MAX, IFLA_IFALIAS, THERE, "a description" },
	{ OF_LINK, NET_KIND_MAX, IFLA_PROP_LIST, ODD_NAME,
	  "an alternative name with blanks, slashes, colons or bytes that are no text" },
	{ OF_LINK, NET_KIND_MAX, IFLA_XDP, ATTACHED, "an XDP program" },
	{ OF_LINK, NET_KIND_MAX, IFLA_PROTO_DOWN, NOT_ZERO, "been held down by a protocol" },
	{ OF_LINK, NET_KIND_MAX, IFLA_LINKMODE, NOT_ZERO, "a link mode" },
	{ OF_IPV6, NET_KIND_MAX, IFLA_INET6_TOKEN, NOT_ZERO, "a token for its IPv6 addresses" },
	{ OF_KIND, NET_KIND_VLAN, IFLA_VLAN_EGRESS_QOS, FILLED, "a QoS map of what it sends" },
	{ OF_KIND, NET_KIND_VLAN, IFLA_VLAN_INGRESS_QOS, FILLED, "a QoS map of what it receives" },
	{ OF_KIND, NET_KIND_BOND, IFLA_BOND_PRIMARY, NOT_ZERO, "a primary port" },
	{ OF_KIND, NET_KIND_BOND, IFLA_BOND_ARP_IP_TARGET, FILLED, "ARP targets" },
	{ OF_KIND, NET_KIND_BOND, IFLA_BOND_NS_IP6_TARGET, FILLED, "IPv6 targets" },
	{ OF_KIND, NET_KIND_MACVLAN, IFLA_MACVLAN_MACADDR_DATA, FILLED, "a list of sources" },
	{ OF_KIND, NET_KIND_MACVTAP, IFLA_MACVLAN_MACADDR_DATA, FILLED, "a list of sources" },
	{ OF_PORT, NET_KIND_BRIDGE, IFLA_BRPORT_BACKUP_PORT, NOT_ZERO, "a backup port" },
	{ OF_PORT, NET_KIND_BRIDGE, IFLA_BRPORT_BACKUP_NHID, NOT_ZERO, "a backup next hop" },
};

static bool not_zero(struct nlattr *nla)
{
	const uint8_t *bytes = nla_data(nla);

	for (int i = 0; i < nla_len(nla); i++)
		if (bytes[i])
			return true;
	return false;
}

/* The kernel ends its names with a zero. */
static bool has_odd_name(struct nlattr *list)
{
	struct nlattr *nla;
	int left;

	nla_for_each_nested(nla, list, left)
	{
		if (nla_type(nla) == IFLA_ALT_IFNAME &&
		    memchr(nla_data(nla), 0, (size_t)nla_len(nla)) &&
		    !net_name_valid(nla_data(nla), NET_ALTNAME_MAX))
			return true;
	}
	return false;
}

static bool counts(const struct lost *l, struct nlattr *nla)
{
	struct nlattr *attached;

	switch (l->counts_when) {
	case THERE:
		return true;
	case FILLED:
		return nla_len(nla) > 0;
	case NOT_ZERO:
		return not_zero(nla);
	case ODD_NAME:
		return has_odd_name(nla);
	case ATTACHED:
		attached = nla_find(nla_data(nla), nla_len(nla), IFLA_XDP_ATTACHED);
		return attached && not_zero(attached);
	}
	return false;
}

struct nlattr *find_ipv6(struct nlmsghdr *header, int number)
{
	struct nlattr *spec = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_AF_SPEC);
	struct nlattr *inet6 = spec ? nla_find(nla_data(spec), nla_len(spec), AF_INET6) : NULL;

	return inet6 ? nla_find(nla_data(inet6), nla_len(inet6), number) : NULL;
}

/* The attribute of the row, in a message about a link of that kind; or NULL. */
static struct nlattr *find(const struct lost *l, const struct net_link *link,
			   struct nlmsghdr *header)
{
	struct nlattr *info = nlmsg_find_attr(header, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	struct nlattr *data;

	if (l->where == OF_LINK)
		return nlmsg_find_attr(header, sizeof(struct ifinfomsg), l->number);
	if (l->where == OF_IPV6)
		return find_ipv6(header, l->number);
	if (!info || l->kind != (l->where == OF_KIND ? link->kind : link->port_kind))
		return NULL;
	data = nla_find(nla_data(info), nla_len(info),
			l->where == OF_KIND ? IFLA_INFO_DATA : IFLA_INFO_SLAVE_DATA);
	return data ? nla_find(nla_data(data), nla_len(data), l->number) : NULL;
}

static uint32_t get_u32(struct nlmsghdr *header, int type, uint32_t otherwise)
{
	struct nlattr *nla = nlmsg_find_attr(header, sizeof(struct ifinfomsg), type);

	return nla && nla_len(nla) == 4 ? nla_get_u32(nla) : otherwise;
}

/* How much is sent or put together at once: a link begins with 64 KiB, or what its driver can. */
static int look_at_segments(struct look *look, const struct net_link *link, struct nlmsghdr *header)
{
	static const uint32_t begin = 65536;
	uint32_t most = get_u32(header, IFLA_TSO_MAX_SIZE, begin),
		 usual = most < begin ? most : begin;

	if (get_u32(header, IFLA_GSO_MAX_SIZE, usual) == usual &&
	    get_u32(header, IFLA_GRO_MAX_SIZE, begin) == begin &&
	    get_u32(header, IFLA_GSO_IPV4_MAX_SIZE, usual) == usual &&
	    get_u32(header, IFLA_GRO_IPV4_MAX_SIZE, begin) == begin)
		return 0;
	return look_add(look, NET_LEFT_SETTING,
			"another size of segments (gso_max_size, gro_max_size)", link);
}

int look_at_link(struct nl_msg *msg, void *userdata)
{
	const struct ifinfomsg *header = nlmsg_data(nlmsg_hdr(msg));
	struct look *look = userdata;
	const struct net_link *link = net_find_index(look->ns, (unsigned int)header->ifi_index);
	struct nlattr *name = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*header), IFLA_IFNAME);
	int r = 0;

	if (!link && name && !net_name_valid(nla_get_string(name), IFNAMSIZ - 1))
		return look_add(look, NET_LEFT_NAME, "", NULL);
	if (link && (r = look_at_ipv6(look, link, nlmsg_hdr(msg))) >= 0)
		r = look_at_segments(look, link, nlmsg_hdr(msg));
	for (size_t i = 0; link && i < ARRAY_SIZE(lost) && r >= 0; i++) {
		struct nlattr *nla = find(&lost[i], link, nlmsg_hdr(msg));

		if (nla && counts(&lost[i], nla))
			r = look_add(look, NET_LEFT_SETTING, lost[i].what, link);
	}
	return r;
}

/* Its number is known and its name is not: it is in a namespace that nobody has named. */
static bool lower_is_out_of_sight(const struct net_link *link)
{
	return net_kind_has_lower(link->kind) && !*link->lower.name;
}

/* A message has room for 256 at the most. A driver that says nothing of any of them has set nothing. */
static bool has_untold_vfs(const struct net_link *link)
{
	return link->n_vfs && link->n_vfs < link->n_vfs_on;
}

int look_at_record(struct look *look)
{
	int r = 0;

	for (size_t i = 0; i < look->ns->n_links && r >= 0; i++) {
		const struct net_link *link = look->ns->links[i];

		if (link->kind == NET_KIND_OTHER)
			r = look_add(look, NET_LEFT_LINK, link->kind_name, link);
		else if (lower_is_out_of_sight(link))
			r = look_add(look, NET_LEFT_LOWER, net_kind_to_string(link->kind), link);
		if (r >= 0 && has_untold_vfs(link))
			r = look_add(look, NET_LEFT_SETTING,
				     "virtual functions whose settings the kernel does not tell",
				     link);
	}
	return r;
}

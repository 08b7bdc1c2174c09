/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-left-out-bridge - what a bridge keeps beside its links and its table, see net-left-out.h. */
#include "net-left-out-private.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

static int look_at_entry(struct look *look, struct nlattr *nla)
{
	const struct br_mdb_entry *entry = nla_data(nla);
	const struct net_link *link;

	if (nla_len(nla) < (int)sizeof(*entry) || entry->state != MDB_PERMANENT)
		return 0;
	link = net_find_index(look->ns, entry->ifindex);
	return link ? look_add(look, NET_LEFT_SETTING,
			       "permanent entries in a bridge's table of multicast groups", link)
		    : 0;
}

/* Bridges, their entries, and what each of those says: three nests in one another. */
int look_at_group(struct nl_msg *msg, void *userdata)
{
	struct nlattr *mdb = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct br_port_msg), MDBA_MDB);
	struct nlattr *entry, *info;
	int left, left_inside, r = 0;

	if (!mdb)
		return 0;
	nla_for_each_nested(entry, mdb, left)
	{
		nla_for_each_nested(info, entry, left_inside)
		{
			if (nla_type(info) == MDBA_MDB_ENTRY_INFO && r >= 0)
				r = look_at_entry(userdata, info);
		}
	}
	return r;
}

int look_at_bridge_port(struct nl_msg *msg, void *userdata)
{
	const struct ifinfomsg *header = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *spec = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*header), IFLA_AF_SPEC);
	struct look *look = userdata;
	const struct net_link *link = net_find_index(look->ns, (unsigned int)header->ifi_index);

	if (!link || !spec ||
	    !nla_find(nla_data(spec), nla_len(spec), IFLA_BRIDGE_VLAN_TUNNEL_INFO))
		return 0;
	return look_add(look, NET_LEFT_SETTING, "VLANs that are bound to tunnels", link);
}

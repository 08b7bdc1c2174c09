/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-request - links; see net-request.h. Addresses, neighbours and routes: net-request-ip.c. */
#include "net-request.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <netinet/in.h>

/* All VLANs of a port are in one message, each of 8 bytes. */
#define MESSAGE_MAX (2 * NET_VLANS * 8)

/* A message about the link @index, with @family and @flags of ifinfomsg. */
static struct nl_msg *begin(uint16_t type, unsigned int nl_flags, const struct ifinfomsg *info)
{
	struct nl_msg *msg = nlmsg_alloc_size(MESSAGE_MAX);

	if (msg && nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, (int)nl_flags) &&
	    nlmsg_append(msg, (void *)info, sizeof(*info), NLMSG_ALIGNTO) >= 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static struct nl_msg *begin_index(uint16_t type, unsigned int index)
{
	return begin(type, 0, &(struct ifinfomsg){ .ifi_index = (int)index });
}

/* The message, or NULL and it is gone: @good says whether all of it has found room. */
static struct nl_msg *end(struct nl_msg *msg, bool good)
{
	if (good)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static bool put_mac(struct nl_msg *msg, int type, const struct net_mac *mac)
{
	return !mac->length || nla_put(msg, type, mac->length, mac->bytes) >= 0;
}

/* --- making one ------------------------------------------------------------------------------- */

/* What both ends of a veth pair say, and every other link once. */
static bool put_new(struct nl_msg *msg, const struct net_link *l, int fd)
{
	struct net_settings created = net_settings_only(NET_SET_LINK, &l->base, NET_CREATED);

	return nla_put_string(msg, IFLA_IFNAME, l->name) >= 0 &&
	       put_mac(msg, IFLA_ADDRESS, &l->mac) &&
	       net_settings_put(NET_SET_LINK, &created, msg) >= 0 &&
	       (fd < 0 || nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)fd) >= 0);
}

static bool put_peer(struct nl_msg *msg, const struct net_request_new *new)
{
	const struct ifinfomsg info = {};
	struct nlattr *nest = nla_nest_start(msg, VETH_INFO_PEER);
	bool good = nest && nlmsg_append(msg, (void *)&info, sizeof(info), NLMSG_ALIGNTO) >= 0 &&
		    put_new(msg, new->peer, new->peer_fd);

	if (good)
		nla_nest_end(msg, nest);
	return good;
}

static bool put_info(struct nl_msg *msg, const struct net_request_new *new)
{
	const struct net_link *l = new->link;
	enum net_set set = net_kind_set(l->kind);
	struct net_settings created = net_settings_only(set, &l->own, NET_CREATED);
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;

	if (!info || nla_put_string(msg, IFLA_INFO_KIND, net_kind_to_string(l->kind)) < 0)
		return false;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || net_settings_put(set, &created, msg) < 0)
		return false;
	if (l->kind == NET_KIND_VETH && !put_peer(msg, new))
		return false;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return true;
}

struct nl_msg *net_request_create(const struct net_request_new *new)
{
	struct nl_msg *msg = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &(struct ifinfomsg){});

	return end(msg, msg && put_new(msg, new->link, new->fd) &&
				(!new->lower_index ||
				 nla_put_u32(msg, IFLA_LINK, new->lower_index) >= 0) &&
				put_info(msg, new));
}

struct nl_msg *net_request_delete(unsigned int index)
{
	return begin_index(RTM_DELLINK, index);
}

/* --- changing one ----------------------------------------------------------------------------- */

static bool put_own(struct nl_msg *msg, enum net_kind kind, const struct net_settings *own)
{
	struct nlattr *info, *data;

	if (!own->have)
		return true;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, net_kind_to_string(kind)) < 0)
		return false;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (!data || net_settings_put(net_kind_set(kind), own, msg) < 0)
		return false;
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return true;
}

static bool put_ipv4(struct nl_msg *msg, const struct net_settings *settings)
{
	struct nlattr *inet, *conf;

	if (!settings->have)
		return true;
	inet = nla_nest_start(msg, AF_INET);
	conf = inet ? nla_nest_start(msg, IFLA_INET_CONF) : NULL;
	if (!conf || net_settings_put(NET_SET_IPV4, settings, msg) < 0)
		return false;
	nla_nest_end(msg, conf);
	nla_nest_end(msg, inet);
	return true;
}

static bool put_addrgen(struct nl_msg *msg, int mode)
{
	struct nlattr *inet6;

	if (mode < 0)
		return true;
	inet6 = nla_nest_start(msg, AF_INET6);
	if (!inet6 || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, (uint8_t)mode) < 0)
		return false;
	nla_nest_end(msg, inet6);
	return true;
}

static bool put_families(struct nl_msg *msg, const struct net_request_settings *what)
{
	struct nlattr *spec;

	if (what->addrgen < 0 && !what->ipv4.have)
		return true;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	if (!spec || !put_ipv4(msg, &what->ipv4) || !put_addrgen(msg, what->addrgen))
		return false;
	nla_nest_end(msg, spec);
	return true;
}

struct nl_msg *net_request_settings(unsigned int index, const struct net_request_settings *what)
{
	struct nl_msg *msg = begin_index(RTM_NEWLINK, index);

	return end(msg, msg && net_settings_put(NET_SET_LINK, &what->base, msg) >= 0 &&
				(!what->mac || put_mac(msg, IFLA_ADDRESS, what->mac)) &&
				put_own(msg, what->kind, &what->own) && put_families(msg, what));
}

struct nl_msg *net_request_port(unsigned int index, enum net_kind master,
				const struct net_settings *settings)
{
	struct nl_msg *msg = begin_index(RTM_NEWLINK, index);
	struct nlattr *info = msg ? nla_nest_start(msg, IFLA_LINKINFO) : NULL, *data;

	if (!info || nla_put_string(msg, IFLA_INFO_SLAVE_KIND, net_kind_to_string(master)) < 0)
		return end(msg, false);
	data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	if (!data || net_settings_put(net_kind_port_set(master), settings, msg) < 0)
		return end(msg, false);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

struct nl_msg *net_request_master(unsigned int index, unsigned int master_index)
{
	struct nl_msg *msg = begin_index(RTM_NEWLINK, index);

	return end(msg, msg && nla_put_u32(msg, IFLA_MASTER, master_index) >= 0);
}

struct nl_msg *net_request_altname(unsigned int index, const char *name, bool add)
{
	struct nl_msg *msg = begin(add ? RTM_NEWLINKPROP : RTM_DELLINKPROP,
				   add ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0,
				   &(struct ifinfomsg){ .ifi_index = (int)index });
	struct nlattr *list = msg ? nla_nest_start(msg, IFLA_PROP_LIST | NLA_F_NESTED) : NULL;

	if (!list || nla_put_string(msg, IFLA_ALT_IFNAME, name) < 0)
		return end(msg, false);
	nla_nest_end(msg, list);
	return msg;
}

struct nl_msg *net_request_flags(unsigned int index, uint32_t flags, uint32_t mask)
{
	return begin(RTM_NEWLINK, 0,
		     &(struct ifinfomsg){ .ifi_index = (int)index,
					  .ifi_flags = flags & mask,
					  .ifi_change = mask });
}

/* --- VLANs ------------------------------------------------------------------------------------ */

static uint16_t vlan_info_flags(uint8_t flags)
{
	return (uint16_t)((flags & NET_VLAN_PVID ? BRIDGE_VLAN_INFO_PVID : 0) |
			  (flags & NET_VLAN_UNTAGGED ? BRIDGE_VLAN_INFO_UNTAGGED : 0));
}

/* What is the case with VLAN @id in a set that may be none at all. */
static uint8_t vlan_in(const uint8_t *vlans, unsigned int id)
{
	return vlans ? vlans[id] : 0;
}

static bool vlan_counts(const uint8_t *from, const uint8_t *to, unsigned int id, bool add)
{
	return add ? vlan_in(to, id) && vlan_in(to, id) != vlan_in(from, id)
		   : vlan_in(from, id) && !vlan_in(to, id);
}

static bool put_vlans(struct nl_msg *msg, const uint8_t *from, const uint8_t *to, bool add)
{
	for (unsigned int id = 1; id < NET_VLANS - 1; id++) {
		struct bridge_vlan_info info = { .vid = (uint16_t)id };

		if (!vlan_counts(from, to, id, add))
			continue;
		info.flags = vlan_info_flags(add ? to[id] : 0);
		if (nla_put(msg, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info) < 0)
			return false;
	}
	return true;
}

/* VLANs of a bridge itself are said of its own port, hence SELF. */
struct nl_msg *net_request_vlans(unsigned int index, bool bridge, const uint8_t *from,
				 const uint8_t *to, bool add)
{
	struct nl_msg *msg =
		begin(add ? RTM_SETLINK : RTM_DELLINK, 0,
		      &(struct ifinfomsg){ .ifi_family = AF_BRIDGE, .ifi_index = (int)index });
	struct nlattr *spec = msg ? nla_nest_start(msg, IFLA_AF_SPEC) : NULL;

	if (!spec || (bridge && nla_put_u16(msg, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF) < 0) ||
	    !put_vlans(msg, from, to, add))
		return end(msg, false);
	nla_nest_end(msg, spec);
	return msg;
}

/* --- virtual functions ------------------------------------------------------------------------ */

static bool put_vf_vlan(struct nl_msg *msg, const struct net_vf *vf)
{
	const struct ifla_vf_vlan plain = { .vf = vf->index, .vlan = vf->vlan, .qos = vf->qos };
	const struct ifla_vf_vlan_info info = { .vf = vf->index,
						.vlan = vf->vlan,
						.qos = vf->qos,
						.vlan_proto = htons(vf->vlan_protocol) };
	struct nlattr *list;

	/* Drivers know the older request longer, and it can say all of the usual protocol. */
	if (!vf->vlan_protocol || vf->vlan_protocol == ETH_P_8021Q)
		return nla_put(msg, IFLA_VF_VLAN, sizeof(plain), &plain) >= 0;
	list = nla_nest_start(msg, IFLA_VF_VLAN_LIST);
	if (!list || nla_put(msg, IFLA_VF_VLAN_INFO, sizeof(info), &info) < 0)
		return false;
	nla_nest_end(msg, list);
	return true;
}

static bool put_vf_number(struct nl_msg *msg, int type, const struct net_vf *vf, uint32_t value)
{
	/* ifla_vf_spoofchk, ifla_vf_trust and ifla_vf_link_state look the same. */
	return nla_put(msg, type, 8, (uint32_t[]){ vf->index, value }) >= 0;
}

static bool put_vf(struct nl_msg *msg, const struct net_vf *vf, uint32_t have, bool mac)
{
	const struct ifla_vf_rate rate = { vf->index, vf->min_rate, vf->max_rate };
	struct ifla_vf_mac address = { .vf = vf->index };

	memcpy(address.mac, vf->mac, sizeof(vf->mac));
	return (!mac || nla_put(msg, IFLA_VF_MAC, sizeof(address), &address) >= 0) &&
	       (!(have & NET_VF_VLAN) || put_vf_vlan(msg, vf)) &&
	       (!(have & NET_VF_RATE) || nla_put(msg, IFLA_VF_RATE, sizeof(rate), &rate) >= 0) &&
	       (!(have & NET_VF_SPOOF_CHECK) ||
		put_vf_number(msg, IFLA_VF_SPOOFCHK, vf, vf->spoof_check)) &&
	       (!(have & NET_VF_TRUST) || put_vf_number(msg, IFLA_VF_TRUST, vf, vf->trust)) &&
	       (!(have & NET_VF_LINK_STATE) ||
		put_vf_number(msg, IFLA_VF_LINK_STATE, vf, vf->link_state));
}

struct nl_msg *net_request_vf(unsigned int index, const struct net_vf *vf, uint32_t have, bool mac)
{
	struct nl_msg *msg = begin_index(RTM_SETLINK, index);
	struct nlattr *list = msg ? nla_nest_start(msg, IFLA_VFINFO_LIST) : NULL;
	struct nlattr *info = list ? nla_nest_start(msg, IFLA_VF_INFO) : NULL;

	if (!info || !put_vf(msg, vf, have, mac))
		return end(msg, false);
	nla_nest_end(msg, info);
	nla_nest_end(msg, list);
	return msg;
}

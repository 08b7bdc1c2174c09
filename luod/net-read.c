/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-read - see net-read.h. Links by their attributes, the rest in net-read-ip.c. */
#include "net-read.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "limits.h"
#include "net-read-ip.h"
#include "net-socket.h"

#define TRIES 10

/* A string attribute, if it fits and a record can say it. */
static bool get_text(struct nlattr *nla, char *buffer, size_t size)
{
	if (!nla || nla_len(nla) < 1 || strnlen(nla_data(nla), (size_t)nla_len(nla)) >= size)
		return false;
	nla_strlcpy(buffer, nla, size);
	return net_text_valid(buffer);
}

static void get_mac(struct nlattr *nla, struct net_mac *ret)
{
	if (!nla || nla_len(nla) > NET_ADDRESS_MAX)
		return;
	ret->length = (uint8_t)nla_len(nla);
	memcpy(ret->bytes, nla_data(nla), ret->length);
}

/* --- links ------------------------------------------------------------------------------------ */

static int read_altnames(struct net_link *link, struct nlattr *list)
{
	char name[NET_ALTNAME_MAX + 1];
	struct nlattr *nla;
	int left, r = 0;

	nla_for_each_nested(nla, list, left)
	{
		if (nla_type(nla) == IFLA_ALT_IFNAME && get_text(nla, name, sizeof(name)) &&
		    net_name_valid(name, NET_ALTNAME_MAX) && r >= 0)
			r = net_add_altname(link, name);
	}
	return r;
}

static enum net_kind kind_of(struct nlattr *nla)
{
	int kind = nla && nla_len(nla) > 0 ? net_kind_from_string(nla_data(nla)) : -1;

	return kind < 0 || !net_kind_is_made((enum net_kind)kind) ? NET_KIND_OTHER
								  : (enum net_kind)kind;
}

static void read_info(struct net_link *link, struct nlattr *info)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	enum net_set set;

	if (nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	if (tb[IFLA_INFO_KIND]) {
		link->kind = kind_of(tb[IFLA_INFO_KIND]);
		if (!get_text(tb[IFLA_INFO_KIND], link->kind_name, sizeof(link->kind_name)))
			*link->kind_name = '\0';
	}
	set = net_kind_set(link->kind);
	if (set != NET_SET_NONE && tb[IFLA_INFO_DATA])
		net_settings_parse(set, tb[IFLA_INFO_DATA], &link->own);
	if (!tb[IFLA_INFO_SLAVE_KIND])
		return;
	link->port_kind = kind_of(tb[IFLA_INFO_SLAVE_KIND]);
	set = net_kind_port_set(link->port_kind);
	if (set != NET_SET_NONE && tb[IFLA_INFO_SLAVE_DATA])
		net_settings_parse(set, tb[IFLA_INFO_SLAVE_DATA], &link->port);
}

static void read_families(struct net_link *link, struct nlattr *families)
{
	struct nlattr *inet = nla_find(nla_data(families), nla_len(families), AF_INET);
	struct nlattr *conf = inet ? nla_find(nla_data(inet), nla_len(inet), IFLA_INET_CONF) : NULL;
	struct nlattr *inet6 = nla_find(nla_data(families), nla_len(families), AF_INET6);
	struct nlattr *mode =
		inet6 ? nla_find(nla_data(inet6), nla_len(inet6), IFLA_INET6_ADDR_GEN_MODE) : NULL;

	if (mode && nla_len(mode) == 1 && nla_get_u8(mode) <= IN6_ADDR_GEN_MODE_RANDOM)
		link->addrgen = nla_get_u8(mode);
	if (conf)
		net_settings_parse_array(NET_SET_IPV4, conf, &link->ipv4);
}

static void read_parent(struct net_link *link, struct nlattr *bus, struct nlattr *device)
{
	char bus_name[NET_PARENT_MAX / 2], device_name[NET_PARENT_MAX / 2 - 1];

	if (get_text(bus, bus_name, sizeof(bus_name)) &&
	    get_text(device, device_name, sizeof(device_name)))
		snprintf(link->parent, sizeof(link->parent), "%s/%s", bus_name, device_name);
}

/* What is no VLAN the kernel does not set, whatever a driver says. */
static void take_vf_vlan(struct net_vf *vf, uint32_t vlan, uint32_t qos, uint16_t protocol)
{
	if (vlan >= NET_VLANS || qos > NET_VF_QOS_MAX)
		return;
	vf->vlan = (uint16_t)vlan;
	vf->qos = qos;
	vf->vlan_protocol = protocol;
	vf->have |= NET_VF_VLAN;
}

/* The newer of the two says the protocol, too; the kernel knows one VLAN of each function. */
static void read_vf_vlan(struct net_vf *vf, struct nlattr *plain, struct nlattr *list)
{
	struct nlattr *newer = list ? nla_find(nla_data(list), nla_len(list), IFLA_VF_VLAN_INFO)
				    : NULL;

	if (newer && nla_len(newer) >= (int)sizeof(struct ifla_vf_vlan_info)) {
		const struct ifla_vf_vlan_info *v = nla_data(newer);

		take_vf_vlan(vf, v->vlan, v->qos, be16toh(v->vlan_proto));
	} else if (plain && nla_len(plain) >= (int)sizeof(struct ifla_vf_vlan)) {
		const struct ifla_vf_vlan *v = nla_data(plain);

		take_vf_vlan(vf, v->vlan, v->qos, ETH_P_8021Q);
	}
}

/* A driver that does not know leaves all bits set. */
static bool vf_number(struct nlattr *nla, uint32_t *ret)
{
	const uint32_t *pair = nla ? nla_data(nla) : NULL;

	if (!nla || nla_len(nla) < 8 || pair[1] == UINT32_MAX)
		return false;
	*ret = pair[1];
	return true;
}

static int read_vf(struct net_link *link, struct nlattr *info)
{
	struct nlattr *tb[IFLA_VF_MAX + 1];
	const struct ifla_vf_mac *mac;
	struct net_vf vf = {};
	uint32_t value;

	if (nla_parse_nested(tb, IFLA_VF_MAX, info, NULL) < 0 || !tb[IFLA_VF_MAC] ||
	    nla_len(tb[IFLA_VF_MAC]) < (int)sizeof(*mac))
		return 0;
	mac = nla_data(tb[IFLA_VF_MAC]);
	if (mac->vf >= LIMIT_NET_VFS)
		return -EBADMSG;
	vf.index = mac->vf;
	memcpy(vf.mac, mac->mac, sizeof(vf.mac));
	read_vf_vlan(&vf, tb[IFLA_VF_VLAN], tb[IFLA_VF_VLAN_LIST]);
	if (tb[IFLA_VF_RATE] && nla_len(tb[IFLA_VF_RATE]) >= (int)sizeof(struct ifla_vf_rate)) {
		const struct ifla_vf_rate *rate = nla_data(tb[IFLA_VF_RATE]);

		vf.min_rate = rate->min_tx_rate;
		vf.max_rate = rate->max_tx_rate;
		vf.have |= NET_VF_RATE;
	}
	if (vf_number(tb[IFLA_VF_SPOOFCHK], &value)) {
		vf.spoof_check = value;
		vf.have |= NET_VF_SPOOF_CHECK;
	}
	if (vf_number(tb[IFLA_VF_TRUST], &value)) {
		vf.trust = value;
		vf.have |= NET_VF_TRUST;
	}
	if (vf_number(tb[IFLA_VF_LINK_STATE], &value) && value <= IFLA_VF_LINK_STATE_DISABLE) {
		vf.link_state = value;
		vf.have |= NET_VF_LINK_STATE;
	}
	return net_add_vf(link, &vf);
}

static int read_vfs(struct net_link *link, struct nlattr *list)
{
	struct nlattr *nla;
	int left, r = 0;

	nla_for_each_nested(nla, list, left)
	{
		if (r >= 0)
			r = read_vf(link, nla);
	}
	return r;
}

static int fill_link(struct net_link *link, struct nlattr **tb)
{
	/* What is no text is passed over by name. */
	if (!tb[IFLA_IFNAME] || nla_strlcpy(link->name, tb[IFLA_IFNAME], sizeof(link->name)) == 0)
		return -EBADMSG;
	get_mac(tb[IFLA_ADDRESS], &link->mac);
	get_mac(tb[IFLA_PERM_ADDRESS], &link->permanent);
	read_parent(link, tb[IFLA_PARENT_DEV_BUS_NAME], tb[IFLA_PARENT_DEV_NAME]);
	if (tb[IFLA_LINKINFO])
		read_info(link, tb[IFLA_LINKINFO]);
	if (tb[IFLA_AF_SPEC])
		read_families(link, tb[IFLA_AF_SPEC]);
	if (tb[IFLA_MASTER])
		link->master_index = nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_LINK] && net_kind_has_lower(link->kind))
		link->lower_index = nla_get_u32(tb[IFLA_LINK]);
	if (tb[IFLA_LINK_NETNSID])
		link->lower_nsid = (int)nla_get_u32(tb[IFLA_LINK_NETNSID]);
	if (tb[IFLA_NUM_VF])
		link->n_vfs_on = nla_get_u32(tb[IFLA_NUM_VF]);
	if (link->n_vfs_on > LIMIT_NET_VFS)
		return -EBADMSG;
	if (tb[IFLA_VFINFO_LIST])
		return read_vfs(link, tb[IFLA_VFINFO_LIST]);
	return 0;
}

static int read_link(struct nlmsghdr *header, struct net_link **ret)
{
	_cleanup_(net_link_freep) struct net_link *link = calloc(1, sizeof(*link));
	const struct ifinfomsg *info = nlmsg_data(header);
	struct nlattr *tb[IFLA_MAX + 1];
	int r;

	if (!link)
		return -ENOMEM;
	if (nlmsg_parse(header, sizeof(*info), tb, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	link->index = (unsigned int)info->ifi_index;
	link->flags = info->ifi_flags & NET_FLAGS;
	link->lower_nsid = -1;
	link->addrgen = -1;
	r = fill_link(link, tb);
	if (r < 0)
		return r;
	net_settings_parse_message(NET_SET_LINK, header, sizeof(*info), &link->base);
	if (tb[IFLA_PROP_LIST])
		r = read_altnames(link, tb[IFLA_PROP_LIST]);
	if (r >= 0)
		*ret = TAKE_PTR(link);
	return r;
}

/* --- VLANs of a bridge and of its ports ------------------------------------------------------- */

static unsigned int vlan_flags(unsigned int flags)
{
	return NET_VLAN_MEMBER | (flags & BRIDGE_VLAN_INFO_PVID ? NET_VLAN_PVID : 0) |
	       (flags & BRIDGE_VLAN_INFO_UNTAGGED ? NET_VLAN_UNTAGGED : 0);
}

static int read_vlans(struct net_link *link, struct nlattr *spec)
{
	unsigned int first = 0;
	struct nlattr *nla;
	int left, r = 0;

	nla_for_each_nested(nla, spec, left)
	{
		const struct bridge_vlan_info *v = nla_data(nla);

		if (nla_type(nla) != IFLA_BRIDGE_VLAN_INFO || nla_len(nla) < (int)sizeof(*v))
			continue;
		if (v->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) {
			first = v->vid;
			continue;
		}
		if (!(v->flags & BRIDGE_VLAN_INFO_RANGE_END))
			first = v->vid;
		for (unsigned int id = first; id <= v->vid && r >= 0; id++)
			r = net_set_vlan(link, id, vlan_flags(v->flags));
	}
	return r;
}

static int read_bridge_link(struct net_namespace *ns, struct nlmsghdr *header)
{
	const struct ifinfomsg *info = nlmsg_data(header);
	struct net_link *link = net_find_index(ns, (unsigned int)info->ifi_index);
	struct nlattr *tb[IFLA_MAX + 1];

	if (nlmsg_parse(header, sizeof(*info), tb, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	return link && tb[IFLA_AF_SPEC] ? read_vlans(link, tb[IFLA_AF_SPEC]) : 0;
}

static int read_any_link(struct net_namespace *ns, struct nlmsghdr *header)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	int r;

	if (!nlmsg_valid_hdr(header, sizeof(struct ifinfomsg)))
		return -EBADMSG;
	if (((struct ifinfomsg *)nlmsg_data(header))->ifi_family == AF_BRIDGE)
		return read_bridge_link(ns, header);
	r = read_link(header, &link);
	if (r < 0)
		return r;
	/* What no record can say is as if it were not there; net-left-out.h tells of it. */
	if (!net_name_valid(link->name, sizeof(link->name) - 1))
		return 0;
	r = net_add_link(ns, link);
	if (r >= 0)
		TAKE_PTR(link);
	return r;
}

/* --- messages --------------------------------------------------------------------------------- */

int net_read_message(struct net_namespace *ns, struct nl_msg *msg)
{
	switch (nlmsg_hdr(msg)->nlmsg_type) {
	case RTM_NEWLINK:
		return read_any_link(ns, nlmsg_hdr(msg));
	case RTM_NEWADDR:
	case RTM_NEWNEIGH:
	case RTM_NEWROUTE:
		return net_read_ip(ns, msg);
	default:
		return -EBADMSG;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t collect_names(const struct net_namespace *ns, const char **names)
{
	size_t n = 0;

	for (size_t i = 0; i < ns->n_links; i++) {
		const struct net_link *l = ns->links[i];

		if (names)
			names[n] = l->name;
		n++;
		for (size_t j = 0; j < l->n_altnames; j++, n++)
			if (names)
				names[n] = l->altnames[j];
	}
	return n;
}

/* At no moment do two links have one name: one of them was renamed while they were being read. */
static int check_names(const struct net_namespace *ns)
{
	size_t n = collect_names(ns, NULL);
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	collect_names(ns, names);
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 1; i < n; i++)
		if (streq(names[i - 1], names[i]))
			return -EINTR;
	return 0;
}

int net_read_links_done(struct net_namespace *ns)
{
	int r = check_names(ns);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ns->n_links; i++) {
		struct net_link *link = ns->links[i], *other;

		other = net_find_index(ns, link->master_index);
		if (other)
			memcpy(link->master, other->name, sizeof(link->master));
		other = link->lower_nsid < 0 ? net_find_index(ns, link->lower_index) : NULL;
		if (other)
			memcpy(link->lower.name, other->name, sizeof(link->lower.name));
	}
	return 0;
}

/* --- from the kernel -------------------------------------------------------------------------- */

struct dump {
	uint16_t type;
	uint8_t family;
	uint32_t ext_mask; /* of links */
	uint8_t ndm_flags; /* of neighbours */
};

/* Without its statistics the kernel says twice as many functions of a card, 256. */
static const struct dump link_dumps[] = {
	{ RTM_GETLINK, AF_UNSPEC, .ext_mask = RTEXT_FILTER_VF | RTEXT_FILTER_SKIP_STATS },
};

static const struct dump carried_dumps[] = {
	{ RTM_GETLINK, AF_BRIDGE, .ext_mask = RTEXT_FILTER_BRVLAN_COMPRESSED },
	{ RTM_GETADDR, AF_UNSPEC },
	{ RTM_GETNEIGH, AF_UNSPEC },
	{ RTM_GETNEIGH, AF_UNSPEC, .ndm_flags = NTF_PROXY },
	{ RTM_GETNEIGH, AF_BRIDGE },
	{ RTM_GETROUTE, AF_INET },
	{ RTM_GETROUTE, AF_INET6 },
};

/* Each kind of request has a header of its own; the kernel checks that the rest of it is empty. */
static struct nl_msg *dump_request(const struct dump *d, unsigned int index)
{
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct ndmsg neighbour;
		struct rtmsg route;
	} header = {};
	size_t size = d->type == RTM_GETLINK	? sizeof(header.link)
		      : d->type == RTM_GETADDR	? sizeof(header.address)
		      : d->type == RTM_GETNEIGH ? sizeof(header.neighbour)
						: sizeof(header.route);
	struct nl_msg *msg = nlmsg_alloc_simple(d->type, 0);

	header.link.ifi_family = d->family; /* the first byte of them all */
	if (d->type == RTM_GETLINK)
		header.link.ifi_index = (int)index;
	if (d->type == RTM_GETNEIGH)
		header.neighbour.ndm_flags = d->ndm_flags;
	if (msg && nlmsg_append(msg, &header, size, NLMSG_ALIGNTO) >= 0 &&
	    (!d->ext_mask || nla_put_u32(msg, IFLA_EXT_MASK, d->ext_mask) >= 0))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int on_message(struct nl_msg *msg, void *userdata)
{
	return net_read_message(userdata, msg);
}

/* A kernel without bridges or IPv6 has nothing to say of them. */
static int dump_all(struct net_socket *s, struct net_namespace *ns, const struct dump *dumps,
		    size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct nl_msg *msg = dump_request(&dumps[i], 0);

		r = msg ? net_socket_dump(s, msg, on_message, ns) : -ENOMEM;
		if (r == -EOPNOTSUPP || r == -EAFNOSUPPORT)
			r = 0;
		nlmsg_free(msg);
	}
	return r;
}

int net_read_links(struct net_socket *s, struct net_namespace *ns)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		net_namespace_empty(ns);
		r = dump_all(s, ns, link_dumps, ARRAY_SIZE(link_dumps));
		if (r >= 0)
			r = net_read_links_done(ns);
	}
	return r;
}

int net_read_carried(struct net_socket *s, struct net_namespace *ns)
{
	int r = -EINTR;

	for (int i = 0; i < TRIES && r == -EINTR; i++) {
		net_namespace_strip(ns);
		r = dump_all(s, ns, carried_dumps, ARRAY_SIZE(carried_dumps));
	}
	return r;
}

static int on_link(struct nl_msg *msg, void *userdata)
{
	struct net_link **ret = userdata;

	net_link_free(TAKE_PTR(*ret));
	return read_link(nlmsg_hdr(msg), ret);
}

/* A short name may be either; a long one is an alternative one. */
static uint16_t name_attribute(const char *name)
{
	return strlen(name) < IFNAMSIZ ? IFLA_IFNAME : IFLA_ALT_IFNAME;
}

int net_read_link(struct net_socket *s, unsigned int index, const char *name, struct net_link **ret)
{
	struct nl_msg *msg = dump_request(&link_dumps[0], index);
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	int r = -ENOMEM;

	if (msg && (!name || nla_put_string(msg, name_attribute(name), name) >= 0))
		r = net_socket_get(s, msg, on_link, &link);
	nlmsg_free(msg);
	if (r < 0)
		return r;
	if (!link)
		return -ENODEV;
	*ret = TAKE_PTR(link);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out - asks the kernel, see net-left-out.h.
 *
 * For netfilter that is nf_tables' own netlink: iptables, too, keeps its rules there today. Chains
 * are asked for and not tables, because a chain says how many rules it has, and a table without any
 * does nothing. Of iptables' older half nothing but names of tables can be asked.
 */
#include "net-left-out-private.h"

/* Before the kernel's headers, which then leave out what both have. */
#include <arpa/inet.h>

#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "net-read-ip.h"
#include "net-request.h"
#include "net-socket.h"

void net_left_out_clear(struct net_left_out *left)
{
	for (size_t i = 0; i < left->n; i++) {
		free(left->items[i].namespace);
		free(left->items[i].what);
		free(left->items[i].link);
	}
	free(left->items);
	*left = (struct net_left_out){};
}

static struct net_left *find_same(const struct look *look, enum net_left_kind kind,
				  const char *what)
{
	for (size_t i = 0; i < look->left->n; i++) {
		struct net_left *l = &look->left->items[i];

		if (l->kind == kind && streq(l->what, what) && streq(l->namespace, look->ns->name))
			return l;
	}
	return NULL;
}

/* The first by name, so that the same machine has the same finding. */
static int one_more(struct net_left *left, const struct net_link *link)
{
	left->n++;
	if (!link || strcmp(link->name, left->link) >= 0)
		return 0;
	return free_and_strdup(&left->link, link->name);
}

int look_add(struct look *look, enum net_left_kind kind, const char *what,
	     const struct net_link *link)
{
	struct net_left_out *left = look->left;
	struct net_left *items, *new = find_same(look, kind, what);

	if (new)
		return one_more(new, link);
	items = reallocarray(left->items, left->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	left->items = items;
	new = &items[left->n++];
	*new = (struct net_left){
		.kind = kind,
		.namespace = strdup(look->ns->name),
		.what = strdup(what),
		.link = link ? strdup(link->name) : NULL,
		.n = 1,
	};
	return new->namespace &&new->what && (new->link || !link) ? 0 : -ENOMEM;
}

/* --- netfilter -------------------------------------------------------------------------------- */

static const char *family_word(uint8_t family)
{
	static const char *const words[] = {
		[NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",	  [NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev", [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
	};

	return family < ARRAY_SIZE(words) && words[family] ? words[family] : "unknown";
}

static uint32_t get_be32(struct nlattr *nla, uint32_t otherwise)
{
	return nla && nla_len(nla) == 4 ? ntohl(nla_get_u32(nla)) : otherwise;
}

/* One without a rule that lets everything pass does nothing. */
static int on_chain(struct nl_msg *msg, void *userdata)
{
	const struct nfgenmsg *header = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	_cleanup_free_ char *what = NULL;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(*header), tb, NFTA_CHAIN_MAX, NULL) < 0 ||
	    !tb[NFTA_CHAIN_TABLE])
		return -EBADMSG;
	if (!get_be32(tb[NFTA_CHAIN_USE], 0) &&
	    get_be32(tb[NFTA_CHAIN_POLICY], NF_ACCEPT) != NF_DROP)
		return 0;
	what = strprintf("%s %.*s", family_word(header->nfgen_family),
			 (int)strnlen(nla_data(tb[NFTA_CHAIN_TABLE]),
				      (size_t)nla_len(tb[NFTA_CHAIN_TABLE])),
			 (char *)nla_data(tb[NFTA_CHAIN_TABLE]));
	return what ? look_add(userdata, NET_LEFT_NETFILTER, what, NULL) : -ENOMEM;
}

/* A kernel without nf_tables says that it does not know what is asked (EINVAL). */
static int look_at_netfilter(struct look *look, int fd)
{
	const struct nfgenmsg header = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = net_socket_new_of(look->host, NETLINK_NETFILTER, fd, &socket);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? 0 : r;
	msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0);
	if (!msg || nlmsg_append(msg, (void *)&header, sizeof(header), NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	r = net_socket_dump(socket, msg, on_chain, look);
	return r == -EINVAL || r == -EOPNOTSUPP ? 0 : r;
}

static int read_names(struct look *look, int file, const char *family)
{
	_cleanup_fclose_ FILE *f = fdopen(fd_dup(file), "r");
	char name[64];
	int r = f ? 0 : -errno;

	while (r >= 0 && fscanf(f, "%63s", name) == 1) {
		_cleanup_free_ char *what = strprintf("%s %s", family, name);

		r = what ? look_add(look, NET_LEFT_XTABLES, what, NULL) : -ENOMEM;
	}
	return r;
}

static int look_at_xtables(struct look *look, int fd)
{
	static const struct {
		const char *file, *family;
	} files[] = {
		{ "ip_tables_names", "ip" },
		{ "ip6_tables_names", "ip6" },
		{ "arp_tables_names", "arp" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r >= 0; i++) {
		_cleanup_close_ int names = host_proc_net(look->host, fd, files[i].file);

		if (names >= 0)
			r = read_names(look, names, files[i].family);
		else if (names != -ENOENT)
			r = names;
	}
	return r;
}

/* --- rtnetlink -------------------------------------------------------------------------------- */

/* What nobody has asked for has no handle. "noqueue" is none, whoever has asked for it. */
static int on_qdisc(struct nl_msg *msg, void *userdata)
{
	const struct tcmsg *header = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *kind = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(*header), TCA_KIND);
	struct look *look = userdata;
	const struct net_link *link = net_find_index(look->ns, (unsigned int)header->tcm_ifindex);
	char name[IFNAMSIZ];

	if (!link || !kind || !header->tcm_handle)
		return 0;
	nla_strlcpy(name, kind, sizeof(name));
	return streq(name, "noqueue") ? 0 : look_add(look, NET_LEFT_QDISC, name, link);
}

static int on_rule(struct nl_msg *msg, void *userdata)
{
	struct nlattr *protocol =
		nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct fib_rule_hdr), FRA_PROTOCOL);

	if (protocol && nla_len(protocol) == 1 && nla_get_u8(protocol) == RTPROT_KERNEL)
		return 0;
	return look_add(userdata, NET_LEFT_RULE, "", NULL);
}

static int on_nexthop(struct nl_msg *msg, void *userdata)
{
	struct nlattr *link = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct nhmsg), NHA_OIF);
	struct look *look = userdata;

	if (!link || nla_len(link) != 4 || !net_find_index(look->ns, nla_get_u32(link)))
		return 0;
	return look_add(look, NET_LEFT_NEXTHOP, "", NULL);
}

int look_at_route(struct nl_msg *msg, void *userdata)
{
	struct look *look = userdata;
	bool whole = false;
	const char *what = net_route_lost(look->ns, nlmsg_hdr(msg), &whole);

	return what ? look_add(look, whole ? NET_LEFT_ROUTE : NET_LEFT_PART, what, NULL) : 0;
}

static const struct question {
	uint16_t type;
	uint8_t family;
	size_t size; /* of the header, whose first byte is the family */
	net_message_t on_message;
	uint32_t ext_mask; /* of links */
} questions[] = {
	{ RTM_GETQDISC, AF_UNSPEC, sizeof(struct tcmsg), on_qdisc },
	{ RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg), look_at_link },
	{ RTM_GETLINK, AF_BRIDGE, sizeof(struct ifinfomsg), look_at_bridge_port,
	  RTEXT_FILTER_BRVLAN_COMPRESSED },
	{ RTM_GETMDB, AF_BRIDGE, sizeof(struct br_port_msg), look_at_group },
	{ RTM_GETROUTE, AF_INET, sizeof(struct rtmsg), look_at_route },
	{ RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg), look_at_route },
	{ RTM_GETRULE, AF_INET, sizeof(struct fib_rule_hdr), on_rule },
	{ RTM_GETRULE, AF_INET6, sizeof(struct fib_rule_hdr), on_rule },
	{ RTM_GETNEXTHOP, AF_UNSPEC, sizeof(struct nhmsg), on_nexthop },
};

static int ask(struct look *look, struct net_socket *socket, const struct question *q)
{
	_cleanup_msg_ struct nl_msg *msg = nlmsg_alloc_simple(q->type, 0);
	uint8_t header[sizeof(struct tcmsg)] = { q->family };
	int r;

	_Static_assert(sizeof(struct ifinfomsg) <= sizeof(header), "no room for a header");
	if (!msg || nlmsg_append(msg, header, q->size, NLMSG_ALIGNTO) < 0 ||
	    (q->ext_mask && nla_put_u32(msg, IFLA_EXT_MASK, q->ext_mask) < 0))
		return -ENOMEM;
	r = net_socket_dump(socket, msg, q->on_message, look);
	return r == -EOPNOTSUPP || r == -EAFNOSUPPORT ? 0 : r;
}

/* A dump that was disturbed has been read nevertheless; what came meanwhile is the next check's. */
static int look_at_rtnetlink(struct look *look, int fd)
{
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	int r = net_socket_new(look->host, fd, &socket);

	for (size_t i = 0; i < ARRAY_SIZE(questions) && r >= 0; i++) {
		r = ask(look, socket, &questions[i]);
		if (r == -EINTR)
			r = 0;
	}
	return r;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int look_around(struct look *look)
{
	_cleanup_close_ int fd = host_namespace(look->host, look->ns->name, false);
	int r;

	if (fd < 0)
		return fd;
	if ((r = look_at_record(look)) < 0 || (r = look_at_netfilter(look, fd)) < 0 ||
	    (r = look_at_xtables(look, fd)) < 0 || (r = look_at_sysctls(look, fd)) < 0 ||
	    (r = look_at_drivers(look, fd)) < 0)
		return r;
	return look_at_rtnetlink(look, fd);
}

int net_left_out_find(const struct net_record *record, struct host *host, struct net_left_out *ret)
{
	struct net_left_out left = {};
	int r = 0;

	for (size_t i = 0; i < record->n && r >= 0; i++)
		r = look_around(&(struct look){ host, &record->namespaces[i], &left });
	if (r < 0) {
		net_left_out_clear(&left);
		return r;
	}
	*ret = left;
	return 0;
}

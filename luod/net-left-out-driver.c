/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out-driver - what a driver has settings of its own for, see net-left-out.h: the private
 * flags of ethtool(8), asked by ethtool's netlink. Which of them a driver sets by itself nobody can
 * tell, so every one that is on is told of.
 */
#include "net-left-out-private.h"

#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "net-request.h"
#include "net-socket.h"

static struct nl_msg *begin(uint16_t family, uint8_t command)
{
	struct genlmsghdr header = { .cmd = command, .version = 1 };
	struct nl_msg *msg = nlmsg_alloc_simple(family, 0);

	if (msg && nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO) >= 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int on_family(struct nl_msg *msg, void *userdata)
{
	struct nlattr *id =
		nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct genlmsghdr), CTRL_ATTR_FAMILY_ID);

	if (id && nla_len(id) == 2)
		*(uint16_t *)userdata = nla_get_u16(id);
	return 0;
}

/* -ENOENT: the kernel does not have it. */
static int find_family(struct net_socket *socket, uint16_t *ret)
{
	_cleanup_msg_ struct nl_msg *msg = begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	uint16_t family = 0;
	int r;

	if (!msg || nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME) < 0)
		return -ENOMEM;
	r = net_socket_get(socket, msg, on_family, &family);
	if (r < 0 || !family)
		return r < 0 ? r : -ENOENT;
	*ret = family;
	return 0;
}

static int add_flag(struct look *look, const struct net_link *link, struct nlattr *bit)
{
	struct nlattr *tb[ETHTOOL_A_BITSET_BIT_MAX + 1];
	char name[64]; /* ETH_GSTRING_LEN is 32 */

	if (nla_parse_nested(tb, ETHTOOL_A_BITSET_BIT_MAX, bit, NULL) < 0)
		return -EBADMSG;
	if (!tb[ETHTOOL_A_BITSET_BIT_VALUE] || !tb[ETHTOOL_A_BITSET_BIT_NAME])
		return 0;
	nla_strlcpy(name, tb[ETHTOOL_A_BITSET_BIT_NAME], sizeof(name));
	return look_add(look, NET_LEFT_DRIVER, name, link);
}

static int add_flags(struct look *look, const struct net_link *link, struct nlattr *flags)
{
	struct nlattr *bits = nla_find(nla_data(flags), nla_len(flags), ETHTOOL_A_BITSET_BITS);
	struct nlattr *bit;
	int left, r = 0;

	if (!bits)
		return 0;
	nla_for_each_nested(bit, bits, left)
	{
		if (r >= 0)
			r = add_flag(look, link, bit);
	}
	return r;
}

int look_at_private_flags(struct nl_msg *msg, void *userdata)
{
	struct nlattr *tb[ETHTOOL_A_PRIVFLAGS_MAX + 1], *index;
	const struct net_link *link;
	struct look *look = userdata;

	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct genlmsghdr), tb, ETHTOOL_A_PRIVFLAGS_MAX,
			NULL) < 0)
		return -EBADMSG;
	if (!tb[ETHTOOL_A_PRIVFLAGS_HEADER] || !tb[ETHTOOL_A_PRIVFLAGS_FLAGS])
		return 0;
	index = nla_find(nla_data(tb[ETHTOOL_A_PRIVFLAGS_HEADER]),
			 nla_len(tb[ETHTOOL_A_PRIVFLAGS_HEADER]), ETHTOOL_A_HEADER_DEV_INDEX);
	link = index && nla_len(index) == 4 ? net_find_index(look->ns, nla_get_u32(index)) : NULL;
	return link ? add_flags(look, link, tb[ETHTOOL_A_PRIVFLAGS_FLAGS]) : 0;
}

static int ask(struct look *look, struct net_socket *socket, uint16_t family)
{
	_cleanup_msg_ struct nl_msg *msg = begin(family, ETHTOOL_MSG_PRIVFLAGS_GET);
	struct nlattr *header = msg ? nla_nest_start(msg, ETHTOOL_A_PRIVFLAGS_HEADER | NLA_F_NESTED)
				    : NULL;

	if (!header)
		return -ENOMEM;
	nla_nest_end(msg, header);
	return net_socket_dump(socket, msg, look_at_private_flags, look);
}

int look_at_drivers(struct look *look, int fd)
{
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	uint16_t family;
	int r = net_socket_new_of(look->host, NETLINK_GENERIC, fd, &socket);

	if (r >= 0)
		r = find_family(socket, &family);
	if (r >= 0)
		r = ask(look, socket, family);
	/* A kernel that does not know of it, or no device that has any. */
	return r == -ENOENT || r == -EOPNOTSUPP || r == -EPROTONOSUPPORT || r == -EINTR ? 0 : r;
}

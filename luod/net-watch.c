/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-watch - see net-watch.h. */
#include "net-watch.h"

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

struct net_watch {
	struct nl_sock *sock;
	bool news;
};

/*
 * Of a new link the kernel says that all of its flags have changed, of one with a new name that none
 * has. The latter it says of much else, too, but not of a link that goes up or down.
 */
static int on_valid(struct nl_msg *msg, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct ifinfomsg *info = nlmsg_data(header);
	struct net_watch *w = userdata;

	if (header->nlmsg_type == RTM_NEWLINK && nlmsg_valid_hdr(header, sizeof(*info)))
		w->news |= info->ifi_change == UINT32_MAX || info->ifi_change == 0;
	return NL_OK;
}

int net_watch_new(struct net_watch **ret)
{
	_cleanup_(net_watch_freep) struct net_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->sock = nl_socket_alloc();
	if (!w->sock)
		return -ENOMEM;
	nl_socket_disable_seq_check(w->sock);
	nl_socket_modify_cb(w->sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, w);
	if (nl_connect(w->sock, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(w->sock) < 0 ||
	    nl_socket_add_membership(w->sock, RTNLGRP_LINK) < 0)
		return -EIO;
	*ret = TAKE_PTR(w);
	return 0;
}

void net_watch_free(struct net_watch *w)
{
	if (!w)
		return;
	nl_socket_free(w->sock);
	free(w);
}

int net_watch_fd(const struct net_watch *w)
{
	return nl_socket_get_fd(w->sock);
}

bool net_watch_read(struct net_watch *w)
{
	int r;

	w->news = false;
	do
		r = nl_recvmsgs_default(w->sock);
	while (r >= 0);
	/* More than it could keep: libnl says so as lack of memory. */
	return w->news || r != -NLE_AGAIN;
}

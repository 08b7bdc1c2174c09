/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-left-out-private - one namespace that is looked at, for the files of net-left-out. */
#ifndef LUOD_NET_LEFT_OUT_PRIVATE_H
#define LUOD_NET_LEFT_OUT_PRIVATE_H

#include "net-left-out.h"

struct nlattr;
struct nlmsghdr;
struct nl_msg;

struct look {
	struct host *host;
	const struct net_namespace *ns;
	struct net_left_out *left;
};

/* One more of a kind; @link may be NULL, @what "". -ENOMEM. */
int look_add(struct look *look, enum net_left_kind kind, const char *what,
	     const struct net_link *link);

/* Of a message about a link of the record: what net-attr.c has no row for. */
int look_at_link(struct nl_msg *msg, void *userdata);

/* Of what only their drivers know; the socket is made in namespace @fd. */
int look_at_drivers(struct look *look, int fd);
int look_at_private_flags(struct nl_msg *msg, void *userdata);

/* What a message about a link says of it for IPv6; NULL: nothing of that number. */
struct nlattr *find_ipv6(struct nlmsghdr *header, int number);
/* Of what sysctls say of a link, in a message about it, and of namespace @fd. */
int look_at_ipv6(struct look *look, const struct net_link *link, struct nlmsghdr *header);
int look_at_sysctls(struct look *look, int fd);

/* Of a message about a route, a multicast group, or the VLANs of a bridge's port. */
int look_at_route(struct nl_msg *msg, void *userdata);
int look_at_group(struct nl_msg *msg, void *userdata);
int look_at_bridge_port(struct nl_msg *msg, void *userdata);

/* Of the record itself. */
int look_at_record(struct look *look);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-request - what is asked of rtnetlink: one function for each message, from the model, with
 * numbers of links that are true here and now. Nothing is sent here.
 *
 * Every function returns a message that the caller frees with nlmsg_free(), or NULL when out of
 * memory. Most can say both ways what they say (@add), so that whoever changes something can build
 * what undoes it first.
 */
#ifndef LUOD_NET_REQUEST_H
#define LUOD_NET_REQUEST_H

#include <netlink/msg.h>

#include "net.h"

static inline void nl_msg_freep(struct nl_msg **msg)
{
	if (*msg)
		nlmsg_free(*msg);
}
#define _cleanup_msg_ _cleanup_(nl_msg_freep)

/* What a new link needs to know beside itself. */
struct net_request_new {
	const struct net_link *link;
	unsigned int lower_index;    /* in the namespace of the socket */
	int fd;			     /* of the namespace it goes to, or -EBADF: the socket's */
	const struct net_link *peer; /* of a veth */
	int peer_fd;
};

struct nl_msg *net_request_create(const struct net_request_new *new);
struct nl_msg *net_request_delete(unsigned int index);

/* Settings, hardware address (NULL: as it is), sysctls and address generation (-1: as it is). */
struct net_request_settings {
	enum net_kind kind;
	struct net_settings base, own, ipv4;
	const struct net_mac *mac;
	int addrgen;
};

struct nl_msg *net_request_settings(unsigned int index, const struct net_request_settings *what);
struct nl_msg *net_request_port(unsigned int index, enum net_kind master,
				const struct net_settings *settings);
struct nl_msg *net_request_master(unsigned int index, unsigned int master_index);
struct nl_msg *net_request_altname(unsigned int index, const char *name, bool add);
/* The bits of @mask, as they are in @flags. */
struct nl_msg *net_request_flags(unsigned int index, uint32_t flags, uint32_t mask);
/* What has changed between two sets of VLANs: what @to has, or (not @add) what only @from has. */
struct nl_msg *net_request_vlans(unsigned int index, bool bridge, const uint8_t *from,
				 const uint8_t *to, bool add);
/* Those of its settings that are in @have, and its address if @mac. */
struct nl_msg *net_request_vf(unsigned int index, const struct net_vf *vf, uint32_t have, bool mac);

struct nl_msg *net_request_address(unsigned int index, const struct net_address *a, bool add);
struct nl_msg *net_request_neighbour(const struct net_link *link, unsigned int index,
				     const struct net_neighbour *n, bool add);
/* @indexes: of the links of its hops. */
struct nl_msg *net_request_route(const struct net_route *route, const unsigned int *indexes,
				 bool add);

#endif

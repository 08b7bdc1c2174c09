/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-read - what rtnetlink says of links, addresses, neighbours and routes, put into the model.
 *
 * It is fed one message after the other, as they come from the kernel or from a file of a test, and
 * only looks. The order is: links, VLANs of bridges (links of family AF_BRIDGE), addresses,
 * neighbours, tables of bridges (neighbours of family AF_BRIDGE), routes; what names a link that was
 * not told of before is passed over.
 *
 * Left out is what comes back by itself: what the kernel adds to an address or a link, what has a
 * lifetime (it was learned from a router or a DHCP server and is learned again), and neighbours that
 * were found by asking.
 */
#ifndef LUOD_NET_READ_H
#define LUOD_NET_READ_H

#include "net.h"

/* -E2BIG: more than a record takes. -EBADMSG: not a message of rtnetlink. -ENOMEM. */
int net_read_message(struct net_namespace *ns, struct nl_msg *msg);

/* When all links are there: what their numbers mean, as names. -EINTR: they changed meanwhile. -ENOMEM. */
int net_read_links_done(struct net_namespace *ns);

/*
 * Reads what there is in the namespace of the socket into @ns, instead of what is there: first all links,
 * then, of those that are still in @ns, VLANs, addresses, neighbours and routes. Both try again a few times
 * when somebody changes things meanwhile.
 */
struct net_socket;
int net_read_links(struct net_socket *s, struct net_namespace *ns);
int net_read_carried(struct net_socket *s, struct net_namespace *ns);

/*
 * One link as it is now, by its number or (@index 0) by @name, without its VLANs, addresses and
 * neighbours, and without the names of what its numbers mean. -ENODEV.
 */
int net_read_link(struct net_socket *s, unsigned int index, const char *name,
		  struct net_link **ret);

#endif

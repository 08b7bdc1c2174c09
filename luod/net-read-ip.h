/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-read-ip - addresses, neighbours and (net-read-route.c) routes, for net-read.c. */
#ifndef LUOD_NET_READ_IP_H
#define LUOD_NET_READ_IP_H

#include "net.h"

struct nl_addr;
struct nl_object;

int net_read_ip(struct net_namespace *ns, struct nl_msg *msg);

/* What libnl has made of an address of IPv4 or IPv6; of another family, or none, *ret stays. */
void net_read_address(const struct nl_addr *addr, struct net_ip *ret);
/* What it has made of the route of a message. What cannot be recorded is passed over. */
int net_read_route(struct net_namespace *ns, struct nlmsghdr *header, struct nl_object *object);
/* Does the route of a message lead over any link of @ns? */
bool net_route_concerns(const struct net_namespace *ns, struct nlmsghdr *header);

/*
 * Why the route of a message does not go along with the links of @ns, or what of it does not: words, or NULL
 * when it does as it is, or is none of theirs. *ret_whole: not at all.
 */
const char *net_route_lost(const struct net_namespace *ns, struct nlmsghdr *header,
			   bool *ret_whole);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out - what there is around the links of a record and does not go along with them, so that
 * it is told before an update and is no surprise after it: rules of netfilter, queueing disciplines,
 * kinds of links and settings that are not made again, settings that only a driver knows.
 *
 * It looks, and changes nothing. What is the same of several links of a namespace is told once, with
 * their number. What the kernel does of its own accord, such as the queueing discipline that every
 * link has, is nothing to tell.
 */
#ifndef LUOD_NET_LEFT_OUT_H
#define LUOD_NET_LEFT_OUT_H

#include "host.h"
#include "net.h"

enum net_left_kind {
	NET_LEFT_NETFILTER, /* @what: a table of nf_tables with rules in it, "inet filter" */
	NET_LEFT_XTABLES,   /* a table of iptables, "ip filter": whether it is empty is not known */
	NET_LEFT_RULE,	    /* a rule of policy routing */
	NET_LEFT_NEXTHOP,   /* an object that routes may share */
	NET_LEFT_QDISC,	    /* @what: its kind */
	NET_LEFT_LINK,	    /* @what: the kind of a link that is not made */
	NET_LEFT_LOWER,	    /* what it lies on, or its other end, is in no namespace with a name */
	NET_LEFT_SETTING,   /* @what: "a description" */
	NET_LEFT_SYSCTL,    /* @what: "net.ipv4.ip_forward = 1", of links or of the namespace */
	NET_LEFT_ROUTE,	    /* @what: of routes that do not go along: "with an encapsulation" */
	NET_LEFT_PART,	    /* @what: what does not of routes that do: "a realm" */
	NET_LEFT_NAME,	    /* a link whose name a record cannot hold */
	NET_LEFT_DRIVER,    /* @what: a private flag of its driver */
	NET_LEFT_MAX,
};

struct net_left {
	enum net_left_kind kind;
	char *namespace;
	char *what;
	char *link; /* the first of them; NULL: it is the whole namespace's */
	unsigned int n;
};

struct net_left_out {
	struct net_left *items;
	size_t n;
};

void net_left_out_clear(struct net_left_out *left);

/*
 * Of @record, which was just read and selected from: the numbers of its links are true. A negative
 * errno when the kernel cannot be asked; a kernel that does not know a thing has none of it.
 */
int net_left_out_find(const struct net_record *record, struct host *host, struct net_left_out *ret);

#endif

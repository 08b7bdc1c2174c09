/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-plan - in which order links are made: what a link hangs on comes before it, and the two ends of
 * a veth pair one after the other, because they are made by one request.
 *
 * A master comes before its ports. Cards with virtual functions come first of all, with what they hang
 * on: the links of those functions are there only when the card has them, and which card a function is
 * of is nothing that a record need tell. What hangs on itself cannot be made and is refused before
 * anything is touched; no kernel has such links, so the record is not one.
 */
#ifndef LUOD_NET_PLAN_H
#define LUOD_NET_PLAN_H

#include "net-apply.h"

struct net_step {
	size_t namespace; /* index in the record */
	const struct net_link *link;
	ssize_t peer; /* step of the other end of a pair, or -1 */
	bool made;    /* by now, together with the other end */
	bool passed;  /* over: it is not asked for */
	int result;   /* of what was done, or not yet: 1 */
	struct net_deed deed;
};

struct net_plan {
	struct net_step *steps;
	size_t n;
};

void net_plan_clear(struct net_plan *plan);

/* The plan borrows from @r. -ELOOP: *ret_error says which link it is (freed by the caller). */
int net_plan_make(const struct net_record *r, struct net_plan *ret, char **ret_error);

/* The link that another one lies on, and its namespace; NULL when the record has it not. */
const struct net_link *net_plan_lower(const struct net_record *r, size_t namespace,
				      const struct net_link *link, size_t *ret_namespace);

#endif

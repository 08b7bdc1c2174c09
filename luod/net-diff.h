/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-diff - what is otherwise on a machine than in a record.
 *
 * Compared is what is written of both (net-json.h), so that a setting that is recorded is compared,
 * too. Links that the record does not tell of do not count; of those that it does tell of, what they
 * have in addition does.
 */
#ifndef LUOD_NET_DIFF_H
#define LUOD_NET_DIFF_H

#include "net.h"

struct net_difference {
	char *namespace;
	char *object; /* a link, or "routes" */
	char *what;   /* "settings.mtu"; "": the whole of it */
	char *wanted; /* as JSON; NULL: nothing */
	char *found;  /* likewise */
};

struct net_diff {
	struct net_difference *items;
	size_t n;
};

void net_diff_clear(struct net_diff *diff);

/* @now is all that there is. -ENOMEM. */
int net_diff(const struct net_record *wanted, const struct net_record *now, struct net_diff *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-replay - makes of a record what it tells of: links in the order in which they hang on each
 * other, each as a whole or not at all (net-apply.h), then what other links have moved, then routes.
 *
 * It may be done again and again: what is there as recorded is left alone. One link that cannot be
 * made costs those that hang on it, and no other. Everything that was not to be had is in the
 * report, in words.
 */
#ifndef LUOD_NET_REPLAY_H
#define LUOD_NET_REPLAY_H

#include "net-apply.h"

enum net_outcome {
	NET_SAME,    /* nothing was to be done */
	NET_CHANGED, /* it was there, and something was added or set */
	NET_MADE,    /* it was not there */
	NET_LATER, /* it is as recorded but for what can only be set later, by net_replay_rates() */
	NET_CONFLICT, /* something is otherwise and was left so; the rest is as recorded */
	NET_FAILED,   /* and it is as it was before, or the text says how it is */
};

#define NET_ROUTES "routes" /* the object that stands for all of a namespace */

struct net_result {
	enum net_outcome outcome;
	char *namespace;
	char *object; /* a link, or "route 192.0.2.0/24" */
	char *text;   /* of a conflict or a failure; otherwise NULL */
	bool absent;  /* it failed for want of something that may come yet */
};

struct net_report {
	struct net_result *results;
	size_t n;
	unsigned int changes; /* requests that changed something */
};

/* "OBJECT" or "NAMESPACE/OBJECT", freed by the caller. */
char *net_object(const char *namespace, const char *object);

void net_report_clear(struct net_report *report);
const char *net_outcome_to_string(enum net_outcome outcome);
/* How many results have this outcome. */
size_t net_report_count(const struct net_report *report, enum net_outcome outcome);

/*
 * A named namespace that is not there is made. @gate may be NULL. Without a report
 * only when nothing has been touched: -ELOOP, or an errno of reading the machine; *ret_error says it
 * in words (freed by the caller).
 */
int net_replay(const struct net_record *record, struct host *host, const struct net_gate *gate,
	       struct net_report *ret, char **ret_error);

/*
 * What was left for later (NET_LATER), and nothing else; no namespace is made. *ret_left: how many links still wait, and
 * *ret_why, what one of them waits for, freed by the caller; NULL: none does.
 */
int net_replay_rates(const struct net_record *record, struct host *host,
		     const struct net_gate *gate, size_t *ret_left, char **ret_why);

#endif

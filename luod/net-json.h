/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-json - the model as JSON: in the handover record, in what luctl shows, and for comparing two
 * of them. The rows of net-attr.c are its keys.
 *
 * What is read is distrusted: counts, names and numbers are bounded, and nothing comes in twice.
 * Members that are not known are passed over: the network is recorded anew for every update, so
 * there is nothing to keep them for.
 */
#ifndef LUOD_NET_JSON_H
#define LUOD_NET_JSON_H

#include <jansson.h>

#include "net.h"

/*
 * New references, of all of it; NULL when out of memory, or when something of it is no text that JSON
 * could hold.
 */
json_t *net_record_to_json(const struct net_record *r);
json_t *net_link_to_json(const struct net_link *link);
json_t *net_route_to_json(const struct net_route *route);

/*
 * net_record_clear() the result. On failure *ret is as before, and *ret_error says what is wrong
 * (freed by the caller): -EINVAL, -E2BIG or -ENOMEM.
 */
int net_record_from_json(const json_t *json, struct net_record *ret, char **ret_error);

/* Words for the bits of @bits, and back; for both directions in one table. */
struct net_word {
	const char *word;
	uint32_t bit;
};

struct net_words {
	const struct net_word *words;
	size_t n;
};

extern const struct net_words net_link_flags, net_vlan_flags;

/* Names of what a route's metrics are, by RTAX_*; NULL: not recorded. */
extern const char *const net_metrics[NET_METRICS];

#endif

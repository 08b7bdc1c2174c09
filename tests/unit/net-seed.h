/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-seed - a network of the tree, for the tests that only look at one. */
#ifndef TESTS_NET_SEED_H
#define TESTS_NET_SEED_H

#include "luod/net-json.h"

static inline struct net_record read_seed(const char *name)
{
	_cleanup_free_ char *path =
		strprintf("%s/tests/fuzz/seeds/net/%s", getenv("SRC") ?: ".", name);
	_cleanup_free_ char *error = NULL;
	json_t *json = json_load_file(path, 0, NULL);
	struct net_record r;

	assert_non_null(json);
	if (net_record_from_json(json, &r, &error) < 0)
		fail_msg("%s: %s", name, error);
	json_decref(json);
	return r;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net: the network of a record that somebody else wrote. What is read is the same when it has been
 * written and read again, can be planned or hangs on itself, and is no difference from itself. What is
 * refused says why.
 */
#include "luod/net-diff.h"
#include "luod/net-json.h"
#include "luod/net-plan.h"

static void check_plan(const struct net_record *r)
{
	_cleanup_free_ char *error = NULL;
	struct net_plan plan;
	int result = net_plan_make(r, &plan, &error);

	if (result == -ELOOP && error)
		return;
	if (result < 0)
		abort();
	for (size_t i = 0; i < plan.n; i++)
		if (plan.steps[i].peer >= (ssize_t)plan.n)
			abort();
	net_plan_clear(&plan);
}

/* Of two links of the same device one would be compared with the other. */
static void check_diff(const struct net_record *r)
{
	struct net_diff diff;

	if (net_diff(r, r, &diff) < 0)
		abort();
	net_diff_clear(&diff);
}

static void check_again(const struct net_record *r)
{
	json_t *first = net_record_to_json(r), *second;
	_cleanup_free_ char *error = NULL;
	struct net_record copy;

	if (net_record_from_json(first, &copy, &error) < 0)
		abort();
	second = net_record_to_json(&copy);
	if (!json_equal(first, second))
		abort();
	json_decref(first);
	json_decref(second);
	net_record_clear(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	_cleanup_free_ char *error = NULL;
	struct net_record r;
	int result;

	if (!json)
		return 0;
	result = net_record_from_json(json, &r, &error);
	json_decref(json);
	if (result < 0) {
		if (!error || !*error)
			abort();
		return 0;
	}
	check_plan(&r);
	check_diff(&r);
	check_again(&r);
	net_record_clear(&r);
	return 0;
}

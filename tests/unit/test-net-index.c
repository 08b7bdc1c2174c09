/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-index: of many links each is found by its number and by its names, whatever was added or taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/net-select.h"

#define MANY 500

static void add(struct net_namespace *ns, unsigned int i)
{
	struct net_link *l = calloc(1, sizeof(*l));
	_cleanup_free_ char *altname = strprintf("other-name-of-%u", i);

	l->index = i;
	snprintf(l->name, sizeof(l->name), "l%u", i);
	assert_int_equal(net_add_altname(l, altname), 0);
	assert_int_equal(net_add_link(ns, l), 0);
}

/* By whichever of the three. */
static void assert_found(const struct net_namespace *ns, unsigned int i, bool there)
{
	_cleanup_free_ char *name = strprintf("l%u", i),
			    *altname = strprintf("other-name-of-%u", i);
	const struct net_link *l = net_find_index(ns, i);

	assert_int_equal(l != NULL, there);
	assert_ptr_equal(net_find_link(ns, name), l);
	assert_ptr_equal(net_find_link(ns, altname), l);
	if (l)
		assert_int_equal(l->index, i);
}

static void test_many(void **state _unused_)
{
	struct net_record r = {};
	struct net_namespace *ns;

	assert_int_equal(net_add_namespace(&r, "", &ns), 0);
	for (unsigned int i = 1; i <= MANY; i++) {
		assert_found(ns, i, false);
		add(ns, i);
		assert_found(ns, i, true);
	}
	for (unsigned int i = 1; i <= MANY; i++)
		assert_found(ns, i, true);
	assert_null(net_find_index(ns, 0));
	assert_null(net_find_link(ns, ""));
	/* Others move up into the places of those that are taken out. */
	assert_int_equal(net_select(&r, "l*5"), 0);
	ns = &r.namespaces[0];
	assert_int_equal(ns->n_links, MANY / 10);
	for (unsigned int i = 1; i <= MANY; i++)
		assert_found(ns, i, i % 10 == 5);
	net_record_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

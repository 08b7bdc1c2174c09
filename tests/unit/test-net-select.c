/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-select: which links names stand for, and what those need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/net-json.h"
#include "luod/net-select.h"
#include "net-seed.h"

static void assert_selected(const char *names, const char *wanted)
{
	struct net_record r = read_seed("taps.json");
	_cleanup_free_ char *got = strdup("");

	assert_true(net_select_valid(names, false));
	assert_int_equal(net_select(&r, names), 0);
	for (size_t i = 0; i < r.n; i++)
		for (size_t j = 0; j < r.namespaces[i].n_links; j++) {
			_cleanup_free_ char *before = got;

			got = strprintf("%s%s%s", before, *before ? " " : "",
					r.namespaces[i].links[j]->name);
		}
	assert_string_equal(got, wanted);
	net_record_clear(&r);
}

static void test_select(void **state _unused_)
{
	assert_selected("", "");
	assert_selected("no-such-link", "");
	/* What it is a port of; with an alternative name, and wildcards. */
	assert_selected("tap-guest-1", "br0 tap-guest-1");
	assert_selected("the-tap-of-*", "br0 tap-guest-1");
	/* A bridge is nothing without its ports. */
	assert_selected("b?0", "br0 tap-guest-1");
	/* What it lies on, and the other end of that, in another namespace. */
	assert_selected("  mv0\t", "uplink mv0 far");
	assert_selected("guests/far", "uplink far");
	/* A name alone is of the namespace without a name. */
	assert_selected("far", "");
	assert_selected("*/lo", "lo");
	assert_selected("tap* lo mv*", "lo br0 tap-guest-1 uplink mv0 far");
}

/* By exact names, wildcards and words are none; what they need goes along, too. */
static void test_select_exactly(void **state _unused_)
{
	static const char *const exact[] = { "the-tap-of-the-first-guest",
					     "guests/far",
					     "tap*",
					     ":sessions",
					     "no-such-link",
					     NULL };
	struct net_record r = read_seed("taps.json");

	assert_non_null(net_find_named(&r, "guests/far"));
	assert_null(net_find_named(&r, "far"));
	assert_null(net_find_named(&r, "guests"));
	assert_null(net_find_named(&r, "guest/far"));
	assert_int_equal(net_select_with(&r, ":sessions", exact), 0);
	assert_int_equal(r.n, 2);
	assert_null(net_find_named(&r, "lo"));
	assert_non_null(net_find_named(&r, "br0"));
	assert_non_null(net_find_named(&r, "uplink"));
	/* Again with less: what is left is what less would have taken. */
	assert_int_equal(net_select_with(&r, ":sessions", exact + 1), 0);
	assert_null(net_find_named(&r, "br0"));
	assert_non_null(net_find_named(&r, "uplink"));
	assert_int_equal(net_select(&r, ":none"), 0);
	assert_int_equal(r.n, 0);
	net_record_clear(&r);
}

static void test_select_fits(void **state _unused_)
{
	assert_true(net_select_fits("a tap*", "tap0"));
	assert_true(net_select_fits("guests/* a", "guests/tap0"));
	assert_true(net_select_fits("*/tap0", "guests/tap0"));
	assert_false(net_select_fits("tap0", "guests/tap0"));
	assert_false(net_select_fits("*", "guests/tap0"));
	assert_false(net_select_fits("*/*", "tap0"));
	assert_false(net_select_fits("", "tap0"));
	assert_false(net_select_fits(":sessions", ":sessions"));
}

/* A route goes along when all of its links do. */
static void test_select_routes(void **state _unused_)
{
	struct net_record r = read_seed("taps.json");

	assert_int_equal(net_select(&r, "br0"), 0);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.namespaces[0].n_routes, 2);
	net_record_clear(&r);
}

static void test_select_names(void **state _unused_)
{
	assert_true(net_select_valid("a b/c d*", false));
	assert_false(net_select_valid("/a", false));
	assert_false(net_select_valid("b a/", false));
	assert_false(net_select_valid("a/b/c", false));
	assert_true(net_select_valid("a :sessions b/c", true));
	assert_true(net_select_valid(" :none", true));
	assert_false(net_select_valid(":session", true));
	assert_false(net_select_valid(":sessions", false));
	assert_true(net_select_has("a  :sessions b", NET_SELECT_SESSIONS));
	assert_false(net_select_has("a :none x:sessions", NET_SELECT_SESSIONS));
	assert_true(net_select_has_names(":none a"));
	assert_false(net_select_has_names(" :none :sessions "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_select),	     cmocka_unit_test(test_select_exactly),
		cmocka_unit_test(test_select_fits),  cmocka_unit_test(test_select_routes),
		cmocka_unit_test(test_select_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

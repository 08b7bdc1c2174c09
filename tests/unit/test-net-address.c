/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-apply-ip and net-replay-route: an address, or a route, that is there and otherwise than recorded is
 * not the same. On a link that is somebody's it is a conflict and stays; on one that is nobody's it
 * becomes what was recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assert-text.h"
#include "luod/net-replay.h"
#include "net-fresh.h"
#include "program.h"

#define LINK "tuntap add tap0 mode tap\nlink set tap0 address 02:00:00:00:00:01\n"
#define UP   "link set tap0 up\n"

/* What ip(8) says of @found after a replay of what it was when @recorded was done; and how that went. */
struct outcome {
	char *report, *addresses;
};

static void outcome_clear(struct outcome *o)
{
	free(o->report);
	free(o->addresses);
}

static char *addresses_now(void)
{
	_cleanup_free_ char *addresses = NULL, *routes = NULL;

	assert_int_equal(program_run_line("ip -o addr show dev tap0", NULL, &addresses), 0);
	assert_int_equal(program_run_line("ip route show dev tap0", NULL, &routes), 0);
	return strprintf("%s%s", addresses, routes);
}

static char *report_text(const struct net_report *report)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	for (size_t i = 0; i < report->n; i++)
		fprintf(f, "%s %s: %s\n", report->results[i].object,
			net_outcome_to_string(report->results[i].outcome),
			strempty(report->results[i].text));
	fclose(f);
	return text;
}

static struct outcome replay(const char *recorded, const char *found)
{
	_cleanup_free_ char *error = NULL;
	struct net_report report;
	struct net_record r;
	struct outcome o;

	fresh(recorded);
	r = net_world_read();
	fresh(found);
	assert_int_equal(net_replay(&r, &host, NULL, &report, &error), 0);
	o = (struct outcome){ report_text(&report), addresses_now() };
	net_report_clear(&report);
	net_record_clear(&r);
	return o;
}

static void test_prefix(void **state _unused_)
{
	struct outcome o = replay(LINK UP "addr add 2001:db8::1/64 dev tap0\n",
				  LINK UP "addr add 2001:db8::1/48 dev tap0\n");

	assert_contains(o.report, "tap0 conflict: 2001:db8::1/48 has another prefix length");
	assert_contains(o.addresses, "2001:db8::1/48");
	outcome_clear(&o);
	o = replay(LINK UP "addr add 2001:db8::1/64 dev tap0\n",
		   LINK "addr add 2001:db8::1/48 dev tap0\n");
	assert_contains(o.report, "tap0 changed");
	assert_contains(o.addresses, "2001:db8::1/64");
	assert_lacks(o.addresses, "2001:db8::1/48");
	outcome_clear(&o);
}

/* Of IPv4 both prefixes may be there at once. */
static void test_two_prefixes(void **state _unused_)
{
	struct outcome o = replay(LINK UP "addr add 192.0.2.1/24 dev tap0\n",
				  LINK UP "addr add 192.0.2.1/25 dev tap0\n");

	assert_contains(o.report, "tap0 changed");
	assert_contains(o.addresses, "192.0.2.1/24");
	assert_contains(o.addresses, "192.0.2.1/25");
	outcome_clear(&o);
}

static void test_use(void **state _unused_)
{
	struct outcome o = replay(LINK UP "addr add 192.0.2.1/24 dev tap0 metric 7\n",
				  LINK UP "addr add 192.0.2.1/24 dev tap0\n");

	assert_contains(o.report, "tap0 conflict: 192.0.2.1/24 has another metric");
	outcome_clear(&o);
	o = replay(LINK UP "addr add 192.0.2.1/24 dev tap0 brd +\n",
		   LINK "addr add 192.0.2.1/24 dev tap0\n");
	assert_contains(o.addresses, "brd 192.0.2.255");
	outcome_clear(&o);
	o = replay(LINK UP "addr add 10.0.0.1 peer 10.0.0.2/32 dev tap0\n",
		   LINK UP "addr add 10.0.0.1 peer 10.0.0.3/32 dev tap0\n");
	assert_contains(o.report, "tap0 changed");
	outcome_clear(&o);
}

/* It was there for what is old, and must not be taken for what is new. */
static void test_deprecated(void **state _unused_)
{
	struct outcome o = replay(LINK UP "addr add 2001:db8::1/64 dev tap0 preferred_lft 0\n"
					  "addr add 192.0.2.1/24 dev tap0 preferred_lft 0\n",
				  "");

	assert_contains(o.report, "tap0 made");
	assert_contains(o.addresses, "2001:db8::1/64 scope global nodad deprecated");
	assert_contains(o.addresses, "192.0.2.1/24 scope global deprecated");
	outcome_clear(&o);
}

#define ROUTE LINK UP "addr add 192.0.2.1/24 dev tap0\nroute add 198.51.100.0/24 dev tap0"

static void test_route(void **state _unused_)
{
	struct outcome o = replay(ROUTE " mtu 1300\n", ROUTE "\n");

	assert_contains(o.report, "route 198.51.100.0/24 conflict: there is one to the same place");
	outcome_clear(&o);
	o = replay(ROUTE " mtu 1300\n", ROUTE " mtu 1300\n");
	assert_contains(o.report, "route 198.51.100.0/24 same");
	outcome_clear(&o);
	/* Who has made it is of no account. */
	o = replay(ROUTE "\n", ROUTE " proto static\n");
	assert_contains(o.report, "route 198.51.100.0/24 same");
	outcome_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix), cmocka_unit_test(test_two_prefixes),
		cmocka_unit_test(test_use),    cmocka_unit_test(test_deprecated),
		cmocka_unit_test(test_route),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}

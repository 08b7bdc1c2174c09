/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-prove: what the next luod would refuse is found before the jump, and named; nothing is left out
 * of what is written because it cannot be written.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assert-text.h"
#include "luod/limits.h"
#include "luod/net-diff.h"
#include "luod/net-json.h"
#include "luod/net-prove.h"

static struct net_record r;
static struct net_link *tap, *bridge;

static struct net_link *add_link(struct net_namespace *ns, const char *name, enum net_kind kind)
{
	struct net_link *l = calloc(1, sizeof(*l));

	snprintf(l->name, sizeof(l->name), "%s", name);
	l->kind = kind;
	l->lower_nsid = l->addrgen = -1;
	assert_int_equal(net_add_link(ns, l), 0);
	return l;
}

static int set_up(void **state _unused_)
{
	struct net_namespace *ns;

	r = (struct net_record){};
	assert_int_equal(net_add_namespace(&r, "", &ns), 0);
	tap = add_link(ns, "tap0", NET_KIND_TUN);
	bridge = add_link(ns, "br0", NET_KIND_BRIDGE);
	memcpy(tap->master, "br0", 4);
	tap->port_kind = NET_KIND_BRIDGE;
	return 0;
}

static int tear_down(void **state _unused_)
{
	net_record_clear(&r);
	return 0;
}

static void assert_refused(int error, const char *words)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(net_prove(&r, &text), error);
	assert_contains(text, words);
}

static void test_good(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(net_prove(&r, &text), 0);
	assert_null(text);
}

static void test_altname(void **state _unused_)
{
	assert_int_equal(net_add_altname(tap, "a/b"), 0);
	assert_refused(-EINVAL, "an alternative name of 'tap0'");
}

static void test_twice(void **state _unused_)
{
	assert_int_equal(net_add_altname(tap, "br0"), 0);
	assert_refused(-EINVAL, "'br0' is there twice");
}

static void test_no_text(void **state _unused_)
{
	struct net_address a = { .local = { AF_INET, 24, { 192, 0, 2, 1 } }, .label = "t\xff" };

	assert_int_equal(net_add_address(bridge, &a), 0);
	assert_refused(-EILSEQ, "something of link 'br0' is no text");
	assert_null(net_link_to_json(bridge));
	assert_null(net_record_to_json(&r));
}

/* A list with one name less would be as good as any. */
static void test_short_list(void **state _unused_)
{
	assert_int_equal(net_add_altname(tap, "fine"), 0);
	assert_int_equal(net_add_altname(tap, "t\xff"), 0);
	assert_refused(-EILSEQ, "something of link 'tap0' is no text");
	assert_null(net_link_to_json(tap));
}

/* One address less would be a record as good as any: it must be none. */
static void test_no_family(void **state _unused_)
{
	struct net_address a = { .local = { AF_APPLETALK, 24, { 192, 0, 2, 1 } } };

	assert_int_equal(net_add_address(tap, &a), 0);
	assert_refused(-EILSEQ, "something of link 'tap0' is no text");
}

static void test_cycle(void **state _unused_)
{
	memcpy(bridge->master, "tap0", 5);
	bridge->port_kind = NET_KIND_OTHER;
	assert_refused(-ELOOP, "hangs on itself");
}

static void test_number(void **state _unused_)
{
	struct net_vf vf = { .index = 1, .have = NET_VF_VLAN, .qos = 8 };

	assert_int_equal(net_add_vf(tap, &vf), 0);
	assert_refused(-EINVAL, "qos");
}

static void test_route(void **state _unused_)
{
	struct net_route route = { .destination = { AF_INET, 24, { 198, 51, 100 } } };
	struct net_hop hop = { .link = "tap0", .gateway = { AF_INET, 32, { 192, 0, 2, 9 } } };

	assert_int_equal(net_add_hop(&route, &hop), 0);
	assert_int_equal(net_add_route(&r.namespaces[0], &route), 0);
	test_good(NULL);
	r.namespaces[0].routes[0].destination.prefix = 33;
	assert_refused(-EINVAL, "\"destination\" is no address");
}

/* Two VLANs beside each other that are both the port's own are two ranges: a range has none. */
static void test_vlans(void **state _unused_)
{
	for (unsigned int id = 5; id < 8; id++)
		assert_int_equal(net_set_vlan(tap, id, NET_VLAN_MEMBER | NET_VLAN_PVID), 0);
	test_good(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_altname, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_short_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_family, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cycle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_route, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vlans, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

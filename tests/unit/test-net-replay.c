/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-replay: what is there already, and is somebody else's. Links of another hand are made by ip(8)
 * in a namespace, and a record is replayed over them. (That a record comes back whole: see
 * test-net-property.c.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/net-json.h"
#include "luod/net-machine.h"
#include "luod/net-replay.h"
#include "net-fresh.h"

/* A bridge with a TAP link, recorded; then a namespace in which @lines are all there is. */
static struct net_record recorded(const char *lines)
{
	struct net_record r;

	fresh("link add br0 address 02:00:00:00:00:01 type bridge ageing_time 20000\n"
	      "tuntap add tap0 mode tap\n"
	      "link set tap0 address 02:00:00:00:00:02 master br0 mtu 1400\n"
	      "link set br0 up\nlink set tap0 up\naddr add 192.0.2.1/24 dev br0\n");
	r = net_world_read();
	fresh(lines);
	return r;
}

static const struct net_result *result_of(const struct net_report *report, const char *object)
{
	for (size_t i = 0; i < report->n; i++)
		if (streq(report->results[i].object, object))
			return &report->results[i];
	fail_msg("nothing is said of '%s'", object);
	return NULL;
}

static struct net_report replay(const struct net_record *r)
{
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	if (net_replay(r, &host, NULL, &report, &error) < 0)
		fail_msg("%s", error);
	return report;
}

/* A network manager's bridge is up and ages otherwise: it keeps that, and gets its port and address. */
static void test_conflict(void **state _unused_)
{
	struct net_record wanted = recorded("link add br0 address 02:00:00:00:00:01 type bridge "
					    "ageing_time 30000\nlink set br0 up\n"),
			  after;
	struct net_report report = replay(&wanted);
	const struct net_result *bridge = result_of(&report, "br0");
	const struct net_link *link;

	assert_int_equal(bridge->outcome, NET_CONFLICT);
	assert_non_null(strstr(bridge->text, "ageing-time is 30000, not 20000"));
	assert_int_equal(result_of(&report, "tap0")->outcome, NET_MADE);
	after = net_world_read();
	link = net_find_link(&after.namespaces[0], "br0");
	assert_int_equal(net_setting_named(NET_SET_BRIDGE, &link->own, "ageing-time", 0), 30000);
	assert_int_equal(link->n_addresses, 1);
	assert_string_equal(net_find_link(&after.namespaces[0], "tap0")->master, "br0");
	net_report_clear(&report);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* A bridge has the smallest MTU of its ports, once they are there: until then it is no conflict. */
static void test_follows_port(void **state _unused_)
{
	struct net_record wanted = recorded("link add br0 address 02:00:00:00:00:01 type bridge "
					    "ageing_time 20000\nlink set br0 up\n");
	struct net_report report = replay(&wanted);

	assert_int_equal(result_of(&report, "br0")->outcome, NET_CHANGED);
	net_report_clear(&report);
	/* What somebody has said stays, ports or not, and it is told. */
	fresh("link add br0 address 02:00:00:00:00:01 type bridge ageing_time 20000\n"
	      "link set br0 mtu 1300 up\n");
	report = replay(&wanted);
	assert_int_equal(result_of(&report, "br0")->outcome, NET_CONFLICT);
	assert_string_equal(result_of(&report, "br0")->text, "mtu is 1300, not 1400");
	net_report_clear(&report);
	net_record_clear(&wanted);
}

/* One that is down is nobody's yet. */
static void test_down(void **state _unused_)
{
	struct net_record wanted = recorded("link add br0 type bridge ageing_time 30000\n"), after;
	struct net_report report = replay(&wanted);
	const struct net_link *link;

	assert_int_equal(result_of(&report, "br0")->outcome, NET_CHANGED);
	after = net_world_read();
	link = net_find_link(&after.namespaces[0], "br0");
	assert_int_equal(net_setting_named(NET_SET_BRIDGE, &link->own, "ageing-time", 0), 20000);
	assert_true(link->flags & IFF_UP);
	net_report_clear(&report);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* What has the name and is something else stays, and its ports-to-be are not made. */
static void test_other_kind(void **state _unused_)
{
	struct net_record wanted = recorded("link add br0 type veth peer name br1\n"), after;
	struct net_report report = replay(&wanted);

	assert_int_equal(result_of(&report, "br0")->outcome, NET_FAILED);
	assert_non_null(strstr(result_of(&report, "br0")->text, "a veth"));
	assert_int_equal(result_of(&report, "tap0")->outcome, NET_FAILED);
	after = net_world_read();
	assert_null(net_find_link(&after.namespaces[0], "tap0"));
	assert_int_equal(net_find_link(&after.namespaces[0], "br0")->kind, NET_KIND_VETH);
	net_report_clear(&report);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* A port that somebody has put below another bridge stays there. */
static void test_other_master(void **state _unused_)
{
	struct net_record wanted = recorded("link add br9 type bridge\ntuntap add tap0 mode tap\n"
					    "link set tap0 master br9\nlink set tap0 up\n"),
			  after;
	struct net_report report = replay(&wanted);

	assert_int_equal(result_of(&report, "tap0")->outcome, NET_CONFLICT);
	assert_non_null(strstr(result_of(&report, "tap0")->text, "below another master"));
	after = net_world_read();
	assert_string_equal(net_find_link(&after.namespaces[0], "tap0")->master, "br9");
	net_report_clear(&report);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* Hardware that is not there cannot be made, and a record that hangs on itself touches nothing. */
static void test_nothing_to_make(void **state _unused_)
{
	struct net_record wanted = recorded("link add unrelated type bridge\n"), after;
	struct net_namespace *ns = &wanted.namespaces[0];
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	net_find_link(ns, "br0")->kind = NET_KIND_DEVICE;
	report = replay(&wanted);
	assert_int_equal(result_of(&report, "br0")->outcome, NET_FAILED);
	assert_string_equal(result_of(&report, "br0")->text, "it is not there");
	net_report_clear(&report);

	net_find_link(ns, "br0")->kind = NET_KIND_BOND;
	snprintf(net_find_link(ns, "br0")->master, IFNAMSIZ, "tap0");
	assert_int_equal(net_replay(&wanted, &host, NULL, &report, &error), -ELOOP);
	assert_non_null(strstr(error, "hangs on itself"));
	after = net_world_read();
	assert_null(net_find_link(&after.namespaces[0], "br0"));
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* --- the way back ----------------------------------------------------------------------------- */

/* At one change somebody does something to the network, and another change is not permitted. */
struct meddler {
	unsigned int calls, when, refused;
	const char *lines, *bridge_lines;
};

static int meddle(void *userdata)
{
	struct meddler *m = userdata;

	if (++m->calls == m->when) {
		assert_true(net_world_ip("", m->lines));
		assert_true(net_world_bridge("", strempty(m->bridge_lines)));
	}
	return m->calls == m->refused ? -ETIMEDOUT : 0;
}

static struct net_report replay_meddled(const struct net_record *r, struct meddler *meddler)
{
	const struct net_gate gate = { .may_change = meddle, .userdata = meddler };
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	if (net_replay(r, &host, &gate, &report, &error) < 0)
		fail_msg("%s", error);
	return report;
}

/* The bridge gets its settings, and is not there any more when those are to be taken back. */
static void test_stuck(void **state _unused_)
{
	struct net_record wanted = recorded("link add br0 type bridge ageing_time 30000\n");
	struct meddler meddler = { .when = 2, .refused = 2, .lines = "link del br0\n" };
	struct net_report report = replay_meddled(&wanted, &meddler);
	const struct net_result *bridge = result_of(&report, "br0");

	assert_int_equal(bridge->outcome, NET_FAILED);
	assert_string_equal(bridge->text, "an address: Connection timed out; and this could not be "
					  "undone: its settings: No such device, what there is now "
					  "is not known: No such device");
	net_report_clear(&report);
	net_record_clear(&wanted);
}

/* What others have moved is set again as a whole, or left as a whole. */
static void test_late_undone(void **state _unused_)
{
	struct net_record wanted = recorded(""), after;
	struct meddler meddler = { .lines = "link set tap0 mtu 1300\n",
				   .bridge_lines = "link set dev tap0 cost 77\n" };
	struct net_report report = replay_meddled(&wanted, &meddler);
	const struct net_link *tap;

	assert_int_equal(result_of(&report, "tap0")->outcome, NET_MADE);
	net_report_clear(&report);
	/* With the last change of them all. */
	fresh("");
	meddler.when = meddler.calls;
	meddler.refused = meddler.calls + 2;
	meddler.calls = 0;
	report = replay_meddled(&wanted, &meddler);
	assert_int_equal(meddler.calls, meddler.refused);
	assert_int_equal(result_of(&report, "tap0")->outcome, NET_FAILED);
	assert_string_equal(
		result_of(&report, "tap0")->text,
		"it is there, but not as it was: its settings as a port: Connection timed "
		"out");
	after = net_world_read();
	tap = net_find_link(&after.namespaces[0], "tap0");
	assert_int_equal(net_setting_named(NET_SET_LINK, &tap->base, "mtu", 0), 1300);
	net_report_clear(&report);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* --- only some of it -------------------------------------------------------------------------- */

static struct net_report replay_only(const struct net_record *r, char **only)
{
	const struct net_gate gate = { .only = only };
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	if (net_replay(r, &host, &gate, &report, &error) < 0)
		fail_msg("%s", error);
	return report;
}

/* What is not asked for stays away, namespaces too, and nothing is said of it. */
static void test_only(void **state _unused_)
{
	char *tap[] = { (char *)"tap0", NULL }, *two[] = { (char *)"tap0", (char *)"br0", NULL };
	struct net_record wanted = recorded(""), after;
	struct net_namespace *ns;
	struct net_report report;

	assert_int_equal(net_add_namespace(&wanted, "blue", &ns), 0);
	report = replay_only(&wanted, tap);
	assert_int_equal(report.n, 2);
	assert_string_equal(report.results[0].object, "namespace");
	assert_int_equal(result_of(&report, "tap0")->outcome, NET_FAILED);
	assert_true(result_of(&report, "tap0")->absent);
	net_report_clear(&report);
	report = replay_only(&wanted, two);
	assert_int_equal(result_of(&report, "tap0")->outcome, NET_MADE);
	assert_int_equal(result_of(&report, "br0")->outcome, NET_MADE);
	net_report_clear(&report);
	after = net_world_read();
	assert_int_equal(after.n, 1);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* Of a namespace that is gone, its file may be left: a new one takes its place. */
static void test_left_file(void **state _unused_)
{
	struct net_record wanted, after;
	struct net_report report;
	FILE *f;

	fresh("");
	net_world_add("blue");
	assert_true(net_world_ip("blue", "tuntap add tap7 mode tap\n"));
	wanted = net_world_read();
	fresh("");
	f = fopen(HOST_NAMESPACES_FOLDER "/blue", "we");
	assert_non_null(f);
	fclose(f);
	report = replay(&wanted);
	assert_int_equal(result_of(&report, "tap7")->outcome, NET_MADE);
	net_report_clear(&report);
	after = net_world_read();
	assert_non_null(net_find_link(net_find_namespace(&after, "blue"), "tap7"));
	net_record_clear(&wanted);
	net_record_clear(&after);
}

/* --- odds and ends ---------------------------------------------------------------------------- */

/* Proxied neighbours, of a link that has a carrier. */
static void test_proxy(void **state _unused_)
{
	struct net_record wanted, after;
	struct net_report report;

	fresh("link set lo up\nneigh add proxy 192.0.2.8 dev lo\n");
	wanted = net_world_read();
	assert_int_equal(net_find_link(&wanted.namespaces[0], "lo")->n_neighbours, 1);
	fresh("");
	report = replay(&wanted);
	assert_int_equal(net_report_count(&report, NET_FAILED), 0);
	after = net_world_read();
	assert_int_equal(net_find_link(&after.namespaces[0], "lo")->n_neighbours, 1);
	net_report_clear(&report);
	net_record_clear(&wanted);
	net_record_clear(&after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conflict),     cmocka_unit_test(test_follows_port),
		cmocka_unit_test(test_down),	     cmocka_unit_test(test_other_kind),
		cmocka_unit_test(test_other_master), cmocka_unit_test(test_nothing_to_make),
		cmocka_unit_test(test_stuck),	     cmocka_unit_test(test_late_undone),
		cmocka_unit_test(test_only),	     cmocka_unit_test(test_left_file),
		cmocka_unit_test(test_proxy),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}

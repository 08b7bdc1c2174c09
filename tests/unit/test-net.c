/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net: the model, its words, the order in which links are made, what is refused in a record, and what
 * is found different.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/limits.h"
#include "luod/net-apply.h"
#include "luod/net-diff.h"
#include "luod/net-json.h"
#include "luod/net-plan.h"
#include "luod/net-text.h"
#include "net-seed.h"

/* --- words ------------------------------------------------------------------------------------ */

static void test_ip_text(void **state _unused_)
{
	static const char *const good[] = { "192.0.2.1/24", "0.0.0.0/0", "2001:db8::1/128",
					    "::/0" };
	static const char *const bad[] = { "",	       "192.0.2.1",	"192.0.2.1/33",
					   "::/129",   "192.0.2.1/24/", "1.2.3/8",
					   "/24",      "::1/",		"::1/-1",
					   "::1/0x10", "x/1",		"1.2.3.4/ 8" };
	char text[NET_IP_TEXT_MAX];
	struct net_ip ip;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(net_ip_from_text(good[i], &ip), 0);
		assert_string_equal(net_ip_to_text(&ip, text), good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(net_ip_from_text(bad[i], &ip), -EINVAL);
}

static void test_mac_text(void **state _unused_)
{
	static const char *const bad[] = { "0",	   "02:0",     "02:00:", ":02",
					   "0200", "02:00:0g", "02 00",	 "AA:BB" };
	char text[NET_MAC_TEXT_MAX];
	struct net_mac mac;

	assert_int_equal(net_mac_from_text("02:00:00:ff:00:1a", &mac), 0);
	assert_int_equal(mac.length, 6);
	assert_string_equal(net_mac_to_text(&mac, text), "02:00:00:ff:00:1a");
	assert_int_equal(net_mac_from_text("", &mac), 0);
	assert_int_equal(mac.length, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(net_mac_from_text(bad[i], &mac), -EINVAL);
	memset(mac.bytes, 0xab, sizeof(mac.bytes));
	mac.length = NET_ADDRESS_MAX;
	assert_int_equal(strlen(net_mac_to_text(&mac, text)), NET_MAC_TEXT_MAX - 1);
	assert_int_equal(net_mac_from_text(text, &mac), 0);
}

static void test_names(void **state _unused_)
{
	static const char *const bad[] = { "",	  ".",	   "..",  "a/b", "a b",
					   "a:b", "tap%d", "a\n", "\x7f" };

	assert_true(net_name_valid("tap0", 15));
	assert_true(net_name_valid("exactly-15-long", 15));
	assert_false(net_name_valid("exactly-16-long!", 15));
	assert_true(net_name_valid("\xc3\xa4\xc3\xb6", 15));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(net_name_valid(bad[i], 15));
}

/* --- settings --------------------------------------------------------------------------------- */

static void test_settings(void **state _unused_)
{
	struct net_settings wanted = { .have = 7, .value = { 1, 2, 3 } };
	struct net_settings now = { .have = 3, .value = { 1, 9, 3 } }, missing;
	uint64_t value = 0;

	missing = net_settings_missing(NET_SET_BRIDGE, &wanted, &now);
	assert_int_equal(missing.have, 6);
	assert_false(net_setting(&missing, 0, &value));
	assert_true(net_setting(&missing, 2, &value));
	assert_int_equal(value, 3);
	assert_int_equal(net_setting_named(NET_SET_LINK, &wanted, "mtu", 0), 3);
	assert_int_equal(net_setting_named(NET_SET_LINK, &wanted, "no-such-row", 42), 42);
	missing = net_settings_only(NET_SET_LINK, &wanted, NET_CREATED);
	assert_int_equal(missing.have, 3);
}

static struct net_settings one(enum net_set set, const char *name, uint64_t value)
{
	struct net_settings s = {};

	for (size_t i = 0; net_attr(set, i); i++)
		if (streq(net_attr(set, i)->name, name)) {
			s.have = UINT64_C(1) << i;
			s.value[i] = value;
		}
	assert_true(s.have);
	return s;
}

/* 31.25 s are 7812 ticks at 250 Hz, which come back as 31.24 s. Nothing else may differ at all. */
static void test_ticks(void **state _unused_)
{
	static const char time[] = "multicast-startup-query-interval";
	struct net_settings wanted = one(NET_SET_BRIDGE, time, 3125), now = wanted;

	for (uint64_t value = 3123; value <= 3127; value++) {
		bool same = value >= 3124 && value <= 3126;

		now = one(NET_SET_BRIDGE, time, value);
		assert_int_equal(net_settings_missing(NET_SET_BRIDGE, &wanted, &now).have,
				 same ? 0 : wanted.have);
		now = net_settings_rounded(NET_SET_BRIDGE, &wanted, &now);
		assert_int_equal(net_setting_named(NET_SET_BRIDGE, &now, time, 0),
				 same ? 3125 : value);
	}
	wanted = one(NET_SET_BRIDGE, "priority", 3125);
	now = one(NET_SET_BRIDGE, "priority", 3124);
	assert_int_equal(net_settings_missing(NET_SET_BRIDGE, &wanted, &now).have, wanted.have);
}

/* A name twice in one table would be one setting in a record. */
static void test_tables(void **state _unused_)
{
	const struct net_attr *a, *b;

	for (enum net_set set = 1; set < NET_SET_MAX; set++) {
		for (size_t i = 0; (a = net_attr(set, i)); i++) {
			assert_true(i < NET_SETTINGS_MAX);
			for (size_t j = 0; j < i && (b = net_attr(set, j)); j++) {
				assert_string_not_equal(a->name, b->name);
				assert_int_not_equal(a->number, b->number);
			}
		}
	}
}

/* --- records ---------------------------------------------------------------------------------- */

static int read_text(const char *text, struct net_record *ret, char **ret_error)
{
	json_t *json = json_loads(text, 0, NULL);
	int r;

	assert_non_null(json);
	r = net_record_from_json(json, ret, ret_error);
	json_decref(json);
	return r;
}

#define LINK(name, kind, more) \
	"{\"name\":\"" name "\",\"kind\":\"" kind "\",\"flags\":[],\"settings\":{}" more "}"
#define RECORD(links) "[{\"name\":\"\",\"links\":[" links "],\"routes\":[]}]"

static void assert_refused(const char *text, const char *words)
{
	_cleanup_free_ char *error = NULL;
	struct net_record r = {};

	assert_int_equal(read_text(text, &r, &error), -EINVAL);
	assert_non_null(error);
	if (!strstr(error, words))
		fail_msg("'%s' does not say '%s'", error, words);
	assert_int_equal(r.n, 0);
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *text, *words;
	} wrong[] = {
		{ "{}", "no list of namespaces" },
		{ "[3]", "no valid name" },
		{ "[{\"name\":\"a/b\",\"links\":[],\"routes\":[]}]", "no valid name" },
		{ "[{\"name\":\"a\",\"links\":[],\"routes\":[]},{\"name\":\"a\",\"links\":[],"
		  "\"routes\":[]}]",
		  "twice" },
		{ "[{\"name\":\"\"}]", "\"links\"" },
		{ RECORD("3"), "no object" },
		{ RECORD(LINK("sixteen-letters-", "bridge", "")), "no name" },
		{ RECORD(LINK("eth%d", "bridge", "")), "no name" },
		{ RECORD(LINK("a", "spoon", "")), "\"kind\"" },
		{ RECORD(LINK("a", "bridge", "") "," LINK("a", "tun", "")), "twice" },
		{ RECORD(LINK("a", "bridge", ",\"mac\":\"zz\"")), "\"mac\"" },
		{ RECORD(LINK("a", "bridge", ",\"own\":{\"priority\":65536}")), "out of range" },
		{ RECORD(LINK("a", "bridge", ",\"own\":{\"priority\":-1}")), "out of range" },
		{ RECORD(LINK("a", "bridge", ",\"own\":{\"group-address\":\"01:02\"}")),
		  "six bytes" },
		{ RECORD(LINK("a", "bridge", ",\"own\":3")), "\"own\"" },
		{ RECORD(LINK("a", "tun", ",\"master\":\"b\"")), "\"port-of\"" },
		{ RECORD(LINK("a", "tun", ",\"alternative-names\":[\"b c\"]")), "alternative" },
		{ RECORD(LINK("a", "tun", ",\"vlans\":[{\"first\":0,\"last\":1}]")), "VLANs" },
		{ RECORD(LINK("a", "tun", ",\"vlans\":[{\"first\":1,\"last\":4095}]")), "range" },
		{ RECORD(LINK("a", "tun",
			      ",\"vlans\":[{\"first\":1,\"last\":2,\"flags\":"
			      "[\"pvid\"]}]")),
		  "VLANs" },
		{ RECORD(LINK("a", "tun", ",\"addresses\":[{}]")), "address" },
		{ RECORD(LINK("a", "tun",
			      ",\"addresses\":[{\"local\":\"1.2.3.4/24\",\"peer\":"
			      "\"::1/64\"}]")),
		  "address" },
		{ RECORD(LINK("a", "tun", ",\"neighbours\":[{}]")), "neighbour" },
		{ RECORD(LINK("a", "device",
			      ",\"virtual-functions\":[{\"index\":65535,\"mac\":"
			      "\"02:00:00:00:00:01\"}]")),
		  "\"index\"" },
		{ RECORD(LINK("a", "device", ",\"virtual-functions\":[{\"index\":1}]")),
		  "no address" },
		{ RECORD(LINK("a", "device",
			      ",\"virtual-functions\":[{\"mac\":"
			      "\"02:00:00:00:00:01\",\"trust\":1}]")),
		  "\"trust\"" },
		{ RECORD(LINK("a", "device",
			      ",\"virtual-functions\":[{\"mac\":"
			      "\"02:00:00:00:00:01\",\"link-state\":3}]")),
		  "\"link-state\"" },
		{ "[{\"name\":\"\",\"links\":[],\"routes\":[{\"destination\":\"::/0\"}]}]",
		  "leads nowhere" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_refused(wrong[i].text, wrong[i].words);
}

static void test_sriov(void **state _unused_)
{
	struct net_record r = read_seed("sriov.json");
	const struct net_link *pf = net_find_link(&r.namespaces[0], "enp1s0");
	const struct net_link *bond = net_find_link(&r.namespaces[0], "bond0");

	assert_int_equal(pf->n_vfs_on, 2);
	assert_int_equal(pf->n_vfs, 2);
	assert_int_equal(pf->vfs[0].vlan, 100);
	assert_int_equal(pf->vfs[0].qos, 3);
	assert_int_equal(pf->vfs[0].max_rate, 1000);
	assert_int_equal(pf->vfs[0].link_state, 1);
	assert_true(pf->vfs[0].spoof_check);
	assert_false(pf->vfs[0].trust);
	/* Of the second one nothing is said of rate and link state. */
	assert_int_equal(pf->vfs[1].have, NET_VF_VLAN | NET_VF_SPOOF_CHECK | NET_VF_TRUST);
	assert_int_equal(bond->vlans[1], NET_VLAN_MEMBER | NET_VLAN_PVID | NET_VLAN_UNTAGGED);
	assert_int_equal(bond->vlans[4094], NET_VLAN_MEMBER);
	assert_int_equal(bond->vlans[2], 0);
	net_record_clear(&r);
}

static void test_limits(void **state _unused_)
{
	struct net_namespace *ns;
	struct net_record r = {};
	struct net_link *link;

	assert_int_equal(net_add_namespace(&r, "", &ns), 0);
	assert_int_equal(net_add_namespace(&r, "", &ns), -EEXIST);
	link = calloc(1, sizeof(*link));
	assert_int_equal(net_add_link(ns, link), 0);
	for (unsigned int i = 0; i < LIMIT_NET_SEEN; i++)
		assert_int_equal(net_add_vf(link, &(struct net_vf){}), 0);
	assert_int_equal(net_add_vf(link, &(struct net_vf){}), -E2BIG);
	assert_int_equal(link->n_vfs, LIMIT_NET_SEEN);
	assert_int_equal(net_set_vlan(link, 0, 1), -EINVAL);
	assert_int_equal(net_set_vlan(link, 4095, 1), -EINVAL);
	assert_int_equal(net_set_vlan(link, 4094, 1), 0);
	for (unsigned int i = 1; i < LIMIT_NET_SEEN_NAMESPACES; i++) {
		_cleanup_free_ char *name = strprintf("n%u", i);

		assert_int_equal(net_add_namespace(&r, name, &ns), 0);
	}
	assert_int_equal(net_add_namespace(&r, "one-more", &ns), -E2BIG);
	net_record_clear(&r);
}

/* Hardware is found by what it is, whatever its name is by now. */
static void test_same_device(void **state _unused_)
{
	struct net_record r = read_seed("sriov.json");
	struct net_link *pf = net_find_link(&r.namespaces[0], "enp1s0"), wanted = *pf;

	snprintf(pf->name, sizeof(pf->name), "eth0");
	assert_ptr_equal(net_find_same(&r.namespaces[0], &wanted), pf);
	/* Moved to another slot, or the bus is numbered otherwise. */
	snprintf(pf->parent, sizeof(pf->parent), "pci/0000:09:00.0");
	assert_ptr_equal(net_find_same(&r.namespaces[0], &wanted), pf);
	pf->permanent.bytes[5]++;
	assert_null(net_find_same(&r.namespaces[0], &wanted));
	/* Another device that has its name, or its slot, is not the one. */
	snprintf(pf->name, sizeof(pf->name), "enp1s0");
	assert_null(net_find_same(&r.namespaces[0], &wanted));
	memcpy(pf->parent, wanted.parent, sizeof(pf->parent));
	assert_null(net_find_same(&r.namespaces[0], &wanted));
	/* What says nothing of itself is known by its name, or by its place. */
	pf->permanent.length = 0;
	assert_ptr_equal(net_find_same(&r.namespaces[0], &wanted), pf);
	*pf->parent = '\0';
	assert_ptr_equal(net_find_same(&r.namespaces[0], &wanted), pf);
	snprintf(pf->parent, sizeof(pf->parent), "pci/0000:09:00.0");
	assert_null(net_find_same(&r.namespaces[0], &wanted));
	net_record_clear(&r);
}

static struct net_link *add_device(struct net_namespace *ns, const struct net_link *like,
				   const char *name)
{
	struct net_link *l = calloc(1, sizeof(*l));

	snprintf(l->name, sizeof(l->name), "%s", name);
	memcpy(l->parent, like->parent, sizeof(l->parent));
	l->permanent = like->permanent;
	assert_int_equal(net_add_link(ns, l), 0);
	return l;
}

/* Two ports of one device, or a card that shares the address of another, are not taken for each other. */
static void test_several_devices(void **state _unused_)
{
	struct net_link wanted = { .name = "eth0",
				   .parent = "pci/0000:01:00.0",
				   .permanent = { 6, { 2, 0, 0, 0, 0, 1 } } },
			*a, *b;
	struct net_namespace *ns;
	struct net_record r = {};

	assert_int_equal(net_add_namespace(&r, "", &ns), 0);
	a = add_device(ns, &wanted, "eth7");
	b = add_device(ns, &wanted, "eth8");
	snprintf(a->parent, sizeof(a->parent), "vmbus/1");
	assert_ptr_equal(net_find_same(ns, &wanted), b);
	snprintf(b->parent, sizeof(b->parent), "vmbus/2");
	assert_null(net_find_same(ns, &wanted));
	memcpy(wanted.name, "eth8", 5);
	assert_ptr_equal(net_find_same(ns, &wanted), b);
	net_record_clear(&r);
}

/* --- order ------------------------------------------------------------------------------------ */

static size_t place_of(const struct net_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n; i++)
		if (streq(plan->steps[i].link->name, name))
			return i;
	fail_msg("'%s' is not in the plan", name);
	return 0;
}

static void test_order(void **state _unused_)
{
	struct net_record r = read_seed("sriov.json");
	_cleanup_free_ char *error = NULL;
	struct net_plan plan;

	assert_int_equal(net_plan_make(&r, &plan, &error), 0);
	assert_int_equal(plan.n, 5);
	assert_true(place_of(&plan, "br0") < place_of(&plan, "bond0"));
	assert_true(place_of(&plan, "bond0") < place_of(&plan, "enp1s0"));
	assert_true(place_of(&plan, "br0") < place_of(&plan, "br0.10"));
	net_plan_clear(&plan);
	net_record_clear(&r);
}

/* The two ends, of which each is in a namespace of its own, are one after the other. */
static void test_pair(void **state _unused_)
{
	struct net_record r = read_seed("taps.json");
	_cleanup_free_ char *error = NULL;
	struct net_plan plan;
	size_t a, b;

	assert_int_equal(net_plan_make(&r, &plan, &error), 0);
	a = place_of(&plan, "uplink");
	b = place_of(&plan, "far");
	assert_int_equal(plan.steps[a].peer, b);
	assert_int_equal(plan.steps[b].peer, a);
	assert_true(a == b + 1 || b == a + 1);
	assert_true(place_of(&plan, "mv0") > a && place_of(&plan, "mv0") > b);
	assert_int_equal(plan.steps[place_of(&plan, "br0")].peer, -1);
	net_plan_clear(&plan);
	net_record_clear(&r);
}

/* Whatever their names: what a card's functions are is there when the card has them. */
static void test_functions(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct net_record r;
	struct net_plan plan;

	assert_int_equal(
		read_text(
			RECORD(LINK("a", "device", ",\"parent\":\"pci/0000:03:10.0\"") "," LINK(
				"b", "vlan",
				",\"lower\":\"a\"") "," LINK("y", "bond",
							     "") "," LINK("z", "device",
									  ",\"virtual-functions-on\":2,\"master\":\"y\",\"port-of\":\"bond\"")),
			&r, &error),
		0);
	assert_int_equal(net_plan_make(&r, &plan, &error), 0);
	assert_int_equal(plan.n, 4);
	assert_int_equal(place_of(&plan, "y"), 0);
	assert_int_equal(place_of(&plan, "z"), 1);
	assert_true(place_of(&plan, "a") < place_of(&plan, "b"));
	net_plan_clear(&plan);
	net_record_clear(&r);
}

static void assert_cycle(const char *text)
{
	_cleanup_free_ char *error = NULL;
	struct net_record r;
	struct net_plan plan = {};

	assert_int_equal(read_text(text, &r, &error), 0);
	assert_int_equal(net_plan_make(&r, &plan, &error), -ELOOP);
	assert_non_null(strstr(error, "hangs on itself"));
	assert_null(plan.steps);
	net_record_clear(&r);
}

static void test_cycles(void **state _unused_)
{
	/* on itself */
	assert_cycle(RECORD(LINK("a", "vlan", ",\"lower\":\"a\"")));
	assert_cycle(RECORD(LINK("a", "bond", ",\"master\":\"a\",\"port-of\":\"bond\"")));
	/* by way of another */
	assert_cycle(RECORD(LINK("a", "vlan", ",\"lower\":\"b\"") "," LINK("b", "macvtap",
									   ",\"lower\":\"a\"")));
	assert_cycle(RECORD(LINK("a", "bridge", ",\"master\":\"b\",\"port-of\":\"bond\"") "," LINK(
		"b", "bond", ",\"master\":\"a\",\"port-of\":\"bridge\"")));
	/* below and above */
	assert_cycle(RECORD(LINK("a", "vlan", ",\"lower\":\"b\"") "," LINK(
		"b", "bond", ",\"master\":\"a\",\"port-of\":\"bridge\"")));
	/* around two namespaces */
	assert_cycle("[{\"name\":\"\",\"links\":[" LINK(
		"a", "vlan",
		",\"lower\":\"b\",\"lower-namespace\":"
		"\"x\"") "],\"routes\":[]},"
			 "{\"name\":\"x\",\"links\":[" LINK("b", "vlan",
							    ",\"lower\":\"a\",\"lower-namespace\":"
							    "\"\"") "],\"routes\":[]}]");
	/* by way of a pair */
	assert_cycle(RECORD(LINK("a", "veth", ",\"lower\":\"b\",\"master\":\"c\",\"port-of\":\"bond\"") "," LINK(
		"b", "veth",
		",\"lower\":\"a\"") "," LINK("c", "bond",
					     ",\"master\":\"d\",\"port-of\":\"bridge\"") "," LINK("d",
												  "vlan",
												  ",\"lower\":\"b\"")));
}

/* A veth that is the other end of one that is not its other end is nobody's. */
static void test_no_pair(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct net_record r;
	struct net_plan plan;

	assert_int_equal(
		read_text(
			RECORD(LINK("a", "veth", ",\"lower\":\"b\"") "," LINK(
				"b", "veth",
				",\"lower\":\"c\"") "," LINK("c", "veth",
							     ",\"lower\":\"b\"") "," LINK("d",
											  "veth",
											  ",\"lower\":\"d\"")),
			&r, &error),
		0);
	assert_int_equal(net_plan_make(&r, &plan, &error), 0);
	assert_int_equal(plan.n, 4);
	assert_int_equal(plan.steps[place_of(&plan, "a")].peer, -1);
	assert_int_equal(plan.steps[place_of(&plan, "b")].peer, place_of(&plan, "c"));
	assert_int_equal(plan.steps[place_of(&plan, "d")].peer, -1);
	net_plan_clear(&plan);
	net_record_clear(&r);
}

/* --- difference ------------------------------------------------------------------------------- */

static const struct net_difference *find(const struct net_diff *diff, const char *object,
					 const char *what)
{
	for (size_t i = 0; i < diff->n; i++)
		if (streq(diff->items[i].object, object) && streq(diff->items[i].what, what))
			return &diff->items[i];
	return NULL;
}

static void test_diff(void **state _unused_)
{
	struct net_record wanted = read_seed("taps.json"), now = read_seed("taps.json");
	struct net_namespace *ns = &now.namespaces[0];
	struct net_diff diff;

	assert_int_equal(net_diff(&wanted, &now, &diff), 0);
	assert_int_equal(diff.n, 0);
	net_diff_clear(&diff);

	net_find_link(ns, "br0")->base.value[2] = 1499;
	net_find_link(ns, "br0")->n_addresses = 1;
	net_find_link(ns, "mv0")->flags = IFF_UP;
	net_find_link(ns, "uplink")->name[0] = 'U';
	ns->routes[0].metrics[2] = 1200;
	assert_int_equal(net_diff(&wanted, &now, &diff), 0);
	assert_string_equal(find(&diff, "br0", "settings.mtu")->wanted, "1400");
	assert_string_equal(find(&diff, "br0", "settings.mtu")->found, "1499");
	assert_non_null(strstr(find(&diff, "br0", "addresses")->wanted, "2001:db8::1/64"));
	assert_null(find(&diff, "br0", "addresses")->found);
	assert_string_equal(find(&diff, "mv0", "flags")->wanted, "\"multicast\"");
	assert_non_null(find(&diff, "uplink", ""));
	assert_null(find(&diff, "uplink", "")->found);
	/* The route is missing as it was, and is there as it is. */
	assert_non_null(find(&diff, "routes", ""));
	assert_null(find(&diff, "tap-guest-1", "port.hairpin"));
	assert_int_equal(diff.n, 7);
	net_diff_clear(&diff);
	net_record_clear(&wanted);
	net_record_clear(&now);
}

/* A namespace that has gone is missing with all that was in it. */
static void test_diff_namespace(void **state _unused_)
{
	struct net_record wanted = read_seed("taps.json"), now = {};
	struct net_diff diff;

	assert_int_equal(net_diff(&wanted, &now, &diff), 0);
	assert_string_equal(find(&diff, "far", "")->namespace, "guests");
	assert_int_equal(diff.n, 7 + 3);
	net_diff_clear(&diff);
	net_record_clear(&wanted);
}

/* What is said where nothing is touched: there is only a machine's memory. */
static void test_other_device(void **state _unused_)
{
	struct net_record r = read_seed("sriov.json");
	struct net_machine m = { .now = read_seed("sriov.json") };
	struct net_link *pf = net_find_link(&m.now.namespaces[0], "enp1s0");
	struct net_wish wish = { .record = &r, .link = net_find_link(&r.namespaces[0], "enp1s0") };
	struct net_deed deed = {};

	pf->permanent.bytes[5]++;
	assert_int_equal(net_apply(&m, &wish, NULL, &deed), -ENODEV);
	assert_non_null(strstr(deed.error, "its name is that of another device"));
	assert_non_null(strstr(deed.error, wish.link->parent));
	net_deed_clear(&deed);
	net_record_clear(&m.now);
	net_record_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip_text),		cmocka_unit_test(test_mac_text),
		cmocka_unit_test(test_names),		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_ticks),		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_refused),		cmocka_unit_test(test_sriov),
		cmocka_unit_test(test_limits),		cmocka_unit_test(test_same_device),
		cmocka_unit_test(test_several_devices), cmocka_unit_test(test_other_device),
		cmocka_unit_test(test_order),		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_functions),	cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_no_pair),		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

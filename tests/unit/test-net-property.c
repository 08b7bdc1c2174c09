/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net, in real network namespaces: hundreds of random topologies are made by ip(8), recorded, written
 * as JSON and read again, destroyed, and replayed. Then the record says the same as the machine, ip(8)
 * says the same as before, and a second replay has nothing to do. With a change refused in the middle,
 * every link is as recorded or as it was before.
 *
 * NET_SEED and NET_TOPOLOGIES choose which ones and how many; a failure says its seed. What a kernel
 * has no module for is left out and said. Most of the time goes by with waiting for the kernel, so
 * several workers, each in namespaces of its own, share the seeds; the lab runs hundreds of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "luod/net-diff.h"
#include "luod/net-json.h"
#include "luod/net-machine.h"
#include "luod/net-replay.h"
#include "net-world.h"

#define TOPOLOGIES   100
#define HALF_FAILING 50
#define WORKERS	     4

static const char *impossible;
static uint64_t seed;

/* A worker's failure: cmocka is the parent's. */
static void _printf_(2, 3) broken(uint64_t which, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	printf("# NET_SEED=%llu: ", (unsigned long long)which);
	vprintf(format, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	_exit(1);
}

static void must(int r, const char *what)
{
	if (r < 0)
		broken(0, "%s: %s", what, strerror(-r));
}

/* --- chance ----------------------------------------------------------------------------------- */

static unsigned int chance(unsigned int n)
{
	/* xorshift: the same on every machine. */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)((seed >> 11) % n);
}

static bool maybe(unsigned int percent)
{
	return chance(100) < percent;
}

/* --- what can be made here -------------------------------------------------------------------- */

enum {
	BRIDGE,
	VETH,
	TAP,
	MACVTAP,
	DUMMY,
	VLAN,
	BOND,
	FILTERING,
	KINDS
};

static struct {
	const char *name, *lines;
	bool has;
} kinds[KINDS] = {
	[BRIDGE] = { "bridge", "link add x type bridge\n" },
	[VETH] = { "veth", "link add x type veth peer name y\n" },
	[TAP] = { "tap", "tuntap add x mode tap\n" },
	[MACVTAP] = { "macvtap", "link add x type veth peer name y\n"
				 "link add link x name z type macvtap\n" },
	[DUMMY] = { "dummy", "link add x type dummy\n" },
	[VLAN] = { "vlan", "link add x type veth peer name y\n"
			   "link add link x name z type vlan id 5\n" },
	[BOND] = { "bond", "link add x type bond\n" },
	[FILTERING] = { "VLAN filtering", "link add x type bridge vlan_filtering 1\n" },
};

static int enter(void **state _unused_)
{
	impossible = net_world_enter();
	if (impossible)
		return 0;
	for (size_t i = 0; i < KINDS; i++) {
		kinds[i].has = net_world_has(kinds[i].lines);
		if (!kinds[i].has)
			printf("# this kernel makes no %s: left out here, tested in the lab\n",
			       kinds[i].name);
	}
	return 0;
}

static void need_namespaces(void)
{
	if (!impossible)
		return;
	printf("# SKIP not possible here: %s\n", impossible);
	skip();
}

/* --- a topology ------------------------------------------------------------------------------- */

struct made {
	char name[IFNAMSIZ];
	int kind;
	bool taken; /* below a master, or below another link */
	unsigned int ns;
};

struct topology {
	struct made links[40];
	unsigned int n, names;
	unsigned int n_ns;
	char *lines[3], *bridge_lines[3]; /* for each namespace */
};

static const char *const ns_names[] = { "", "blue", "a-name.of-a_namespace" };

static void __attribute__((format(printf, 2, 0)))
append(char **text, const char *format, va_list ap)
{
	_cleanup_free_ char *line = NULL, *before = *text;

	if (vasprintf(&line, format, ap) < 0)
		abort();
	*text = strprintf("%s%s\n", strempty(before), line);
}

static void _printf_(3, 4) say(struct topology *t, unsigned int ns, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	append(&t->lines[ns], format, ap);
	va_end(ap);
}

static void _printf_(3, 4) say_bridge(struct topology *t, unsigned int ns, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	append(&t->bridge_lines[ns], format, ap);
	va_end(ap);
}

/* Also of 15 bytes, and of letters that are no ASCII. */
static struct made *new_link(struct topology *t, int kind, unsigned int ns)
{
	static const char *const tails[] = { "", ".x", "-tap", "_0123456789abc",
					     "\xc3\xa4\xc3\xb6" };
	struct made *m = &t->links[t->n++];
	const char *tail = tails[chance(ARRAY_SIZE(tails))];

	*m = (struct made){ .kind = kind, .ns = ns };
	snprintf(m->name, sizeof(m->name), "l%u%.*s", t->names++, utf8_fit(tail, 10), tail);
	if (strstr(m->name, "0123") && strlen(m->name) < IFNAMSIZ - 1)
		memset(m->name + strlen(m->name), 'z', IFNAMSIZ - 1 - strlen(m->name));
	return m;
}

static struct made *pick(struct topology *t, unsigned int ns, bool (*fits)(const struct made *m))
{
	unsigned int start = t->n ? chance(t->n) : 0;

	for (unsigned int i = 0; i < t->n; i++) {
		struct made *m = &t->links[(start + i) % t->n];

		if (m->ns == ns && fits(m))
			return m;
	}
	return NULL;
}

static bool is_bridge(const struct made *m)
{
	return m->kind == BRIDGE;
}

static bool is_master(const struct made *m)
{
	return m->kind == BRIDGE || m->kind == BOND;
}

static bool may_carry(const struct made *m)
{
	return !m->taken && (m->kind == VETH || m->kind == DUMMY);
}

static bool may_carry_vlan(const struct made *m)
{
	return may_carry(m) || m->kind == BRIDGE || m->kind == BOND;
}

static void add_bridge(struct topology *t, unsigned int ns)
{
	struct made *m = new_link(t, BRIDGE, ns);

	say(t, ns,
	    "link add %s type bridge ageing_time %u stp_state %u priority %u mcast_snooping %u "
	    "group_fwd_mask %u mcast_query_interval %u nf_call_iptables %u%s",
	    m->name, 1000 + chance(60000), maybe(20), chance(16) * 4096, maybe(50),
	    maybe(30) ? 8 : 0, 1000 + chance(20000), maybe(20),
	    !kinds[FILTERING].has ? ""
	    : maybe(50)		  ? " vlan_filtering 1 vlan_default_pvid 77"
				  : " vlan_filtering 1");
	if (maybe(30))
		say_bridge(t, ns, "fdb add 02:00:00:00:12:%02x dev %s self local", chance(256),
			   m->name);
}

static void add_veth(struct topology *t, unsigned int ns)
{
	unsigned int other = maybe(30) ? chance(t->n_ns) : ns;
	struct made *a = new_link(t, VETH, ns), *b = new_link(t, VETH, other);

	say(t, ns, "link add %s mtu %u type veth peer name %s%s%s", a->name, 1280 + chance(8000),
	    b->name, other && other != ns ? " netns " : "",
	    other && other != ns ? ns_names[other] : "");
	if (!other && ns)
		/* Back into the namespace without a name. */
		say(t, ns, "link set %s netns %d", b->name, (int)getpid());
}

static void add_tap(struct topology *t, unsigned int ns)
{
	struct made *m = new_link(t, TAP, ns);

	say(t, ns, "tuntap add dev %s mode %s%s%s%s%s", m->name, maybe(85) ? "tap" : "tun",
	    maybe(30) ? " multi_queue" : "", maybe(50) ? " vnet_hdr" : "", maybe(20) ? " pi" : "",
	    maybe(30) ? " user 0" : "");
}

static void add_dummy(struct topology *t, unsigned int ns)
{
	say(t, ns, "link add %s type dummy", new_link(t, DUMMY, ns)->name);
}

static void add_bond(struct topology *t, unsigned int ns)
{
	static const char *const modes[] = { "active-backup", "802.3ad", "balance-rr",
					     "balance-xor" };

	say(t, ns, "link add %s type bond mode %s miimon %u", new_link(t, BOND, ns)->name,
	    modes[chance(4)], 50 + chance(100));
}

static void add_macvtap(struct topology *t, unsigned int ns)
{
	static const char *const modes[] = { "bridge", "private", "vepa" };
	struct made *lower = pick(t, ns, may_carry), *m;

	if (!lower)
		return;
	lower->taken = true;
	m = new_link(t, MACVTAP, ns);
	say(t, ns, "link add link %s name %s type macvtap mode %s", lower->name, m->name,
	    modes[chance(3)]);
	if (t->n_ns > 1 && !ns && maybe(40)) {
		m->ns = 1 + chance(t->n_ns - 1);
		say(t, ns, "link set %s netns %s", m->name, ns_names[m->ns]);
	}
}

static void add_vlan(struct topology *t, unsigned int ns)
{
	struct made *lower = pick(t, ns, may_carry_vlan);

	if (lower)
		say(t, ns, "link add link %s name %s type vlan%s id %u", lower->name,
		    new_link(t, VLAN, ns)->name, maybe(20) ? " protocol 802.1ad" : "",
		    1 + chance(4094));
}

static void (*const adders[KINDS])(struct topology *t, unsigned int ns) = {
	[BRIDGE] = add_bridge, [VETH] = add_veth, [TAP] = add_tap,   [MACVTAP] = add_macvtap,
	[DUMMY] = add_dummy,   [VLAN] = add_vlan, [BOND] = add_bond,
};

/* --- what links have -------------------------------------------------------------------------- */

static void put_below(struct topology *t, struct made *m)
{
	static const char *const flags[] = { "hairpin",	       "guard",	      "root_block",
					     "fastleave",      "learning",    "flood",
					     "mcast_flood",    "bcast_flood", "isolated",
					     "neigh_suppress", "proxy_arp" };
	struct made *master = pick(t, m->ns, is_master);

	if (!master || m->taken || m->kind == BRIDGE || m->kind == MACVTAP || master == m)
		return;
	m->taken = true;
	say(t, m->ns, "link set %s master %s", m->name, master->name);
	for (size_t i = 0; master->kind == BRIDGE && i < ARRAY_SIZE(flags); i++)
		if (maybe(25))
			say(t, m->ns, "link set %s type bridge_slave %s %s", m->name, flags[i],
			    maybe(50) ? "on" : "off");
	if (master->kind != BRIDGE)
		return;
	if (maybe(30))
		say(t, m->ns, "link set %s type bridge_slave cost %u priority %u", m->name,
		    1 + chance(1000), chance(64));
	if (maybe(40))
		say_bridge(t, m->ns, "fdb add 02:00:00:00:11:%02x dev %s master static",
			   chance(256), m->name);
	for (unsigned int i = chance(4); kinds[FILTERING].has && i > 0; i--)
		say_bridge(t, m->ns, "vlan add dev %s vid %u%s%s", m->name, 1 + chance(4000),
			   maybe(20) ? " pvid" : "", maybe(30) ? " untagged" : "");
}

static void give_settings(struct topology *t, const struct made *m)
{
	if (maybe(60))
		say(t, m->ns, "link set %s address 02:00:00:00:%02x:%02x", m->name, chance(256),
		    t->names);
	if (maybe(30))
		say(t, m->ns, "link set %s mtu %u", m->name, 1280 + chance(3000));
	if (maybe(30))
		say(t, m->ns, "link set %s txqueuelen %u", m->name, 1 + chance(5000));
	if (maybe(15))
		say(t, m->ns, "link set %s group %u", m->name, chance(100));
	if (maybe(20))
		say(t, m->ns, "link set %s addrgenmode %s", m->name, maybe(50) ? "none" : "eui64");
	if (maybe(15))
		say(t, m->ns, "link set %s promisc on", m->name);
	for (unsigned int i = chance(3); i > 0; i--)
		say(t, m->ns, "link property add dev %s altname %s-other-name-%u%s", m->name,
		    m->name, i,
		    maybe(30) ? "-and-a-tail-that-makes-it-much-longer-than-a-name-of-a-link-is"
			      : "");
}

static void give_addresses(struct topology *t, const struct made *m, unsigned int i)
{
	say(t, m->ns, "addr add 10.%u.0.1/24 dev %s%s", i, m->name,
	    maybe(30)	? " metric 77"
	    : maybe(30) ? " brd +"
			: "");
	if (maybe(50))
		say(t, m->ns, "addr add 2001:db8:%x::1/64 dev %s%s", i, m->name,
		    maybe(30) ? " noprefixroute" : "");
	if (maybe(20))
		say(t, m->ns, "addr add 10.%u.9.1 peer 10.%u.9.2/32 dev %s", i, i, m->name);
	if (maybe(20))
		say(t, m->ns, "addr add 10.%u.0.2/24 dev %s", i, m->name);
	if (maybe(60))
		say(t, m->ns, "route add 172.16.%u.0/24 via 10.%u.0.9 dev %s metric %u", i, i,
		    m->name, 1 + chance(100));
	if (maybe(30))
		say(t, m->ns, "route add 172.17.%u.0/24 dev %s table %u proto static mtu 1300", i,
		    m->name, 100 + chance(3));
	if (maybe(30))
		say(t, m->ns, "-6 route add 2001:db8:99%x::/64 via 2001:db8:%x::9 dev %s", i, i,
		    m->name);
	if (maybe(20))
		say(t, m->ns,
		    "route add 172.18.%u.0/24 nexthop via 10.%u.0.9 dev %s weight %u "
		    "nexthop via 10.%u.0.8 dev %s onlink weight %u",
		    i, i, m->name, 1 + chance(9), i, m->name, 1 + chance(9));
	if (maybe(15))
		say(t, m->ns, "route add default via 10.%u.0.9 dev %s metric %u", i, m->name, i);
	/* No proxied ones: the kernel drops them whenever it finds, later, that there is no carrier. */
	if (maybe(40))
		say(t, m->ns, "neigh add 10.%u.0.7 lladdr 02:00:00:00:00:%02x dev %s", i, i,
		    m->name);
}

static void run_lines(struct topology *t)
{
	for (unsigned int ns = 0; ns < t->n_ns; ns++) {
		if (t->lines[ns] && getenv("NET_SEED"))
			printf("# [%s]\n%s", ns_names[ns], t->lines[ns]);
		if (t->lines[ns])
			net_world_ip(ns_names[ns], t->lines[ns]);
		free(TAKE_PTR(t->lines[ns]));
	}
}

static void run_bridge_lines(struct topology *t)
{
	for (unsigned int ns = 0; ns < t->n_ns; ns++) {
		if (t->bridge_lines[ns])
			net_world_bridge(ns_names[ns], t->bridge_lines[ns]);
		free(TAKE_PTR(t->bridge_lines[ns]));
	}
}

static void make_topology(void)
{
	struct topology t = { .n_ns = maybe(60) ? 1 : 1 + chance(3) };

	net_world_fresh();
	for (unsigned int i = 1; i < t.n_ns; i++)
		net_world_add(ns_names[i]);
	for (unsigned int i = 2 + chance(10); i > 0; i--) {
		unsigned int kind = chance(FILTERING);

		if (kinds[kind].has)
			adders[kind](&t, chance(t.n_ns));
	}
	run_lines(&t);
	for (unsigned int i = 0; i < t.n; i++) {
		give_settings(&t, &t.links[i]);
		if (maybe(50))
			put_below(&t, &t.links[i]);
	}
	for (unsigned int i = 0; i < t.n; i++)
		if (maybe(75))
			say(&t, t.links[i].ns, "link set %s up", t.links[i].name);
	for (unsigned int i = 0; i < t.n; i++)
		if (maybe(is_bridge(&t.links[i]) ? 70 : 30))
			give_addresses(&t, &t.links[i], i);
	run_lines(&t);
	run_bridge_lines(&t);
}

/* --- the property ----------------------------------------------------------------------------- */

static void record(struct net_record *ret)
{
	struct net_machine m = { .folder = NET_NAMESPACES_FOLDER };

	must(net_machine_open_all(&m), "opening the namespaces");
	must(net_machine_read(&m), "reading them");
	*ret = net_machine_finish(&m);
}

/* What crosses the jump is text. */
static void through_text(struct net_record *r)
{
	_cleanup_free_ char *text = NULL, *error = NULL;
	json_t *json = net_record_to_json(r);
	struct net_record copy;

	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	json = json_loads(text, 0, NULL);
	if (net_record_from_json(json, &copy, &error) < 0)
		broken(0, "%s: %s", error, text);
	json_decref(json);
	net_record_clear(r);
	*r = copy;
}

static void show_diff(const char *when, const struct net_diff *diff)
{
	for (size_t i = 0; i < diff->n; i++)
		printf("# %s: [%s] %s %s: %s, found %s\n", when, diff->items[i].namespace,
		       diff->items[i].object, diff->items[i].what, strempty(diff->items[i].wanted),
		       strempty(diff->items[i].found));
}

static void show_report(const struct net_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		printf("# [%s] %s: %s%s%s\n", report->results[i].namespace,
		       report->results[i].object, net_outcome_to_string(report->results[i].outcome),
		       report->results[i].text ? ": " : "", strempty(report->results[i].text));
}

static void assert_same(const struct net_record *wanted, uint64_t which)
{
	struct net_record now;
	struct net_diff diff, back;

	record(&now);
	must(net_diff(wanted, &now, &diff), "comparing");
	must(net_diff(&now, wanted, &back), "comparing");
	show_diff("missing", &diff);
	if (!diff.n)
		show_diff("too many", &back);
	if (diff.n || back.n)
		broken(which, "the machine is not as recorded");
	net_diff_clear(&diff);
	net_diff_clear(&back);
	net_record_clear(&now);
}

static void replay(const struct net_record *wanted, const struct net_gate *gate,
		   struct net_report *ret)
{
	_cleanup_free_ char *error = NULL;

	if (net_replay(wanted, NET_NAMESPACES_FOLDER, gate, ret, &error) < 0)
		broken(0, "%s", error);
}

static void replay_whole(const struct net_record *wanted, uint64_t which, bool again)
{
	struct net_report report;

	replay(wanted, NULL, &report);
	if (net_report_count(&report, NET_FAILED) || net_report_count(&report, NET_CONFLICT) ||
	    (again && report.changes)) {
		show_report(&report);
		broken(which, "%s",
		       again ? "the second replay did something" : "the replay failed");
	}
	net_report_clear(&report);
}

static json_t *witness(const struct net_record *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(all, net_world_witness(r->namespaces[i].name));
	return all;
}

static void show_words(const json_t *a, const json_t *b, const char *mark)
{
	const char *key;
	json_t *list;
	size_t i, j;
	const json_t *one;

	for (i = 0; i < json_array_size(a); i++) {
		json_object_foreach(json_array_get(a, i), key, list)
			json_array_foreach(list, j, one) {
				const json_t *others = json_object_get(json_array_get(b, i), key);
				bool found = false;

				for (size_t k = 0; k < json_array_size(others); k++)
					found |= json_equal(one, json_array_get(others, k));
				if (!found)
					printf("# %s %s\n", mark, json_string_value(one));
			}
	}
}

static uint64_t first_seed(void)
{
	const char *text = getenv("NET_SEED");

	return text ? strtoull(text, NULL, 10) : 0x5eed;
}

static unsigned int how_many(unsigned int otherwise)
{
	const char *text = getenv("NET_TOPOLOGIES");

	return getenv("NET_SEED") ? 1 : text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

/* Seeds are small numbers; chance starts somewhere in the middle of it. */
static void start(uint64_t which)
{
	seed = which * 0x9e3779b97f4a7c15ULL + 1;
	for (int i = 0; i < 5; i++)
		chance(2);
}

static size_t count_links(const struct net_record *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->namespaces[i].n_links;
	return n;
}

/* What the workers have to tell. */
struct tally {
	unsigned int topologies, links, most, failures, untouched;
};

static void replay_one(uint64_t which, struct tally *tally)
{
	struct net_record wanted;
	json_t *before, *after;
	size_t links;

	start(which);
	make_topology();
	record(&wanted);
	before = witness(&wanted);
	through_text(&wanted);
	net_world_fresh();
	replay_whole(&wanted, which, false);
	assert_same(&wanted, which);
	after = witness(&wanted);
	if (!json_equal(before, after)) {
		show_words(before, after, "was");
		show_words(after, before, "is");
		broken(which, "ip(8) sees another network");
	}
	replay_whole(&wanted, which, true);
	links = count_links(&wanted);
	tally->links += (unsigned int)links;
	tally->most = links > tally->most ? (unsigned int)links : tally->most;
	json_decref(before);
	json_decref(after);
	net_record_clear(&wanted);
}

/* --- half of it ------------------------------------------------------------------------------- */

struct refusal {
	unsigned int left;
};

static int refuse_one(void *userdata)
{
	struct refusal *r = userdata;

	return r->left-- == 0 ? -ETIMEDOUT : 0;
}

static bool link_equal(const struct net_link *a, const struct net_link *b)
{
	json_t *x = a ? net_link_to_json(a) : NULL, *y = b ? net_link_to_json(b) : NULL;
	bool equal = x && y ? json_equal(x, y) : x == y;

	json_decref(x);
	json_decref(y);
	return equal;
}

static const struct net_link *find(const struct net_record *r, const char *ns, const char *name)
{
	const struct net_namespace *n = net_find_namespace(r, ns);

	return n ? net_find_link(n, name) : NULL;
}

/* The link's own matters: what others do to it (its cost, its MTU) comes when all are there. */
static void check_one(const struct net_result *result, const struct net_record *before,
		      const struct net_record *now, uint64_t which)
{
	const struct net_link *was = find(before, result->namespace, result->object);
	const struct net_link *is = find(now, result->namespace, result->object);

	if (result->outcome == NET_FAILED && !link_equal(was, is))
		broken(which, "'%s' failed (%s) and is not as it was", result->object,
		       result->text);
	if (result->outcome != NET_FAILED && !is)
		broken(which, "'%s' is said to be there", result->object);
}

static bool is_link(const struct net_record *r, const struct net_result *result)
{
	return find(r, result->namespace, result->object) != NULL;
}

/* Links without anything, as another luod that was killed might have left them. */
static void strip_record(struct net_record *r)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t j = 0; j < r->namespaces[i].n_links; j++) {
			struct net_link *l = r->namespaces[i].links[j];
			struct net_settings own = l->own;

			l->base = (struct net_settings){};
			l->own = net_settings_only(net_kind_set(l->kind), &own, NET_CREATED);
			l->n_addresses = l->n_neighbours = l->flags = 0;
			*l->master = '\0';
			l->addrgen = -1;
			for (size_t k = 0; k < l->n_altnames; k++)
				free(l->altnames[k]);
			l->n_altnames = 0;
			free(TAKE_PTR(l->vlans));
		}
	for (size_t i = 0; i < r->n; i++) {
		for (size_t j = 0; j < r->namespaces[i].n_routes; j++)
			net_route_clear(&r->namespaces[i].routes[j]);
		r->namespaces[i].n_routes = 0;
	}
}

static void begin_half(const struct net_record *wanted, bool prepared)
{
	json_t *json = net_record_to_json(wanted);
	_cleanup_free_ char *error = NULL;
	struct net_record bare;
	struct net_report report;

	net_world_fresh();
	must(net_record_from_json(json, &bare, &error), "reading");
	strip_record(&bare);
	if (prepared) {
		replay(&bare, NULL, &report);
		net_report_clear(&report);
	} else {
		for (size_t i = 0; i < wanted->n; i++)
			if (*wanted->namespaces[i].name)
				net_world_add(wanted->namespaces[i].name);
	}
	net_record_clear(&bare);
	json_decref(json);
}

static void half_one(uint64_t which, struct tally *tally)
{
	bool prepared = which & 1;
	struct net_record wanted, before, now;
	struct net_report report;
	struct refusal refusal;
	struct net_gate gate = { refuse_one, &refusal };

	start(which);
	make_topology();
	record(&wanted);
	through_text(&wanted);
	/* A link takes four changes, more or less; a replay that is over before is a whole one. */
	refusal.left = chance(4 * (unsigned int)count_links(&wanted) + 1);
	begin_half(&wanted, prepared);
	record(&before);
	replay(&wanted, &gate, &report);
	record(&now);
	for (size_t j = 0; j < report.n; j++) {
		tally->failures += report.results[j].outcome == NET_FAILED;
		if (is_link(&wanted, &report.results[j]))
			check_one(&report.results[j], &before, &now, which);
	}
	tally->untouched += net_report_count(&report, NET_FAILED) == 0;
	net_report_clear(&report);
	/* What was left half is made whole by the next one. */
	replay_whole(&wanted, which, false);
	assert_same(&wanted, which);
	net_record_clear(&wanted);
	net_record_clear(&before);
	net_record_clear(&now);
}

/* --- workers ---------------------------------------------------------------------------------- */

typedef void (*one_t)(uint64_t which, struct tally *tally);

static void work(one_t one, unsigned int first, unsigned int n, int fd)
{
	struct tally tally = {};

	if (net_world_apart() < 0)
		broken(0, "a worker cannot have namespaces of its own");
	for (unsigned int i = first; i < n; i += WORKERS, tally.topologies++)
		one(first_seed() + i, &tally);
	if (write(fd, &tally, sizeof(tally)) != sizeof(tally))
		broken(0, "a worker cannot report");
	fflush(stdout);
	exit(0);
}

static struct tally run_workers(one_t one, unsigned int n)
{
	struct tally sum = {}, t;
	pid_t pids[WORKERS];
	int fds[2], bad = 0;

	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			work(one, i, n, fds[1]);
	}
	close(fds[1]);
	for (unsigned int i = 0; i < WORKERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		bad += status != 0;
	}
	while (read(fds[0], &t, sizeof(t)) == sizeof(t)) {
		sum.topologies += t.topologies;
		sum.links += t.links;
		sum.most = t.most > sum.most ? t.most : sum.most;
		sum.failures += t.failures;
		sum.untouched += t.untouched;
	}
	close(fds[0]);
	assert_int_equal(bad, 0);
	assert_int_equal(sum.topologies, n);
	return sum;
}

static void test_replay(void **state _unused_)
{
	struct tally t;

	need_namespaces();
	t = run_workers(replay_one, how_many(TOPOLOGIES));
	printf("# %u topologies, %u links, at most %u in one\n", t.topologies, t.links, t.most);
}

static void test_half(void **state _unused_)
{
	struct tally t;

	need_namespaces();
	t = run_workers(half_one, how_many(HALF_FAILING));
	printf("# %u topologies, a change refused in %u of them: %u links and routes failed\n",
	       t.topologies, t.topologies - t.untouched, t.failures);
	assert_true(t.topologies == 1 || t.untouched < t.topologies / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_half),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}

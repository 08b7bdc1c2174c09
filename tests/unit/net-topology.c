/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-topology - see net-topology.h. */
#include "net-topology.h"

#include <net/if.h>

#include "net-world.h"

static uint64_t seed;

/* --- chance ----------------------------------------------------------------------------------- */

unsigned int net_topology_chance(unsigned int n)
{
	/* xorshift: the same on every machine. */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)((seed >> 11) % n);
}

static bool maybe(unsigned int percent)
{
	return net_topology_chance(100) < percent;
}

void net_topology_seed(uint64_t which)
{
	/* Seeds are small numbers; chance starts somewhere in the middle of it. */
	seed = which * 0x9e3779b97f4a7c15ULL + 1;
	for (int i = 0; i < 5; i++)
		net_topology_chance(2);
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

void net_topology_probe(void)
{
	for (size_t i = 0; i < KINDS; i++) {
		kinds[i].has = net_world_has(kinds[i].lines);
		if (!kinds[i].has)
			printf("# this kernel makes no %s: left out here, case 84 of the lab has it\n",
			       kinds[i].name);
	}
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

#define ALTNAME_MAX 127

/* Some are as long as can be. */
static void give_altname(struct topology *t, const struct made *m, unsigned int i)
{
	char name[ALTNAME_MAX + 1];
	size_t n = (size_t)snprintf(name, sizeof(name), "%s-other-name-%u", m->name, i);

	if (maybe(30)) {
		memset(name + n, 'y', ALTNAME_MAX - n);
		name[ALTNAME_MAX] = '\0';
	}
	say(t, m->ns, "link property add dev %s altname %s", m->name, name);
}

/* Also of 15 bytes, and of letters that are no ASCII. */
static struct made *new_link(struct topology *t, int kind, unsigned int ns)
{
	static const char *const tails[] = { "", ".x", "-tap", "_0123456789abc",
					     "\xc3\xa4\xc3\xb6" };
	struct made *m = &t->links[t->n++];
	const char *tail = tails[net_topology_chance(ARRAY_SIZE(tails))];

	*m = (struct made){ .kind = kind, .ns = ns };
	snprintf(m->name, sizeof(m->name), "l%u%.*s", t->names++, utf8_fit(tail, 10), tail);
	if (strstr(m->name, "0123") && strlen(m->name) < IFNAMSIZ - 1)
		memset(m->name + strlen(m->name), 'z', IFNAMSIZ - 1 - strlen(m->name));
	return m;
}

static struct made *pick(struct topology *t, unsigned int ns, bool (*fits)(const struct made *m))
{
	unsigned int start = t->n ? net_topology_chance(t->n) : 0;

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
	    m->name, 1000 + net_topology_chance(60000), maybe(20), net_topology_chance(16) * 4096,
	    maybe(50), maybe(30) ? 8 : 0, 1000 + net_topology_chance(20000), maybe(20),
	    !kinds[FILTERING].has ? ""
	    : maybe(50)		  ? " vlan_filtering 1 vlan_default_pvid 77"
				  : " vlan_filtering 1");
	if (maybe(30))
		say_bridge(t, ns, "fdb add 02:00:00:00:12:%02x dev %s self local",
			   net_topology_chance(256), m->name);
}

static void add_veth(struct topology *t, unsigned int ns)
{
	unsigned int other = maybe(30) ? net_topology_chance(t->n_ns) : ns;
	struct made *a = new_link(t, VETH, ns), *b = new_link(t, VETH, other);

	say(t, ns, "link add %s mtu %u type veth peer name %s%s%s", a->name,
	    1280 + net_topology_chance(8000), b->name, other && other != ns ? " netns " : "",
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
	    modes[net_topology_chance(4)], 50 + net_topology_chance(100));
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
	    modes[net_topology_chance(3)]);
	if (t->n_ns > 1 && !ns && maybe(40)) {
		m->ns = 1 + net_topology_chance(t->n_ns - 1);
		say(t, ns, "link set %s netns %s", m->name, ns_names[m->ns]);
	}
}

static void add_vlan(struct topology *t, unsigned int ns)
{
	struct made *lower = pick(t, ns, may_carry_vlan);

	if (lower)
		say(t, ns, "link add link %s name %s type vlan%s id %u", lower->name,
		    new_link(t, VLAN, ns)->name, maybe(20) ? " protocol 802.1ad" : "",
		    1 + net_topology_chance(4094));
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
	/* Its address would be what the last port left to it that was refused. */
	if (m->kind == BOND && master->kind == BOND)
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
		    1 + net_topology_chance(1000), net_topology_chance(64));
	if (maybe(40))
		say_bridge(t, m->ns, "fdb add 02:00:00:00:11:%02x dev %s master static",
			   net_topology_chance(256), m->name);
	for (unsigned int i = net_topology_chance(4); kinds[FILTERING].has && i > 0; i--)
		say_bridge(t, m->ns, "vlan add dev %s vid %u%s%s", m->name,
			   1 + net_topology_chance(4000), maybe(20) ? " pvid" : "",
			   maybe(30) ? " untagged" : "");
}

static void give_settings(struct topology *t, const struct made *m)
{
	if (maybe(60))
		say(t, m->ns, "link set %s address 02:00:00:00:%02x:%02x", m->name,
		    net_topology_chance(256), t->names);
	if (maybe(30))
		say(t, m->ns, "link set %s mtu %u", m->name, 1280 + net_topology_chance(3000));
	if (maybe(30))
		say(t, m->ns, "link set %s txqueuelen %u", m->name, 1 + net_topology_chance(5000));
	if (maybe(15))
		say(t, m->ns, "link set %s group %u", m->name, net_topology_chance(100));
	if (maybe(20))
		say(t, m->ns, "link set %s addrgenmode %s", m->name, maybe(50) ? "none" : "eui64");
	if (maybe(15))
		say(t, m->ns, "link set %s promisc on", m->name);
	for (unsigned int i = net_topology_chance(3); i > 0; i--)
		give_altname(t, m, i);
}

static void give_addresses(struct topology *t, const struct made *m, unsigned int i)
{
	say(t, m->ns, "addr add 10.%u.0.1/24 dev %s%s", i, m->name,
	    maybe(30)	? " metric 77"
	    : maybe(30) ? " brd +"
			: "");
	if (maybe(50))
		say(t, m->ns, "addr add 2001:db8:%x::1/64 dev %s%s", i, m->name,
		    maybe(30)	? " noprefixroute"
		    : maybe(20) ? " preferred_lft 0"
				: "");
	if (maybe(20))
		say(t, m->ns, "addr add 10.%u.9.1 peer 10.%u.9.2/32 dev %s", i, i, m->name);
	if (maybe(20))
		say(t, m->ns, "addr add 10.%u.0.2/24 dev %s", i, m->name);
	if (maybe(60))
		say(t, m->ns, "route add 172.16.%u.0/24 via 10.%u.0.9 dev %s metric %u", i, i,
		    m->name, 1 + net_topology_chance(100));
	if (maybe(30))
		say(t, m->ns, "route add 172.17.%u.0/24 dev %s table %u proto static mtu 1300", i,
		    m->name, 100 + net_topology_chance(3));
	if (maybe(30))
		say(t, m->ns, "-6 route add 2001:db8:99%x::/64 via 2001:db8:%x::9 dev %s", i, i,
		    m->name);
	if (maybe(20))
		say(t, m->ns,
		    "route add 172.18.%u.0/24 nexthop via 10.%u.0.9 dev %s weight %u "
		    "nexthop via 10.%u.0.8 dev %s onlink weight %u",
		    i, i, m->name, 1 + net_topology_chance(9), i, m->name,
		    1 + net_topology_chance(9));
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

void net_topology_make(void)
{
	struct topology t = { .n_ns = maybe(60) ? 1 : 1 + net_topology_chance(3) };

	net_world_fresh();
	for (unsigned int i = 1; i < t.n_ns; i++)
		net_world_add(ns_names[i]);
	for (unsigned int i = 2 + net_topology_chance(10); i > 0; i--) {
		unsigned int kind = net_topology_chance(FILTERING);

		if (kinds[kind].has)
			adders[kind](&t, net_topology_chance(t.n_ns));
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

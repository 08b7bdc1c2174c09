/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out, of what is above links: sysctls, routes and what bridges keep. What goes along of it comes
 * back, too: sysctls of IPv4, routes by where packets come from.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "luod/net-read-ip.h"
#include "luod/net-replay.h"
#include "net-check.h"

#define PAIR "link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\n"

static void assert_left(const char *links, const char *words)
{
	_cleanup_free_ char *text = check(links);

	assert_contains(text, words);
}

static void assert_nothing(const char *links)
{
	_cleanup_free_ char *text = check(links);

	assert_string_equal(text, "");
}

static bool write_file(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	return f && fputs(text, f) >= 0 && fflush(f) == 0;
}

/* --- sysctls ---------------------------------------------------------------------------------- */

static void need_sysctl(const char *path, const char *value)
{
	if (write_file(path, value))
		return;
	printf("# SKIP not possible here: %s is not to be written\n", path);
	skip();
}

static void test_ipv6(void **state _unused_)
{
	fresh(PAIR);
	need_sysctl("/proc/sys/net/ipv6/conf/v0/proxy_ndp", "1");
	need_sysctl("/proc/sys/net/ipv6/conf/v1/proxy_ndp", "1");
	assert_left("v0",
		    "info network-sysctl v0: 'v0' and 1 other link: "
		    "net.ipv6.conf.LINK.proxy_ndp = 1, which is not what a kernel begins with.");
}

/* Nobody would set it again in a namespace that only luod makes. */
static void test_namespace(void **state _unused_)
{
	fresh(PAIR);
	assert_int_equal(mkdir(SYSCTL, 0755), 0);
	assert_int_equal(mkdir(SYSCTL "/ipv4", 0755), 0);
	assert_true(write_file(SYSCTL "/ipv4/ip_forward", "0\n"));
	assert_nothing("v0");
	assert_true(write_file(SYSCTL "/ipv4/ip_forward", "1\n"));
	assert_left("v0", "info network-sysctl network: The host: net.ipv4.ip_forward = 1, which");
	net_world_add("guest");
	assert_true(net_world_ip("guest", PAIR));
	assert_left("guest/v0", "warning network-sysctl network guest: Network namespace 'guest': "
				"net.ipv4.ip_forward = 1, which");
	unlink(SYSCTL "/ipv4/ip_forward");
	rmdir(SYSCTL "/ipv4");
	rmdir(SYSCTL);
}

static struct net_record recorded(const char *links)
{
	struct net_record r = net_world_read();

	assert_int_equal(net_select(&r, links), 0);
	return r;
}

static void assert_replayed(const struct net_record *r, enum net_outcome of_first)
{
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	assert_int_equal(net_replay(r, &host, NULL, &report, &error), 0);
	assert_int_equal(report.results[0].outcome, of_first);
	net_report_clear(&report);
}

static uint64_t rp_filter(const char *links)
{
	struct net_record r = recorded(links);
	uint64_t value =
		net_setting_named(NET_SET_IPV4, &r.namespaces[0].links[0]->ipv4, "rp-filter", 9);

	net_record_clear(&r);
	return value;
}

#define TAP "tuntap add tap0 mode tap\nlink set tap0 address 02:00:00:00:00:01\n"

static void test_ipv4(void **state _unused_)
{
	struct net_record r;

	fresh(TAP);
	need_sysctl("/proc/sys/net/ipv4/conf/tap0/rp_filter", "2");
	assert_int_equal(rp_filter("tap0"), 2);
	assert_nothing("tap0");
	r = recorded("tap0");
	net_world_fresh();
	assert_replayed(&r, NET_MADE);
	assert_int_equal(rp_filter("tap0"), 2);
	/* Of a link that is somebody's it stays as it is. */
	fresh(TAP "link set tap0 up\n");
	r.namespaces[0].links[0]->flags |= IFF_UP;
	assert_replayed(&r, NET_CONFLICT);
	assert_int_not_equal(rp_filter("tap0"), 2);
	net_record_clear(&r);
}

/* --- routes ----------------------------------------------------------------------------------- */

static void test_routes(void **state _unused_)
{
	fresh(PAIR "addr add 192.0.2.1/24 dev v0\naddr add 203.0.113.1/24 dev v1\n"
		   "link add w0 type veth peer name w1\nlink set w0 up\nlink set w1 up\n"
		   "addr add 10.0.0.1/24 dev w0\n"
		   "route add 198.51.100.0/28 dev v0 realm 5\n"
		   "route add 198.51.100.16/28 dev v0 mtu 1300 congctl reno\n"
		   "route add 198.51.100.32/28 dev v0\n"
		   "route add 198.51.100.48/28 dev w0 realm 7\n");
	assert_left("v0",
		    "warning network-route network: The host has 1 route with a realm, without "
		    "which it goes along.");
	assert_left("v0", "has 1 route with a congestion algorithm");
	assert_true(net_world_ip("", "route add 198.51.100.64/28 nexthop via 192.0.2.9 dev v0 "
				     "nexthop via 10.0.0.9 dev w0\n"
				     "route add blackhole 198.51.100.80/28\n"));
	assert_left(
		"v0",
		"1 route by way of links of which some do not go along, which does not go along.");
	assert_left("v0", "1 route to nowhere");
}

/* An encapsulation that is lost is another route: it is not recorded. */
static void test_encapsulated(void **state _unused_)
{
	struct rtmsg header = { .rtm_family = AF_INET,
				.rtm_dst_len = 24,
				.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_type = RTN_UNICAST };
	struct net_link link = { .index = 3, .name = "v0" }, *links[] = { &link };
	struct net_namespace ns = { (char *)"", links, 1 };
	const uint32_t destination = htonl(0xc6336400);
	bool whole = false;

	for (unsigned int with = 0; with < 2; with++) {
		struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWROUTE, 0);

		nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO);
		nla_put_u32(msg, RTA_DST, destination);
		nla_put_u32(msg, RTA_OIF, 3);
		if (with) {
			nla_put_u16(msg, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_BPF);
			nla_put(msg, RTA_ENCAP, 0, NULL);
		}
		assert_int_equal(net_read_ip(&ns, msg), 0);
		assert_int_equal(ns.n_routes, 1);
		if (with)
			assert_string_equal(net_route_lost(&ns, nlmsg_hdr(msg), &whole),
					    "with an encapsulation");
		else
			assert_null(net_route_lost(&ns, nlmsg_hdr(msg), &whole));
		nlmsg_free(msg);
	}
	assert_true(whole);
	net_route_clear(&ns.routes[0]);
	free(ns.routes);
}

static void test_from(void **state _unused_)
{
	static const char line[] = "route add 2001:db8:2::/64 from 2001:db8:1::/64 dev v0\n";
	struct net_record r, after;

	fresh(PAIR);
	if (!net_world_ip6("", line)) {
		printf("# SKIP not possible here: no routes by source\n");
		skip();
	}
	r = recorded("v0");
	assert_int_equal(r.namespaces[0].n_routes, 1);
	assert_int_equal(r.namespaces[0].routes[0].from.prefix, 64);
	fresh(PAIR);
	assert_replayed(&r, NET_CONFLICT);
	after = recorded("v0");
	assert_int_equal(after.namespaces[0].n_routes, 1);
	assert_true(net_route_alike(&r.namespaces[0].routes[0], &after.namespaces[0].routes[0]));
	net_record_clear(&r);
	net_record_clear(&after);
}

/* --- bridges and links ------------------------------------------------------------------------ */

#define BRIDGE PAIR "link add br0 type bridge\nlink set br0 up\nlink set v0 master br0\n"

static void test_groups(void **state _unused_)
{
	fresh(BRIDGE);
	assert_nothing("v0");
	if (!net_world_bridge("", "mdb add dev br0 port v0 grp 239.1.1.1 permanent\n")) {
		printf("# SKIP not possible here: no multicast groups of bridges\n");
		skip();
	}
	assert_left("v0", "warning network-setting v0: 'v0' has permanent entries in");
}

/* Played, for not every kernel knows VLANs of bridges. */
static void test_tunnels(void **state _unused_)
{
	const struct ifinfomsg header = { .ifi_family = AF_BRIDGE, .ifi_index = 3 };
	struct net_link link = { .index = 3, .name = "v0" }, *links[] = { &link };
	struct net_namespace ns = { (char *)"", links, 1 };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	struct net_left_out left = {};
	struct look look = { .ns = &ns, .left = &left };
	struct nlattr *spec, *tunnel;

	nlmsg_append(msg, (void *)&header, sizeof(header), NLMSG_ALIGNTO);
	assert_int_equal(look_at_bridge_port(msg, &look), 0);
	assert_int_equal(left.n, 0);
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	tunnel = nla_nest_start(msg, IFLA_BRIDGE_VLAN_TUNNEL_INFO);
	nla_put_u32(msg, IFLA_BRIDGE_VLAN_TUNNEL_ID, 5);
	nla_nest_end(msg, tunnel);
	nla_put_u16(msg, IFLA_BRIDGE_FLAGS, 0);
	nla_nest_end(msg, spec);
	assert_int_equal(look_at_bridge_port(msg, &look), 0);
	assert_int_equal(left.n, 1);
	assert_string_equal(left.items[0].what, "VLANs that are bound to tunnels");
	net_left_out_clear(&left);
	nlmsg_free(msg);
}

static void test_link(void **state _unused_)
{
	fresh(PAIR);
	assert_true(net_world_ip("", "link set v0 gso_max_size 30000\n"));
	assert_left("v0", "warning network-setting v0: 'v0' has another size of segments");
	fresh(PAIR);
	if (net_world_ip("", "token set ::77 dev v0\n"))
		assert_left("v0", "'v0' has a token for its IPv6 addresses");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv6),	     cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_ipv4),	     cmocka_unit_test(test_routes),
		cmocka_unit_test(test_encapsulated), cmocka_unit_test(test_from),
		cmocka_unit_test(test_groups),	     cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_link),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}

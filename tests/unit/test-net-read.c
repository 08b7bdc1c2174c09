/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-read and net-request: recorded answers of a kernel (tests/unit/record-worlds made them) become the model, and
 * what is asked of a kernel for a virtual function or a VLAN is, read back, what was meant. The VFs'
 * link state is shown here only: QEMU's igb has no operation for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "luod/net-prove.h"
#include "luod/net-read.h"
#include "luod/net-request.h"
#include "luod/net-text.h"

static void feed(struct net_namespace *ns, const char *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr *header = (struct nlmsghdr *)data;
		struct nl_msg *msg = nlmsg_convert(header);
		size_t step = NLMSG_ALIGN(header->nlmsg_len);

		assert_non_null(msg);
		assert_true(step <= size);
		assert_int_equal(net_read_message(ns, msg), 0);
		nlmsg_free(msg);
		data += step;
		size -= step;
	}
	assert_int_equal(net_read_links_done(ns), 0);
}

static struct net_namespace *read_dump(struct net_record *r, const char *name)
{
	_cleanup_free_ char *path =
		strprintf("%s/tests/fuzz/seeds/netlink/%s", getenv("SRC") ?: ".", name);
	_cleanup_free_ char *data = NULL;
	struct net_namespace *ns;
	size_t size;

	*r = (struct net_record){};
	assert_int_equal(net_add_namespace(r, "", &ns), 0);
	assert_int_equal(file_read_full(path, 1 << 20, &data, &size), 0);
	feed(ns, data, size);
	return ns;
}

static void assert_ip(const struct net_ip *ip, const char *text)
{
	char buffer[NET_IP_TEXT_MAX];

	assert_string_equal(net_ip_to_text(ip, buffer), text);
}

static void assert_mac(const struct net_mac *mac, const char *text)
{
	char buffer[NET_MAC_TEXT_MAX];

	assert_string_equal(net_mac_to_text(mac, buffer), text);
}

static void test_links(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-taps");
	const struct net_link *tap = net_find_link(ns, "the-tap-of-the-first-guest");
	const struct net_link *bridge = net_find_link(ns, "br0");
	const struct net_link *uplink = net_find_link(ns, "uplink"), *mv = net_find_link(ns, "mv0");

	assert_int_equal(ns->n_links, 5);
	assert_string_equal(tap->name, "tap-guest-1");
	assert_int_equal(tap->kind, NET_KIND_TUN);
	assert_int_equal(tap->port_kind, NET_KIND_BRIDGE);
	assert_string_equal(tap->master, "br0");
	assert_mac(&tap->mac, "02:00:00:00:00:02");
	assert_true(tap->flags & IFF_UP);
	assert_int_equal(net_setting_named(NET_SET_LINK, &tap->base, "mtu", 0), 1400);
	assert_int_equal(net_setting_named(NET_SET_TUN, &tap->own, "vnet-header", 9), 1);
	assert_int_equal(net_setting_named(NET_SET_TUN, &tap->own, "owner", 9), 0);
	assert_int_equal(net_setting_named(NET_SET_TUN, &tap->own, "group", 9), 9);
	assert_int_equal(net_setting_named(NET_SET_BRIDGE_PORT, &tap->port, "hairpin", 9), 1);
	assert_int_equal(net_setting_named(NET_SET_BRIDGE_PORT, &tap->port, "learning", 9), 0);
	assert_int_equal(net_setting_named(NET_SET_BRIDGE, &bridge->own, "ageing-time", 0), 20000);
	assert_string_equal(bridge->master, "");
	assert_string_equal(mv->lower.name, "uplink");
	assert_int_equal(mv->lower_nsid, -1);
	/* Its other end is in another namespace: only a machine can say which one. */
	assert_int_equal(uplink->kind, NET_KIND_VETH);
	assert_true(uplink->lower_nsid >= 0);
	assert_string_equal(uplink->lower.name, "");
	net_record_clear(&r);
}

/* What comes back by itself is left out: link-local addresses, found neighbours, learned entries. */
static void test_addresses(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-taps");
	const struct net_link *bridge = net_find_link(ns, "br0");
	const struct net_link *uplink = net_find_link(ns, "uplink");

	assert_int_equal(bridge->n_addresses, 2);
	assert_ip(&bridge->addresses[0].local, "192.0.2.1/24");
	assert_ip(&bridge->addresses[0].broadcast, "192.0.2.255/32");
	assert_string_equal(bridge->addresses[0].label, "br0:one");
	assert_ip(&bridge->addresses[1].local, "2001:db8::1/64");
	assert_ip(&uplink->addresses[0].local, "10.1.0.1/32");
	assert_ip(&uplink->addresses[0].peer, "10.1.0.2/32");
	net_record_clear(&r);
}

static void test_neighbours(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-taps");
	const struct net_link *bridge = net_find_link(ns, "br0");
	const struct net_link *tap = net_find_link(ns, "tap-guest-1");

	assert_int_equal(bridge->n_neighbours, 2);
	assert_ip(&bridge->neighbours[0].ip, "192.0.2.9/32");
	assert_mac(&bridge->neighbours[0].mac, "02:00:00:00:00:09");
	assert_int_equal(bridge->neighbours[1].flags, NTF_PROXY);
	assert_int_equal(tap->n_neighbours, 1);
	assert_mac(&tap->neighbours[0].mac, "02:00:00:00:00:0a");
	assert_int_equal(tap->neighbours[0].state, NUD_NOARP);
	net_record_clear(&r);
}

static void test_routes(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-taps");

	assert_int_equal(ns->n_routes, 3);
	assert_ip(&ns->routes[0].destination, "198.51.100.0/24");
	assert_ip(&ns->routes[0].hops[0].gateway, "192.0.2.9/32");
	assert_int_equal(ns->routes[0].metrics[RTAX_MTU], 1300);
	assert_int_equal(ns->routes[0].priority, 5);
	assert_int_equal(ns->routes[1].n_hops, 2);
	assert_string_equal(ns->routes[1].hops[1].link, "uplink");
	assert_int_equal(ns->routes[1].hops[1].weight, 2);
	assert_ip(&ns->routes[2].destination, "2001:db8:1::/48");
	net_record_clear(&r);
}

static const struct net_route *route_to(const struct net_namespace *ns, const char *destination)
{
	char text[NET_IP_TEXT_MAX];

	for (size_t i = 0; i < ns->n_routes; i++)
		if (streq(net_ip_to_text(&ns->routes[i].destination, text), destination))
			return &ns->routes[i];
	return NULL;
}

/* What of a route cannot be said is left out of it, or the route is. */
static void test_more_routes(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-card");
	const struct net_route *from = route_to(ns, "2001:db8:2::/64");

	assert_int_equal(ns->n_routes, 7);
	assert_int_equal(route_to(ns, "203.0.113.0/28")->metrics[RTAX_MTU], 1300);
	assert_non_null(route_to(ns, "203.0.113.16/28")); /* without its realm */
	assert_non_null(route_to(ns, "203.0.113.32/28")); /* without its congestion algorithm */
	assert_null(route_to(ns, "203.0.113.48/28"));	  /* with an encapsulation */
	assert_int_equal(route_to(ns, "203.0.113.80/28")->hops[0].weight, 1);
	assert_int_equal(route_to(ns, "203.0.113.80/28")->hops[0].gateway.family, AF_INET);
	assert_ip(&route_to(ns, "203.0.113.96/28")->hops[0].gateway, "fe80::9/128");
	assert_ip(&route_to(ns, "203.0.113.112/28")->hops[0].gateway, "198.51.100.9/32");
	assert_null(route_to(ns, "203.0.113.128/28")); /* a black hole */
	assert_ip(&from->from, "2001:db8:1::/64");
	assert_null(route_to(ns, "2001:db8:3::/64"));
	net_record_clear(&r);
}

/* Those that go on being there; what has an end comes back by itself. */
static void test_more_addresses(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-card");
	const struct net_link *uplink = net_find_link(ns, "uplink");

	assert_int_equal(uplink->n_addresses, 5);
	assert_ip(&uplink->addresses[0].local, "198.51.100.1/24");
	assert_int_equal(uplink->addresses[0].metric, 7);
	assert_false(uplink->addresses[0].deprecated);
	assert_ip(&uplink->addresses[1].local, "10.1.0.1/32");
	assert_ip(&uplink->addresses[2].local, "198.51.100.2/24");
	assert_true(uplink->addresses[2].deprecated);
	assert_true(uplink->addresses[3].deprecated != uplink->addresses[4].deprecated);
	assert_int_equal(uplink->n_neighbours, 2);
	assert_int_equal(net_setting_named(NET_SET_IPV4, &uplink->ipv4, "rp-filter", 9), 2);
	assert_int_equal(net_setting_named(NET_SET_IPV4, &uplink->ipv4, "send-redirects", 9), 1);
	net_record_clear(&r);
}

static void test_macvlans(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-card");
	const struct net_link *tap = net_find_link(ns, "mvt0"), *source = net_find_link(ns, "mv0");

	assert_int_equal(tap->kind, NET_KIND_MACVTAP);
	assert_string_equal(tap->lower.name, "uplink");
	assert_int_equal(net_setting_named(NET_SET_MACVLAN, &tap->own, "mode", 0),
			 MACVLAN_MODE_BRIDGE);
	assert_int_equal(source->kind, NET_KIND_MACVLAN);
	assert_int_equal(net_setting_named(NET_SET_MACVLAN, &source->own, "mode", 0),
			 MACVLAN_MODE_SOURCE);
	assert_int_equal(net_setting_named(NET_SET_MACVLAN, &source->own, "broadcast-queue-length",
					   0),
			 1000);
	net_record_clear(&r);
}

static void test_bridge_ports(void **state _unused_)
{
	struct net_record r;
	struct net_namespace *ns = read_dump(&r, "linux-6.18-bridge");
	const struct net_link *v0 = net_find_link(ns, "v0"), *far = net_find_link(ns, "to-far");
	const struct net_link *tap = net_find_link(ns, "the-tap-of-the-second-guest");

	assert_string_equal(v0->master, "br0");
	assert_string_equal(v0->lower.name, "v1");
	assert_int_equal(net_setting_named(NET_SET_BRIDGE_PORT, &v0->port, "isolated", 9), 1);
	assert_int_equal(net_setting_named(NET_SET_BRIDGE_PORT, &v0->port, "vlan-tunnel", 9), 1);
	assert_int_equal(net_setting_named(NET_SET_BRIDGE_PORT, &tap->port, "isolated", 9), 0);
	assert_int_equal(net_setting_named(NET_SET_TUN, &tap->own, "multi-queue", 9), 1);
	assert_int_equal(far->n_neighbours, 1);
	assert_mac(&far->neighbours[0].mac, "02:00:00:00:01:99");
	assert_string_equal(far->lower.name, "");
	net_record_clear(&r);
}

/* Cut anywhere, a dump is read as far as it goes, and nothing is read behind its end. */
static void test_cut(void **state _unused_)
{
	_cleanup_free_ char *path =
		strprintf("%s/tests/fuzz/seeds/netlink/linux-6.18-taps", getenv("SRC") ?: ".");
	_cleanup_free_ char *data = NULL;
	size_t size;

	assert_int_equal(file_read_full(path, 1 << 20, &data, &size), 0);
	for (size_t cut = 16; cut < 1500; cut += 4) {
		struct nlmsghdr *header = malloc(cut);
		struct net_record r = {};
		struct net_namespace *ns;
		struct nl_msg *msg;

		memcpy(header, data, cut);
		if (header->nlmsg_len > cut)
			header->nlmsg_len = (uint32_t)cut;
		msg = nlmsg_convert(header);
		assert_int_equal(net_add_namespace(&r, "", &ns), 0);
		net_read_message(ns, msg);
		nlmsg_free(msg);
		free(header);
		net_record_clear(&r);
	}
}

/* --- virtual functions ------------------------------------------------------------------------ */

/* The request names its attributes as the kernel's answer does, so that one can be read as the other. */
static struct net_vf read_back(const struct net_vf *vf, uint32_t have, bool mac)
{
	struct nl_msg *request = net_request_vf(7, vf, have, mac);
	struct nl_msg *answer = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	const struct ifinfomsg info = { .ifi_index = 7 };
	struct nlattr *list = nlmsg_find_attr(nlmsg_hdr(request), sizeof(info), IFLA_VFINFO_LIST);
	struct net_record r = {};
	struct net_namespace *ns;
	struct net_vf ret;

	assert_int_equal(nlmsg_hdr(request)->nlmsg_type, RTM_SETLINK);
	assert_non_null(list);
	assert_int_equal(nlmsg_append(answer, (void *)&info, sizeof(info), NLMSG_ALIGNTO), 0);
	nla_put_string(answer, IFLA_IFNAME, "pf0");
	nla_put_u32(answer, IFLA_NUM_VF, 1);
	nla_put(answer, IFLA_VFINFO_LIST, nla_len(list), nla_data(list));
	assert_int_equal(net_add_namespace(&r, "", &ns), 0);
	assert_int_equal(net_read_message(ns, answer), 0);
	assert_int_equal(ns->links[0]->n_vfs_on, 1);
	assert_int_equal(ns->links[0]->n_vfs, 1);
	ret = ns->links[0]->vfs[0];
	nlmsg_free(request);
	nlmsg_free(answer);
	net_record_clear(&r);
	return ret;
}

static const struct net_vf some_vf = {
	.index = 3,
	.mac = { 2, 0, 0, 0, 0, 3 },
	.vlan = 77,
	.vlan_protocol = ETH_P_8021Q,
	.qos = 5,
	.min_rate = 10,
	.max_rate = 1000,
	.link_state = IFLA_VF_LINK_STATE_DISABLE,
	.spoof_check = true,
	.trust = true,
};

static void test_vf(void **state _unused_)
{
	static const uint32_t all = NET_VF_VLAN | NET_VF_RATE | NET_VF_SPOOF_CHECK | NET_VF_TRUST |
				    NET_VF_LINK_STATE;
	struct net_vf vf = read_back(&some_vf, all, true);

	assert_int_equal(vf.have, all);
	assert_int_equal(vf.index, 3);
	assert_memory_equal(vf.mac, some_vf.mac, 6);
	assert_int_equal(vf.vlan, 77);
	assert_int_equal(vf.qos, 5);
	assert_int_equal(vf.vlan_protocol, ETH_P_8021Q);
	assert_int_equal(vf.min_rate, 10);
	assert_int_equal(vf.max_rate, 1000);
	assert_int_equal(vf.link_state, IFLA_VF_LINK_STATE_DISABLE);
	assert_true(vf.spoof_check);
	assert_true(vf.trust);
}

/* A driver without an operation refuses the whole request: what is not asked for is not in it. */
static void test_vf_single(void **state _unused_)
{
	static const uint32_t each[] = { NET_VF_VLAN, NET_VF_RATE, NET_VF_SPOOF_CHECK, NET_VF_TRUST,
					 NET_VF_LINK_STATE };

	for (size_t i = 0; i < ARRAY_SIZE(each); i++)
		assert_int_equal(read_back(&some_vf, each[i], true).have, each[i]);
}

/* Another protocol than the usual one is said by the newer attribute. */
static void test_vf_protocol(void **state _unused_)
{
	struct net_vf vf = some_vf;

	vf.vlan_protocol = ETH_P_8021AD;
	vf = read_back(&vf, NET_VF_VLAN, true);
	assert_int_equal(vf.vlan_protocol, ETH_P_8021AD);
	assert_int_equal(vf.vlan, 77);
}

/* What luod makes of a card that has so many functions on, with one that says to have this number. */
static int read_card(uint32_t on, uint32_t index)
{
	struct nl_msg *answer = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	const struct ifla_vf_mac mac = { .vf = index, .mac = { 2, 0, 0, 0, 0, 3 } };
	const struct ifinfomsg info = { .ifi_index = 7 };
	_cleanup_free_ char *error = NULL;
	struct nlattr *list, *one;
	struct net_record r = {};
	struct net_namespace *ns;
	int result;

	assert_int_equal(nlmsg_append(answer, (void *)&info, sizeof(info), NLMSG_ALIGNTO), 0);
	nla_put_string(answer, IFLA_IFNAME, "pf0");
	nla_put_u32(answer, IFLA_NUM_VF, on);
	list = nla_nest_start(answer, IFLA_VFINFO_LIST);
	one = nla_nest_start(answer, IFLA_VF_INFO);
	nla_put(answer, IFLA_VF_MAC, sizeof(mac), &mac);
	nla_nest_end(answer, one);
	nla_nest_end(answer, list);
	assert_int_equal(net_add_namespace(&r, "", &ns), 0);
	result = net_read_message(ns, answer);
	if (result >= 0) {
		assert_int_equal(ns->links[0]->n_vfs_on, on);
		assert_int_equal(ns->links[0]->vfs[0].index, index);
		assert_int_equal(net_prove(&r, &error), 0);
	}
	nlmsg_free(answer);
	net_record_clear(&r);
	return result;
}

/* As many as PCI can count are read, and the next luod takes them; no kernel says more. */
static void test_many_vfs(void **state _unused_)
{
	assert_int_equal(read_card(300, 299), 0);
	assert_int_equal(read_card(UINT16_MAX, UINT16_MAX - 1), 0);
	assert_int_equal(read_card(UINT16_MAX + 1, 0), -EBADMSG);
	assert_int_equal(read_card(UINT32_MAX, 0), -EBADMSG);
	assert_int_equal(read_card(1, UINT16_MAX), -EBADMSG);
}

/* --- VLANs of a bridge ------------------------------------------------------------------------ */

static unsigned int count_vlans(struct nl_msg *msg, unsigned int *ret_flags_of_10)
{
	struct nlattr *spec =
		nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct ifinfomsg), IFLA_AF_SPEC);
	struct nlattr *nla;
	unsigned int n = 0;
	int left;

	nla_for_each_nested(nla, spec, left)
	{
		const struct bridge_vlan_info *v = nla_data(nla);

		if (nla_type(nla) != IFLA_BRIDGE_VLAN_INFO)
			continue;
		n++;
		if (v->vid == 10)
			*ret_flags_of_10 = v->flags;
	}
	nlmsg_free(msg);
	return n;
}

static void test_vlans(void **state _unused_)
{
	uint8_t from[NET_VLANS] = { [1] = NET_VLAN_MEMBER, [2] = NET_VLAN_MEMBER };
	uint8_t to[NET_VLANS] = {
		[2] = NET_VLAN_MEMBER, [10] = NET_VLAN_MEMBER | NET_VLAN_PVID | NET_VLAN_UNTAGGED
	};
	unsigned int flags = 0;

	assert_int_equal(count_vlans(net_request_vlans(1, false, from, to, true), &flags), 1);
	assert_int_equal(flags, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
	assert_int_equal(count_vlans(net_request_vlans(1, false, from, to, false), &flags), 1);
	assert_int_equal(count_vlans(net_request_vlans(1, true, NULL, to, true), &flags), 2);
	memset(to + 1, NET_VLAN_MEMBER, NET_VLANS - 2);
	/* All there are fit into one message. */
	assert_int_equal(count_vlans(net_request_vlans(1, false, NULL, to, true), &flags), 4094);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),	    cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_neighbours),  cmocka_unit_test(test_routes),
		cmocka_unit_test(test_more_routes), cmocka_unit_test(test_more_addresses),
		cmocka_unit_test(test_macvlans),    cmocka_unit_test(test_bridge_ports),
		cmocka_unit_test(test_cut),	    cmocka_unit_test(test_vf),
		cmocka_unit_test(test_vf_single),   cmocka_unit_test(test_vf_protocol),
		cmocka_unit_test(test_many_vfs),    cmocka_unit_test(test_vlans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

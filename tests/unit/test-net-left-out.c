/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-left-out: what does not go along is told, and what the kernel does of its own accord is not.
 * Links are made by ip(8) and tc(8) in a namespace, rules of netfilter by the kernel's own requests;
 * what a check says of them is asked, too.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cmocka.h>

#include "assert-text.h"
#include "luod/net-json.h"
#include "luod/net-left-out-private.h"
#include "luod/net-machine.h"
#include "luod/net-select.h"
#include "luod/net-socket.h"
#include "luod/preflight.h"
#include "net-check.h"

static void assert_finding(const struct preflight_network *network, const char *code,
			   enum severity severity)
{
	struct preflight_context c = { .network = network };
	struct findings findings;
	bool found = false;

	assert_int_equal(preflight_run(&c, &findings), 0);
	for (size_t i = 0; i < findings.n; i++)
		found |= streq(findings.items[i].code, code) &&
			 findings.items[i].severity == severity;
	assert_true(found);
	findings_free(&findings);
}

#define PAIR "link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\n"

static void test_nothing(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;

	fresh(PAIR "link add br0 type bridge\nlink set v0 master br0\nlink set br0 up\n"
		   "tuntap add tap0 mode tap\nlink set tap0 master br0 up\n"
		   "addr add 192.0.2.1/24 dev br0\nroute add 198.51.100.0/24 via 192.0.2.2\n");
	assert_true(net_world_tc("", "qdisc add dev v0 root noqueue\n"));
	text = check("*");
	assert_string_equal(text, "");
}

/* --- netfilter -------------------------------------------------------------------------------- */

/* A batch is one datagram. */
struct batch {
	uint8_t data[4096];
	size_t size;
};

static struct nl_msg *begin(uint16_t type, uint16_t flags, uint8_t family, uint16_t id)
{
	const struct nfgenmsg header = { family, NFNETLINK_V0, htons(id) };
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, (void *)&header, sizeof(header), NLMSG_ALIGNTO), 0);
	return msg;
}

static void put(struct batch *b, struct nl_msg *msg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);

	assert_true(b->size + NLMSG_ALIGN(header->nlmsg_len) <= sizeof(b->data));
	memcpy(b->data + b->size, header, header->nlmsg_len);
	b->size += NLMSG_ALIGN(header->nlmsg_len);
	nlmsg_free(msg);
}

static struct nl_msg *of_nftables(enum nf_tables_msg_types type)
{
	return begin((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), NLM_F_CREATE, NFPROTO_INET, 0);
}

static void put_chain(struct batch *b, const char *table, uint32_t policy)
{
	struct nl_msg *msg = of_nftables(NFT_MSG_NEWCHAIN);
	struct nlattr *hook;

	nla_put_string(msg, NFTA_CHAIN_TABLE, table);
	nla_put_string(msg, NFTA_CHAIN_NAME, "input");
	hook = nla_nest_start(msg, NFTA_CHAIN_HOOK);
	nla_put_u32(msg, NFTA_HOOK_HOOKNUM, htonl(NF_INET_LOCAL_IN));
	nla_put_u32(msg, NFTA_HOOK_PRIORITY, 0);
	nla_nest_end(msg, hook);
	nla_put_u32(msg, NFTA_CHAIN_POLICY, htonl(policy));
	nla_put_string(msg, NFTA_CHAIN_TYPE, "filter");
	put(b, msg);
}

static void put_rule(struct batch *b, const char *table)
{
	struct nl_msg *msg = of_nftables(NFT_MSG_NEWRULE);
	struct nlattr *list, *one;

	nla_put_string(msg, NFTA_RULE_TABLE, table);
	nla_put_string(msg, NFTA_RULE_CHAIN, "input");
	list = nla_nest_start(msg, NFTA_RULE_EXPRESSIONS);
	one = nla_nest_start(msg, NFTA_LIST_ELEM);
	nla_put_string(msg, NFTA_EXPR_NAME, "counter");
	nla_nest_end(msg, one);
	nla_nest_end(msg, list);
	put(b, msg);
}

/* A table with a chain, and maybe a rule in it. False: not to be had here. */
static bool filter(const char *table, uint32_t policy, bool rule)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct batch b = {};
	struct nl_msg *msg;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		uint8_t rest[1024];
	} answer = {};

	put(&b, begin(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	msg = of_nftables(NFT_MSG_NEWTABLE);
	nla_put_string(msg, NFTA_TABLE_NAME, table);
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	put(&b, msg);
	put_chain(&b, table, policy);
	if (rule)
		put_rule(&b, table);
	put(&b, begin(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	return fd >= 0 && send(fd, b.data, b.size, 0) == (ssize_t)b.size &&
	       recv(fd, &answer, sizeof(answer), 0) > 0 && answer.error.error == 0;
}

static void test_netfilter(void **state _unused_)
{
	_cleanup_free_ char *empty = NULL, *rules = NULL, *elsewhere = NULL;

	fresh(PAIR);
	if (!filter("nothing", NF_ACCEPT, false)) {
		printf("# SKIP not possible here: no nf_tables\n");
		skip();
	}
	empty = check("v0");
	assert_string_equal(empty, "");
	assert_true(filter("counts", NF_ACCEPT, true));
	assert_true(filter("drops", NF_DROP, false));
	rules = check("v0");
	assert_contains(rules,
			"warning network-netfilter network: The host has rules of netfilter in "
			"table 'inet counts'.");
	assert_contains(rules, "'inet drops'");
	assert_lacks(rules, "nothing");
	/* What is in another namespace concerns nobody here. */
	net_world_add("guest");
	assert_true(net_world_ip("guest", PAIR));
	elsewhere = check("guest/v0");
	assert_string_equal(elsewhere, "");
}

static void write_file(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
}

static void test_xtables(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;

	fresh(PAIR);
	assert_int_equal(mkdir(PROC, 0755), 0);
	write_file(PROC "/ip_tables_names", "nat\nfilter\n");
	write_file(PROC "/ip6_tables_names", "");
	text = check("v0");
	assert_contains(text,
			"network-netfilter network: The host has the table 'ip nat' of iptables");
	assert_contains(text, "'ip filter'");
	assert_lacks(text, "ip6");
	unlink(PROC "/ip_tables_names");
	unlink(PROC "/ip6_tables_names");
	rmdir(PROC);
}

/* --- links ------------------------------------------------------------------------------------ */

static void test_qdisc(void **state _unused_)
{
	_cleanup_free_ char *one = NULL, *three = NULL, *other = NULL;

	fresh(PAIR "link add w0 type veth peer name w1\n");
	assert_true(net_world_tc("", "qdisc add dev v0 root pfifo limit 7\n"));
	one = check("v0");
	assert_contains(one,
			"warning network-qdisc v0: 'v0': the queueing discipline 'pfifo' (tc)");
	assert_true(net_world_tc("", "qdisc add dev v1 root pfifo limit 7\n"));
	assert_true(net_world_tc("", "qdisc add dev w0 root pfifo limit 7\n"));
	three = check("*");
	assert_contains(three, "'v0' and 2 other links: the queueing discipline 'pfifo'");
	other = check("w1");
	assert_contains(other, "network-qdisc w0: 'w0': the"); /* its other end */
}

static void test_kind(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;

	if (!impossible && !net_world_has("link add x type vxlan id 5 dstport 4789\n")) {
		printf("# SKIP not possible here: no vxlan\n");
		skip();
	}
	fresh(PAIR "link add x type vxlan id 5 dstport 4789\nlink add br0 type bridge\n"
		   "link set v0 master br0\nlink set x master br0\n");
	text = check("v0");
	assert_contains(text,
			"warning network-link-kind x: 'x': links of kind 'vxlan' are not made");
}

/* The other end is in a namespace that has lost its name. */
static void test_lower(void **state _unused_)
{
	_cleanup_free_ char *named = NULL, *unnamed = NULL;
	_cleanup_close_ int fd = -EBADF;

	fresh("");
	net_world_add("container");
	assert_true(net_world_ip("", "link add v0 type veth peer name v1 netns container\n"));
	named = check("v0");
	assert_string_equal(named, "");
	fd = host_namespace(&host, "container", false);
	assert_true(fd >= 0);
	assert_int_equal(umount2(HOST_NAMESPACES_FOLDER "/container", MNT_DETACH), 0);
	assert_int_equal(unlink(HOST_NAMESPACES_FOLDER "/container"), 0);
	unnamed = check("v0");
	assert_contains(unnamed, "warning network-link-lower v0: 'v0' (veth) hangs on a link in");
}

static void assert_setting(const char *needs, const char *lines, const char *link, const char *what)
{
	_cleanup_free_ char *text = NULL, *wanted = NULL;

	if (!net_world_has(needs)) {
		printf("# not possible here: %s", needs);
		return;
	}
	fresh(lines);
	text = check("*");
	wanted = strprintf("warning network-setting %s: '%s' has %s, which does not go along", link,
			   link, what);
	assert_contains(text, wanted);
}

static void test_setting(void **state _unused_)
{
	fresh(PAIR);
	assert_setting(PAIR, PAIR "link set v0 alias guest-1\n", "v0", "a description");
	assert_setting(PAIR,
		       PAIR
		       "link add br0 type bridge\nlink set v0 master br0\n"
		       "link set v1 master br0\nlink set v0 type bridge_slave backup_port v1\n",
		       "v0", "a backup port");
	assert_setting("link add x type bond\n",
		       PAIR "link add bo type bond mode active-backup\n"
			    "link set v0 down\nlink set v0 master bo\n"
			    "link set bo type bond primary v0\n",
		       "bo", "a primary port");
	assert_setting("link add x type bond\n",
		       "link add bo type bond mode active-backup "
		       "arp_interval 100 arp_ip_target 192.0.2.7\n",
		       "bo", "ARP targets");
	assert_setting(PAIR "link add link v0 name x type vlan id 5\n",
		       PAIR "link add link v0 name x type vlan id 5 egress-qos-map 1:2\n", "x",
		       "a QoS map of what it sends");
}

/* The kernel takes names of nearly any bytes; one of them must not cost all other links. */
static void test_odd_name(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;

	fresh(PAIR "link property add dev v0 altname t\xff altname fine\n"
		   "link add w\xff type veth peer name w2\n"
		   "addr add 192.0.2.1/24 dev v0\nroute add 198.51.100.0/24 dev v0\n"
		   "link set w\xff up\nlink set w2 up\nroute add 203.0.113.0/24 dev w\xff\n");
	text = check("fine w2");
	assert_non_null(strstr(text, "network-setting v0: 'v0' has an alternative name with"));
	assert_non_null(strstr(text, "network-link-kind network: The host has 1 link whose name"));
}

static void test_routing(void **state _unused_)
{
	_cleanup_free_ char *text = NULL;

	fresh(PAIR "rule add from 192.0.2.0/24 lookup 77\n"
		   "nexthop add id 5 dev v0\nnexthop add id 6 dev v1\n");
	assert_true(net_world_ip6("", "rule add from 2001:db8::/64 lookup 77\n"));
	text = check("v0");
	assert_contains(text,
			"warning network-routing network: The host has 2 rules of policy routing");
	assert_contains(text, "network: The host has 2 next hops as objects of their own");
}

/* --- drivers ---------------------------------------------------------------------------------- */

static void put_flag(struct nl_msg *msg, const char *name, bool on)
{
	struct nlattr *bit = nla_nest_start(msg, ETHTOOL_A_BITSET_BITS_BIT);

	nla_put_string(msg, ETHTOOL_A_BITSET_BIT_NAME, name);
	if (on)
		nla_put_flag(msg, ETHTOOL_A_BITSET_BIT_VALUE);
	nla_nest_end(msg, bit);
}

/* No device of a namespace has any, so the kernel's answer is played. */
static struct nl_msg *private_flags(uint32_t index)
{
	struct genlmsghdr header = { .cmd = ETHTOOL_MSG_PRIVFLAGS_GET_REPLY, .version = 1 };
	struct nl_msg *msg = nlmsg_alloc_simple(77, 0);
	struct nlattr *nest, *bits;

	nlmsg_append(msg, &header, sizeof(header), NLMSG_ALIGNTO);
	nest = nla_nest_start(msg, ETHTOOL_A_PRIVFLAGS_HEADER);
	nla_put_u32(msg, ETHTOOL_A_HEADER_DEV_INDEX, index);
	nla_nest_end(msg, nest);
	nest = nla_nest_start(msg, ETHTOOL_A_PRIVFLAGS_FLAGS);
	bits = nla_nest_start(msg, ETHTOOL_A_BITSET_BITS);
	put_flag(msg, "legacy-rx", true);
	put_flag(msg, "link-down-on-close", false);
	put_flag(msg, "vf-true-promisc", true);
	nla_nest_end(msg, bits);
	nla_nest_end(msg, nest);
	return msg;
}

/* Of a card with more functions than a message has room for. */
static void test_untold_vfs(void **state _unused_)
{
	struct net_vf vfs[2] = {};
	struct net_link link = { .name = "eth0", .vfs = vfs, .n_vfs = 2, .n_vfs_on = 2 };
	struct net_link *links[] = { &link };
	struct net_namespace ns = { (char *)"", links, 1 };
	struct net_left_out left = {};
	struct look look = { NULL, &ns, &left };

	assert_int_equal(look_at_record(&look), 0);
	link.n_vfs_on = 300;
	link.n_vfs = 0;
	assert_int_equal(look_at_record(&look), 0);
	assert_int_equal(left.n, 0);
	link.n_vfs = 2;
	assert_int_equal(look_at_record(&look), 0);
	assert_int_equal(left.n, 1);
	assert_int_equal(left.items[0].kind, NET_LEFT_SETTING);
	assert_contains(left.items[0].what, "virtual functions");
	net_left_out_clear(&left);
}

static void test_driver(void **state _unused_)
{
	struct net_link link = { .index = 3, .name = "eth0" }, *links[] = { &link };
	struct net_namespace ns = { (char *)"", links, 1 };
	struct net_left_out left = {};
	struct look look = { NULL, &ns, &left };
	struct nl_msg *ours = private_flags(3), *other = private_flags(4);

	assert_int_equal(look_at_private_flags(other, &look), 0);
	assert_int_equal(left.n, 0);
	assert_int_equal(look_at_private_flags(ours, &look), 0);
	assert_int_equal(left.n, 2);
	assert_int_equal(left.items[0].kind, NET_LEFT_DRIVER);
	assert_string_equal(left.items[0].what, "legacy-rx");
	assert_string_equal(left.items[0].link, "eth0");
	assert_string_equal(left.items[1].what, "vf-true-promisc");
	nlmsg_free(ours);
	nlmsg_free(other);
	assert_finding(&(struct preflight_network){ .asked = true, .n_links = 1, .left = left },
		       "network-driver", SEVERITY_INFO);
	net_left_out_clear(&left);
}

/* --- before anything is looked at ------------------------------------------------------------- */

static void test_unread(void **state _unused_)
{
	struct net_unread one = { (char *)"far", -EMFILE };

	assert_finding(
		&(struct preflight_network){ .asked = true, .n_links = 1, .unread = { &one, 1 } },
		"network-namespace", SEVERITY_WARNING);
}

static void test_not_asked(void **state _unused_)
{
	struct net_left left = { NET_LEFT_RULE, (char *)"", (char *)"", NULL, 1 };
	struct preflight_network network = { .left = { &left, 1 } };
	struct preflight_context c = { .network = &network };
	struct findings findings;

	assert_int_equal(preflight_run(&c, &findings), 0);
	for (size_t i = 0; i < findings.n; i++)
		assert_true(strncmp(findings.items[i].code, "network", 7) != 0);
	findings_free(&findings);
}

static void test_no_record(void **state _unused_)
{
	assert_finding(&(struct preflight_network){ .asked = true, .error = (char *)"Too many" },
		       "network-unreadable", SEVERITY_ERROR);
	assert_finding(&(struct preflight_network){ .asked = true }, "network-no-link",
		       SEVERITY_WARNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),	  cmocka_unit_test(test_netfilter),
		cmocka_unit_test(test_xtables),	  cmocka_unit_test(test_qdisc),
		cmocka_unit_test(test_kind),	  cmocka_unit_test(test_lower),
		cmocka_unit_test(test_setting),	  cmocka_unit_test(test_routing),
		cmocka_unit_test(test_not_asked), cmocka_unit_test(test_unread),
		cmocka_unit_test(test_no_record), cmocka_unit_test(test_driver),
		cmocka_unit_test(test_odd_name),  cmocka_unit_test(test_untold_vfs),
	};

	return cmocka_run_group_tests(tests, enter, NULL);
}

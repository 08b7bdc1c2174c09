/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-attr - the settings of links that are a number each: which attribute of netlink has them, how
 * wide they are, and what they are called in a record.
 *
 * A row is known to everybody: it is recorded, written, compared and replayed. The names are part of
 * the record's format; the order of rows is not, and decides only what is set first. Left out is
 * what the kernel itself moves (state machines, counters, timers) and what only flushes something.
 */
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net.h"

static const struct net_attr link_attrs[] = {
	{ "tx-queues", IFLA_NUM_TX_QUEUES, NET_U32, NET_CREATED },
	{ "rx-queues", IFLA_NUM_RX_QUEUES, NET_U32, NET_CREATED },
	{ "mtu", IFLA_MTU, NET_U32, NET_LATE },
	{ "tx-queue-length", IFLA_TXQLEN, NET_U32, 0 },
	{ "group", IFLA_GROUP, NET_U32, 0 },
};

static const struct net_attr bridge_attrs[] = {
	{ "forward-delay", IFLA_BR_FORWARD_DELAY, NET_U32, NET_TIME },
	{ "hello-time", IFLA_BR_HELLO_TIME, NET_U32, NET_TIME },
	{ "max-age", IFLA_BR_MAX_AGE, NET_U32, NET_TIME },
	{ "ageing-time", IFLA_BR_AGEING_TIME, NET_U32, NET_TIME },
	{ "stp-state", IFLA_BR_STP_STATE, NET_U32, 0 },
	{ "priority", IFLA_BR_PRIORITY, NET_U16, 0 },
	{ "vlan-protocol", IFLA_BR_VLAN_PROTOCOL, NET_BE16, 0 },
	{ "vlan-default-pvid", IFLA_BR_VLAN_DEFAULT_PVID, NET_U16, 0 },
	{ "vlan-stats", IFLA_BR_VLAN_STATS_ENABLED, NET_U8, 0 },
	{ "vlan-stats-per-port", IFLA_BR_VLAN_STATS_PER_PORT, NET_U8, 0 },
	{ "vlan-filtering", IFLA_BR_VLAN_FILTERING, NET_U8, NET_SECOND },
	{ "group-forward-mask", IFLA_BR_GROUP_FWD_MASK, NET_U16, 0 },
	{ "group-address", IFLA_BR_GROUP_ADDR, NET_MAC, 0 },
	{ "multicast-router", IFLA_BR_MCAST_ROUTER, NET_U8, 0 },
	{ "multicast-snooping", IFLA_BR_MCAST_SNOOPING, NET_U8, 0 },
	{ "multicast-query-use-ifaddr", IFLA_BR_MCAST_QUERY_USE_IFADDR, NET_U8, 0 },
	{ "multicast-querier", IFLA_BR_MCAST_QUERIER, NET_U8, 0 },
	{ "multicast-hash-max", IFLA_BR_MCAST_HASH_MAX, NET_U32, 0 },
	{ "multicast-last-member-count", IFLA_BR_MCAST_LAST_MEMBER_CNT, NET_U32, 0 },
	{ "multicast-startup-query-count", IFLA_BR_MCAST_STARTUP_QUERY_CNT, NET_U32, 0 },
	{ "multicast-last-member-interval", IFLA_BR_MCAST_LAST_MEMBER_INTVL, NET_U64, NET_TIME },
	{ "multicast-membership-interval", IFLA_BR_MCAST_MEMBERSHIP_INTVL, NET_U64, NET_TIME },
	{ "multicast-querier-interval", IFLA_BR_MCAST_QUERIER_INTVL, NET_U64, NET_TIME },
	{ "multicast-query-interval", IFLA_BR_MCAST_QUERY_INTVL, NET_U64, NET_TIME },
	{ "multicast-query-response-interval", IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, NET_U64,
	  NET_TIME },
	{ "multicast-startup-query-interval", IFLA_BR_MCAST_STARTUP_QUERY_INTVL, NET_U64,
	  NET_TIME },
	{ "multicast-stats", IFLA_BR_MCAST_STATS_ENABLED, NET_U8, 0 },
	{ "multicast-igmp-version", IFLA_BR_MCAST_IGMP_VERSION, NET_U8, 0 },
	{ "multicast-mld-version", IFLA_BR_MCAST_MLD_VERSION, NET_U8, 0 },
	{ "nf-call-iptables", IFLA_BR_NF_CALL_IPTABLES, NET_U8, 0 },
	{ "nf-call-ip6tables", IFLA_BR_NF_CALL_IP6TABLES, NET_U8, 0 },
	{ "nf-call-arptables", IFLA_BR_NF_CALL_ARPTABLES, NET_U8, 0 },
	{ "options", IFLA_BR_MULTI_BOOLOPT, NET_BITS, NET_SECOND },
	{ "fdb-max-learned", IFLA_BR_FDB_MAX_LEARNED, NET_U32, 0 },
};

static const struct net_attr bridge_port_attrs[] = {
	{ "priority", IFLA_BRPORT_PRIORITY, NET_U16, 0 },
	{ "cost", IFLA_BRPORT_COST, NET_U32, NET_LATE },
	{ "hairpin", IFLA_BRPORT_MODE, NET_U8, 0 },
	{ "guard", IFLA_BRPORT_GUARD, NET_U8, 0 },
	{ "root-block", IFLA_BRPORT_PROTECT, NET_U8, 0 },
	{ "fast-leave", IFLA_BRPORT_FAST_LEAVE, NET_U8, 0 },
	{ "learning", IFLA_BRPORT_LEARNING, NET_U8, 0 },
	{ "flood", IFLA_BRPORT_UNICAST_FLOOD, NET_U8, 0 },
	{ "multicast-flood", IFLA_BRPORT_MCAST_FLOOD, NET_U8, 0 },
	{ "broadcast-flood", IFLA_BRPORT_BCAST_FLOOD, NET_U8, 0 },
	{ "multicast-to-unicast", IFLA_BRPORT_MCAST_TO_UCAST, NET_U8, 0 },
	{ "multicast-router", IFLA_BRPORT_MULTICAST_ROUTER, NET_U8, 0 },
	{ "multicast-hosts-limit", IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, NET_U32, 0 },
	{ "multicast-max-groups", IFLA_BRPORT_MCAST_MAX_GROUPS, NET_U32, 0 },
	{ "proxy-arp", IFLA_BRPORT_PROXYARP, NET_U8, 0 },
	{ "proxy-arp-wifi", IFLA_BRPORT_PROXYARP_WIFI, NET_U8, 0 },
	{ "vlan-tunnel", IFLA_BRPORT_VLAN_TUNNEL, NET_U8, 0 },
	{ "group-forward-mask", IFLA_BRPORT_GROUP_FWD_MASK, NET_U16, 0 },
	{ "neighbour-suppress", IFLA_BRPORT_NEIGH_SUPPRESS, NET_U8, 0 },
	{ "neighbour-vlan-suppress", IFLA_BRPORT_NEIGH_VLAN_SUPPRESS, NET_U8, 0 },
	{ "neighbour-forward-gratuitous", IFLA_BRPORT_NEIGH_FORWARD_GRAT, NET_U8, 0 },
	{ "isolated", IFLA_BRPORT_ISOLATED, NET_U8, 0 },
	{ "locked", IFLA_BRPORT_LOCKED, NET_U8, 0 },
	{ "mab", IFLA_BRPORT_MAB, NET_U8, 0 },
};

/* The mode first: what else may be set depends on it. */
static const struct net_attr bond_attrs[] = {
	{ "mode", IFLA_BOND_MODE, NET_U8, NET_CREATED },
	{ "miimon", IFLA_BOND_MIIMON, NET_U32, 0 },
	{ "up-delay", IFLA_BOND_UPDELAY, NET_U32, 0 },
	{ "down-delay", IFLA_BOND_DOWNDELAY, NET_U32, 0 },
	{ "peer-notify-delay", IFLA_BOND_PEER_NOTIF_DELAY, NET_U32, 0 },
	{ "use-carrier", IFLA_BOND_USE_CARRIER, NET_U8, 0 },
	{ "arp-interval", IFLA_BOND_ARP_INTERVAL, NET_U32, 0 },
	{ "arp-validate", IFLA_BOND_ARP_VALIDATE, NET_U32, 0 },
	{ "arp-all-targets", IFLA_BOND_ARP_ALL_TARGETS, NET_U32, 0 },
	{ "primary-reselect", IFLA_BOND_PRIMARY_RESELECT, NET_U8, 0 },
	{ "fail-over-mac", IFLA_BOND_FAIL_OVER_MAC, NET_U8, 0 },
	{ "transmit-hash-policy", IFLA_BOND_XMIT_HASH_POLICY, NET_U8, 0 },
	{ "resend-igmp", IFLA_BOND_RESEND_IGMP, NET_U32, 0 },
	{ "peer-notifies", IFLA_BOND_NUM_PEER_NOTIF, NET_U8, 0 },
	{ "all-ports-active", IFLA_BOND_ALL_SLAVES_ACTIVE, NET_U8, 0 },
	{ "min-links", IFLA_BOND_MIN_LINKS, NET_U32, 0 },
	{ "lp-interval", IFLA_BOND_LP_INTERVAL, NET_U32, 0 },
	{ "packets-per-port", IFLA_BOND_PACKETS_PER_SLAVE, NET_U32, 0 },
	{ "lacp-rate", IFLA_BOND_AD_LACP_RATE, NET_U8, 0 },
	{ "lacp-active", IFLA_BOND_AD_LACP_ACTIVE, NET_U8, 0 },
	{ "ad-select", IFLA_BOND_AD_SELECT, NET_U8, 0 },
	{ "ad-actor-priority", IFLA_BOND_AD_ACTOR_SYS_PRIO, NET_U16, 0 },
	{ "ad-user-port-key", IFLA_BOND_AD_USER_PORT_KEY, NET_U16, 0 },
	{ "ad-actor-system", IFLA_BOND_AD_ACTOR_SYSTEM, NET_MAC, 0 },
	{ "tlb-dynamic", IFLA_BOND_TLB_DYNAMIC_LB, NET_U8, 0 },
	{ "missed-max", IFLA_BOND_MISSED_MAX, NET_U8, 0 },
	{ "coupled-control", IFLA_BOND_COUPLED_CONTROL, NET_U8, 0 },
	{ "broadcast-neighbours", IFLA_BOND_BROADCAST_NEIGH, NET_U8, 0 },
};

static const struct net_attr bond_port_attrs[] = {
	{ "queue", IFLA_BOND_SLAVE_QUEUE_ID, NET_U16, 0 },
	{ "priority", IFLA_BOND_SLAVE_PRIO, NET_U32, 0 },
	{ "ad-actor-port-priority", IFLA_BOND_SLAVE_ACTOR_PORT_PRIO, NET_U16, 0 },
};

static const struct net_attr vlan_attrs[] = {
	{ "id", IFLA_VLAN_ID, NET_U16, NET_CREATED },
	{ "protocol", IFLA_VLAN_PROTOCOL, NET_BE16, NET_CREATED },
	{ "flags", IFLA_VLAN_FLAGS, NET_BITS, 0 },
};

static const struct net_attr macvlan_attrs[] = {
	{ "mode", IFLA_MACVLAN_MODE, NET_U32, NET_CREATED },
	{ "flags", IFLA_MACVLAN_FLAGS, NET_U16, NET_CREATED },
	{ "broadcast-queue-length", IFLA_MACVLAN_BC_QUEUE_LEN, NET_U32, 0 },
	{ "broadcast-cutoff", IFLA_MACVLAN_BC_CUTOFF, NET_U32, 0 },
};

/* Read by netlink, written by an ioctl: see kdev-tun.h. */
static const struct net_attr tun_attrs[] = {
	{ "type", IFLA_TUN_TYPE, NET_U8, NET_CREATED },
	{ "packet-information", IFLA_TUN_PI, NET_U8, NET_CREATED },
	{ "vnet-header", IFLA_TUN_VNET_HDR, NET_U8, NET_CREATED },
	{ "multi-queue", IFLA_TUN_MULTI_QUEUE, NET_U8, NET_CREATED },
	{ "persistent", IFLA_TUN_PERSIST, NET_U8, NET_CREATED | NET_LOOSE },
	{ "owner", IFLA_TUN_OWNER, NET_U32, NET_CREATED },
	{ "group", IFLA_TUN_GROUP, NET_U32, NET_CREATED },
};

/* What sysctls say of a link is written by netlink, too; mc_forwarding is a daemon's own. */
static const struct net_attr ipv4_attrs[] = {
	{ "forwarding", IPV4_DEVCONF_FORWARDING, NET_U32, 0 },
	{ "proxy-arp", IPV4_DEVCONF_PROXY_ARP, NET_U32, 0 },
	{ "accept-redirects", IPV4_DEVCONF_ACCEPT_REDIRECTS, NET_U32, 0 },
	{ "secure-redirects", IPV4_DEVCONF_SECURE_REDIRECTS, NET_U32, 0 },
	{ "send-redirects", IPV4_DEVCONF_SEND_REDIRECTS, NET_U32, 0 },
	{ "shared-media", IPV4_DEVCONF_SHARED_MEDIA, NET_U32, 0 },
	{ "rp-filter", IPV4_DEVCONF_RP_FILTER, NET_U32, 0 },
	{ "accept-source-route", IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, NET_U32, 0 },
	{ "bootp-relay", IPV4_DEVCONF_BOOTP_RELAY, NET_U32, 0 },
	{ "log-martians", IPV4_DEVCONF_LOG_MARTIANS, NET_U32, 0 },
	{ "tag", IPV4_DEVCONF_TAG, NET_U32, 0 },
	{ "arp-filter", IPV4_DEVCONF_ARPFILTER, NET_U32, 0 },
	{ "medium-id", IPV4_DEVCONF_MEDIUM_ID, NET_U32, 0 },
	{ "disable-xfrm", IPV4_DEVCONF_NOXFRM, NET_U32, 0 },
	{ "disable-policy", IPV4_DEVCONF_NOPOLICY, NET_U32, 0 },
	{ "force-igmp-version", IPV4_DEVCONF_FORCE_IGMP_VERSION, NET_U32, 0 },
	{ "arp-announce", IPV4_DEVCONF_ARP_ANNOUNCE, NET_U32, 0 },
	{ "arp-ignore", IPV4_DEVCONF_ARP_IGNORE, NET_U32, 0 },
	{ "promote-secondaries", IPV4_DEVCONF_PROMOTE_SECONDARIES, NET_U32, 0 },
	{ "arp-accept", IPV4_DEVCONF_ARP_ACCEPT, NET_U32, 0 },
	{ "arp-notify", IPV4_DEVCONF_ARP_NOTIFY, NET_U32, 0 },
	{ "accept-local", IPV4_DEVCONF_ACCEPT_LOCAL, NET_U32, 0 },
	{ "src-valid-mark", IPV4_DEVCONF_SRC_VMARK, NET_U32, 0 },
	{ "proxy-arp-pvlan", IPV4_DEVCONF_PROXY_ARP_PVLAN, NET_U32, 0 },
	{ "route-localnet", IPV4_DEVCONF_ROUTE_LOCALNET, NET_U32, 0 },
	{ "igmpv2-unsolicited-report-interval", IPV4_DEVCONF_IGMPV2_UNSOLICITED_REPORT_INTERVAL,
	  NET_U32, 0 },
	{ "igmpv3-unsolicited-report-interval", IPV4_DEVCONF_IGMPV3_UNSOLICITED_REPORT_INTERVAL,
	  NET_U32, 0 },
	{ "ignore-routes-with-linkdown", IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN, NET_U32, 0 },
	{ "drop-unicast-in-l2-multicast", IPV4_DEVCONF_DROP_UNICAST_IN_L2_MULTICAST, NET_U32, 0 },
	{ "drop-gratuitous-arp", IPV4_DEVCONF_DROP_GRATUITOUS_ARP, NET_U32, 0 },
	{ "bc-forwarding", IPV4_DEVCONF_BC_FORWARDING, NET_U32, 0 },
	{ "arp-evict-nocarrier", IPV4_DEVCONF_ARP_EVICT_NOCARRIER, NET_U32, 0 },
};

static const struct {
	const struct net_attr *attrs;
	size_t n;
} sets[NET_SET_MAX] = {
	[NET_SET_LINK] = { link_attrs, ARRAY_SIZE(link_attrs) },
	[NET_SET_BRIDGE] = { bridge_attrs, ARRAY_SIZE(bridge_attrs) },
	[NET_SET_BRIDGE_PORT] = { bridge_port_attrs, ARRAY_SIZE(bridge_port_attrs) },
	[NET_SET_BOND] = { bond_attrs, ARRAY_SIZE(bond_attrs) },
	[NET_SET_BOND_PORT] = { bond_port_attrs, ARRAY_SIZE(bond_port_attrs) },
	[NET_SET_VLAN] = { vlan_attrs, ARRAY_SIZE(vlan_attrs) },
	[NET_SET_MACVLAN] = { macvlan_attrs, ARRAY_SIZE(macvlan_attrs) },
	[NET_SET_TUN] = { tun_attrs, ARRAY_SIZE(tun_attrs) },
	[NET_SET_IPV4] = { ipv4_attrs, ARRAY_SIZE(ipv4_attrs) },
};

_Static_assert(ARRAY_SIZE(bridge_attrs) <= NET_SETTINGS_MAX, "more settings than a set can have");
_Static_assert(ARRAY_SIZE(bond_attrs) <= NET_SETTINGS_MAX, "more settings than a set can have");

static const size_t widths[] = {
	[NET_U8] = 1,	[NET_U16] = 2, [NET_U32] = 4,  [NET_U64] = 8,
	[NET_BE16] = 2, [NET_MAC] = 6, [NET_BITS] = 8,
};

const struct net_attr *net_attr(enum net_set set, size_t index)
{
	return index < sets[set].n ? &sets[set].attrs[index] : NULL;
}

uint64_t net_attr_max(const struct net_attr *attr)
{
	if (attr->type == NET_BITS)
		return UINT32_MAX;
	/* INT64_MAX: what JSON can say of it. */
	return widths[attr->type] == 8 ? INT64_MAX : (UINT64_C(1) << (8 * widths[attr->type])) - 1;
}

/* Big-endian ones are turned; the rest is little or big as the machine is. */
static bool decode(const struct net_attr *attr, struct nlattr *nla, uint64_t *ret)
{
	const uint8_t *data = nla_data(nla);
	uint64_t value = 0;
	uint32_t bits;

	if ((size_t)nla_len(nla) != widths[attr->type])
		return false;
	switch ((enum net_type)attr->type) {
	case NET_U8:
		value = data[0];
		break;
	case NET_U16:
		value = nla_get_u16(nla);
		break;
	case NET_U32:
		value = nla_get_u32(nla);
		break;
	case NET_U64:
		value = nla_get_u64(nla);
		break;
	case NET_BE16:
	case NET_MAC:
		for (size_t i = 0; i < widths[attr->type]; i++)
			value = value << 8 | data[i];
		break;
	case NET_BITS:
		memcpy(&bits, data, sizeof(bits));
		value = bits;
		break;
	}
	/* No time is as long as what a record cannot say any more. */
	*ret = value > net_attr_max(attr) ? net_attr_max(attr) : value;
	return true;
}

static int encode(const struct net_attr *attr, uint64_t value, struct nl_msg *msg)
{
	uint8_t data[8];
	size_t width = widths[attr->type];

	switch ((enum net_type)attr->type) {
	case NET_U8:
		data[0] = (uint8_t)value;
		break;
	case NET_U16:
		memcpy(data, &(uint16_t){ (uint16_t)value }, width);
		break;
	case NET_U32:
		memcpy(data, &(uint32_t){ (uint32_t)value }, width);
		break;
	case NET_U64:
		memcpy(data, &value, width);
		break;
	case NET_BE16:
	case NET_MAC:
		for (size_t i = 0; i < width; i++)
			data[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
		break;
	case NET_BITS:
		memcpy(data, (uint32_t[]){ (uint32_t)value, UINT32_MAX }, width);
		break;
	}
	return nla_put(msg, attr->number, (int)width, data) < 0 ? -EMSGSIZE : 0;
}

static void parse_one(enum net_set set, struct nlattr *nla, struct net_settings *ret)
{
	for (size_t i = 0; i < sets[set].n; i++)
		if (sets[set].attrs[i].number == nla_type(nla) &&
		    decode(&sets[set].attrs[i], nla, &ret->value[i]))
			ret->have |= UINT64_C(1) << i;
}

void net_settings_parse(enum net_set set, struct nlattr *nest, struct net_settings *ret)
{
	struct nlattr *nla;
	int left;

	nla_for_each_nested(nla, nest, left) parse_one(set, nla, ret);
}

void net_settings_parse_message(enum net_set set, struct nlmsghdr *header, size_t size,
				struct net_settings *ret)
{
	struct nlattr *nla;
	int left;

	nlmsg_for_each_attr(nla, header, (int)size, left) parse_one(set, nla, ret);
}

void net_settings_parse_array(enum net_set set, struct nlattr *array, struct net_settings *ret)
{
	size_t n = (size_t)nla_len(array) / sizeof(uint32_t);
	uint32_t value;

	for (size_t i = 0; i < sets[set].n; i++) {
		if (sets[set].attrs[i].number > n)
			continue;
		memcpy(&value,
		       (char *)nla_data(array) + sizeof(value) * (sets[set].attrs[i].number - 1U),
		       sizeof(value));
		ret->value[i] = value;
		ret->have |= UINT64_C(1) << i;
	}
}

bool net_setting(const struct net_settings *settings, size_t index, uint64_t *ret)
{
	if (!(settings->have >> index & 1))
		return false;
	*ret = settings->value[index];
	return true;
}

uint64_t net_setting_named(enum net_set set, const struct net_settings *settings, const char *name,
			   uint64_t otherwise)
{
	uint64_t value;

	for (size_t i = 0; i < sets[set].n; i++)
		if (streq(sets[set].attrs[i].name, name))
			return net_setting(settings, i, &value) ? value : otherwise;
	return otherwise;
}

/* A kernel keeps times in ticks, 100 to 1000 of them a second. */
static bool same_time(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= 1;
}

struct net_settings net_settings_rounded(enum net_set set, const struct net_settings *wanted,
					 const struct net_settings *now)
{
	struct net_settings rounded = *now;

	for (size_t i = 0; i < sets[set].n; i++)
		if ((sets[set].attrs[i].flags & NET_TIME) && (wanted->have >> i & 1) &&
		    same_time(wanted->value[i], now->value[i]))
			rounded.value[i] = wanted->value[i];
	return rounded;
}

struct net_settings net_settings_missing(enum net_set set, const struct net_settings *wanted,
					 const struct net_settings *now)
{
	struct net_settings missing = *wanted, rounded = net_settings_rounded(set, wanted, now);

	for (size_t i = 0; i < NET_SETTINGS_MAX; i++)
		if ((now->have >> i & 1) && rounded.value[i] == wanted->value[i])
			missing.have &= ~(UINT64_C(1) << i);
	return missing;
}

struct net_settings net_settings_only(enum net_set set, const struct net_settings *settings,
				      unsigned int flags)
{
	struct net_settings only = *settings;

	for (size_t i = 0; i < sets[set].n; i++)
		if (!(sets[set].attrs[i].flags & flags))
			only.have &= ~(UINT64_C(1) << i);
	return only;
}

int net_settings_put(enum net_set set, const struct net_settings *settings, struct nl_msg *msg)
{
	int r = 0;

	for (size_t i = 0; i < sets[set].n && r >= 0; i++)
		if (settings->have >> i & 1)
			r = encode(&sets[set].attrs[i], settings->value[i], msg);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net - the network that guests hang on, as plain data: what is recorded before the jump, what is
 * compared with a machine, and what is made again in the next kernel.
 *
 * A record has namespaces, the first of which is luod's own and has no name; a namespace has links
 * and routes; a link has what it is, what it hangs on (by name, because numbers do not survive a
 * jump), its settings, addresses and neighbours. Settings are numbers in tables (net-attr.c): a
 * new attribute of the kernel is one row there, and is recorded, written, compared and replayed.
 *
 * Four members of a link are true of one running kernel only: they are 0 in what was read from a
 * text. Nothing in this file talks to the kernel.
 */
#ifndef LUOD_NET_H
#define LUOD_NET_H

#include <net/if.h>
#include <stdint.h>

#include "util.h"

#define NET_ADDRESS_MAX	  32  /* MAX_ADDR_LEN of the kernel: InfiniBand has 20 */
#define NET_ALTNAME_MAX	  127 /* ALTIFNAMSIZ without its NUL */
#define NET_NAMESPACE_MAX 255 /* of the name of a file */
#define NET_VLANS	  4096
#define NET_METRICS	  18
#define NET_SETTINGS_MAX  64
#define NET_PARENT_MAX	  64
#define NET_VF_QOS_MAX	  7

enum net_kind {
	NET_KIND_DEVICE, /* hardware, or what else is there by itself */
	NET_KIND_TUN,
	NET_KIND_MACVTAP,
	NET_KIND_MACVLAN,
	NET_KIND_BRIDGE,
	NET_KIND_VLAN,
	NET_KIND_BOND,
	NET_KIND_VETH,
	NET_KIND_DUMMY,
	NET_KIND_OTHER, /* made by somebody, in a way that is not replayed */
	NET_KIND_MAX,
};

/* Which table of net-attr.c a struct net_settings belongs to. */
enum net_set {
	NET_SET_NONE,
	NET_SET_LINK,
	NET_SET_BRIDGE,
	NET_SET_BRIDGE_PORT,
	NET_SET_BOND,
	NET_SET_BOND_PORT,
	NET_SET_VLAN,
	NET_SET_MACVLAN,
	NET_SET_TUN,
	NET_SET_IPV4, /* sysctls of net.ipv4.conf */
	NET_SET_MAX,
};

/* Numbers by the index of their row; bit i of @have says whether value[i] counts. */
struct net_settings {
	uint64_t have;
	uint64_t value[NET_SETTINGS_MAX];
};

struct net_mac {
	uint8_t length;
	uint8_t bytes[NET_ADDRESS_MAX];
};

struct net_ip {
	uint8_t family; /* AF_INET, AF_INET6; AF_UNSPEC: none */
	uint8_t prefix;
	uint8_t bytes[16];
};

struct net_address {
	struct net_ip local, peer, broadcast;
	char label[IFNAMSIZ];
	uint8_t scope;
	uint32_t flags;
	uint32_t metric;
	bool deprecated; /* it stays, and is not used for anything new */
};

struct net_neighbour {
	struct net_ip ip;   /* AF_UNSPEC: an entry of a bridge's table */
	struct net_mac mac; /* may be empty: a proxied address */
	uint16_t state;
	uint8_t flags;
	uint16_t vlan;
};

struct net_hop {
	char link[IFNAMSIZ];
	struct net_ip gateway;
	uint8_t weight; /* hops are equal at 0 */
	uint8_t flags;
};

struct net_route {
	struct net_ip destination, source; /* @source: which address is taken, of several */
	struct net_ip from;		   /* only what comes from there, AF_UNSPEC: all */
	uint8_t type, scope, protocol, tos;
	uint32_t table, priority;
	uint32_t metrics[NET_METRICS]; /* by RTAX_*; 0: none */
	struct net_hop *hops;
	size_t n_hops;
};

/* What of a virtual function is known: its driver need not support all of it. */
enum net_vf_have {
	NET_VF_VLAN = 1 << 0,
	NET_VF_RATE = 1 << 1,
	NET_VF_SPOOF_CHECK = 1 << 2,
	NET_VF_TRUST = 1 << 3,
	NET_VF_LINK_STATE = 1 << 4,
};

struct net_vf {
	uint32_t index;
	uint32_t have;
	uint8_t mac[6];
	uint16_t vlan, vlan_protocol;
	uint32_t qos;
	uint32_t min_rate, max_rate; /* Mbit/s; 0: no limit */
	uint32_t link_state;	     /* IFLA_VF_LINK_STATE_* */
	bool spoof_check, trust;
};

#define NET_VLAN_MEMBER	  1
#define NET_VLAN_PVID	  2
#define NET_VLAN_UNTAGGED 4

/* Another link, maybe of another namespace; "" is none. */
struct net_ref {
	char name[IFNAMSIZ];
	char *namespace; /* NULL: the same */
};

struct net_link {
	/* of one running kernel */
	unsigned int index, master_index, lower_index;
	int lower_nsid; /* -1: the same namespace */

	char name[IFNAMSIZ];
	char **altnames;
	size_t n_altnames;
	enum net_kind kind, port_kind; /* @port_kind: what its master is */
	char kind_name[IFNAMSIZ];
	char parent[NET_PARENT_MAX]; /* the device: "pci/0000:03:00.0" */
	struct net_mac mac, permanent;
	uint32_t flags; /* NET_FLAGS of IFF_* */
	int addrgen; /* IN6_ADDR_GEN_MODE_*: which IPv6 address it gives itself; -1: none is known */
	char master[IFNAMSIZ];
	struct net_ref lower; /* what it lies on; of a veth, its peer */
	struct net_settings base, own, port, ipv4;
	uint8_t *vlans; /* NULL, or NET_VLANS bytes of NET_VLAN_* */
	unsigned int n_vfs_on;
	struct net_vf *vfs;
	size_t n_vfs;
	struct net_address *addresses;
	size_t n_addresses;
	struct net_neighbour *neighbours;
	size_t n_neighbours;
};

#define NET_FLAGS (IFF_UP | IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST)

struct net_namespace {
	char *name; /* "": luod's own */
	struct net_link **links;
	size_t n_links;
	struct net_route *routes;
	size_t n_routes;
	struct net_index *index; /* see net-index.h */
};

struct net_record {
	struct net_namespace *namespaces;
	size_t n;
};

/* --- the model (net.c) ------------------------------------------------------------------------ */

void net_record_clear(struct net_record *r);
void net_namespace_empty(struct net_namespace *ns); /* but for its name */
void net_namespace_strip(struct net_namespace *ns); /* but for the links, without what they carry */
void net_link_free(struct net_link *link);
void net_route_clear(struct net_route *route);
DEFINE_CLEANUP(struct net_link *, net_link_free)

/*
 * Adds one that is empty. -E2BIG past what luod looks at (LIMIT_NET_SEEN; what a record takes is less, and
 * whoever reads one sees to it), -EEXIST for a name twice, -ENOMEM.
 */
int net_add_namespace(struct net_record *r, const char *name, struct net_namespace **ret);
/* Takes @link over when it returns 0; errors as above. Names are not compared: see net_sort(). */
int net_add_link(struct net_namespace *ns, struct net_link *link);
int net_add_altname(struct net_link *link, const char *name);
int net_add_address(struct net_link *link, const struct net_address *address);
int net_add_neighbour(struct net_link *link, const struct net_neighbour *neighbour);
int net_add_vf(struct net_link *link, const struct net_vf *vf);
int net_add_hop(struct net_route *route, const struct net_hop *hop);
/* Takes what @route points to over when it returns 0. */
int net_add_route(struct net_namespace *ns, const struct net_route *route);
/* Of VLAN @id, NET_VLAN_*. */
int net_set_vlan(struct net_link *link, unsigned int id, unsigned int flags);

/* When links were taken out, moved or got another name: see net-index.h. */
void net_index_drop(struct net_namespace *ns);

struct net_namespace *net_find_namespace(const struct net_record *r, const char *name);
/* By name or by one of its alternative names; NULL. */
struct net_link *net_find_link(const struct net_namespace *ns, const char *name);
struct net_link *net_find_index(const struct net_namespace *ns, unsigned int index);
/*
 * The link that stands for @wanted here: of the same name, or, of hardware, the same device. NULL where
 * another device has the name.
 */
struct net_link *net_find_same(const struct net_namespace *ns, const struct net_link *wanted);

/* What the kernel takes as it is as a name of a link, or of a namespace: a file of /run/netns. */
bool net_name_valid(const char *name, size_t max);
/* A record says UTF-8, and the kernel takes any bytes. */
bool net_text_valid(const char *text);

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b);
bool net_mac_equal(const struct net_mac *a, const struct net_mac *b);
/* Of the bits that both prefixes, which are the same, say. */
bool net_ip_same_network(const struct net_ip *a, const struct net_ip *b);
/* All but who has made it and where it leads. */
bool net_route_alike(const struct net_route *a, const struct net_route *b);
bool net_kind_is_made(enum net_kind kind); /* by a request, not by hardware */
enum net_set net_kind_set(enum net_kind kind);
enum net_set net_kind_port_set(enum net_kind master);
bool net_kind_has_lower(enum net_kind kind);
const char *net_kind_to_string(enum net_kind kind);
int net_kind_from_string(const char *word);

/* --- settings (net-attr.c) -------------------------------------------------------------------- */

enum net_type {
	NET_U8,
	NET_U16,
	NET_U32,
	NET_U64,
	NET_BE16,
	NET_MAC,  /* six bytes */
	NET_BITS, /* 32 bits, and a mask of which of them count: all */
};

enum net_attr_flags {
	NET_CREATED = 1 << 0, /* said when the link is made, and never changed */
	NET_LATE = 1 << 1,    /* follows other links, so it is set once more when all are there */
	NET_SECOND = 1 << 2,  /* can be set only when the others are */
	NET_LOOSE = 1 << 3,   /* a link is the same though this is otherwise */
	NET_TIME = 1 << 4,    /* in 1/100 s, as the kernel's ticks say it: it may be one less */
};

struct net_attr {
	const char *name;
	uint16_t number; /* of the netlink attribute */
	uint8_t type;	 /* enum net_type */
	uint8_t flags;
};

/* Row @index of the table of @set, or NULL behind its end. */
const struct net_attr *net_attr(enum net_set set, size_t index);
/* The largest value that the type can have. */
uint64_t net_attr_max(const struct net_attr *attr);

struct nlattr;
struct nlmsghdr;
struct nl_msg;

/* Takes the settings out of the attributes nested in @nest. What the table does not know is left. */
void net_settings_parse(enum net_set set, struct nlattr *nest, struct net_settings *ret);
/* Likewise of those of a whole message, behind its header of @size bytes. */
void net_settings_parse_message(enum net_set set, struct nlmsghdr *header, size_t size,
				struct net_settings *ret);
/* Likewise of an array of 32 bits each, where the first has number 1. */
void net_settings_parse_array(enum net_set set, struct nlattr *array, struct net_settings *ret);
/* Whether one row is in the settings, and its value. */
bool net_setting(const struct net_settings *settings, size_t index, uint64_t *ret);
/* The same by the name of the row; @otherwise when it is not there. */
uint64_t net_setting_named(enum net_set set, const struct net_settings *settings, const char *name,
			   uint64_t otherwise);
/* Those of @wanted that @now has otherwise, or not at all. */
struct net_settings net_settings_missing(enum net_set set, const struct net_settings *wanted,
					 const struct net_settings *now);
/* @now, where what is the same in another kernel's ticks is as it is @wanted. */
struct net_settings net_settings_rounded(enum net_set set, const struct net_settings *wanted,
					 const struct net_settings *now);
/* Only those whose rows have one of @flags. */
struct net_settings net_settings_only(enum net_set set, const struct net_settings *settings,
				      unsigned int flags);
/* Adds them to a message. -EMSGSIZE. */
int net_settings_put(enum net_set set, const struct net_settings *settings, struct nl_msg *msg);

#endif

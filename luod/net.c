/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net - the model's memory: growing arrays with a limit each, finding and comparing; see net.h.
 */
#include "net.h"

#include <arpa/inet.h>

#include <jansson.h>

#include "limits.h"
#include "net-index.h"

/* --- kinds ------------------------------------------------------------------------------------ */

static const struct {
	const char *name; /* the kernel's */
	bool made, lower;
	enum net_set own, port; /* settings of the link, and of the ports of such a link */
} kinds[NET_KIND_MAX] = {
	[NET_KIND_DEVICE] = { "device" },
	[NET_KIND_TUN] = { "tun", .made = true, .own = NET_SET_TUN },
	[NET_KIND_MACVTAP] = { "macvtap", .made = true, .lower = true, .own = NET_SET_MACVLAN },
	[NET_KIND_MACVLAN] = { "macvlan", .made = true, .lower = true, .own = NET_SET_MACVLAN },
	[NET_KIND_BRIDGE] = { "bridge", .made = true, .own = NET_SET_BRIDGE,
			      .port = NET_SET_BRIDGE_PORT },
	[NET_KIND_VLAN] = { "vlan", .made = true, .lower = true, .own = NET_SET_VLAN },
	[NET_KIND_BOND] = { "bond", .made = true, .own = NET_SET_BOND, .port = NET_SET_BOND_PORT },
	[NET_KIND_VETH] = { "veth", .made = true, .lower = true },
	[NET_KIND_DUMMY] = { "dummy", .made = true },
	[NET_KIND_OTHER] = { "other" },
};

bool net_kind_is_made(enum net_kind kind)
{
	return kinds[kind].made;
}

bool net_kind_has_lower(enum net_kind kind)
{
	return kinds[kind].lower;
}

enum net_set net_kind_set(enum net_kind kind)
{
	return kinds[kind].own;
}

enum net_set net_kind_port_set(enum net_kind master)
{
	return kinds[master].port;
}

const char *net_kind_to_string(enum net_kind kind)
{
	return kinds[kind].name;
}

int net_kind_from_string(const char *word)
{
	for (enum net_kind i = 0; i < NET_KIND_MAX; i++)
		if (streq(kinds[i].name, word))
			return (int)i;
	return -EINVAL;
}

/* --- arrays ----------------------------------------------------------------------------------- */

/* Room for one more behind the @n of them; their number changes when the caller has filled it. */
static void *grow(void *array, size_t n, size_t size, size_t max, int *ret_error)
{
	void *grown;

	if (n >= max) {
		*ret_error = -E2BIG;
		return NULL;
	}
	/* Only at 0, 1, 2, 4, 8, ... is there no room left. */
	if (n & (n - 1))
		return array;
	grown = reallocarray(array, n ? 2 * n : 1, size);
	*ret_error = -ENOMEM;
	return grown;
}

/* One more element of an array of the model: its address, or -E2BIG or -ENOMEM returned. */
#define ADD(array, n, max, element)                                            \
	({                                                                     \
		int _error = 0;                                                \
		void *_grown = grow(array, n, sizeof(*(array)), max, &_error); \
                                                                               \
		if (_grown) {                                                  \
			_error = 0;                                            \
			(array) = _grown;                                      \
			(array)[(n)++] = (element);                            \
		}                                                              \
		_error;                                                        \
	})

int net_add_namespace(struct net_record *r, const char *name, struct net_namespace **ret)
{
	struct net_namespace ns = {};
	int result;

	if (net_find_namespace(r, name))
		return -EEXIST;
	ns.name = strdup(name);
	if (!ns.name)
		return -ENOMEM;
	result = ADD(r->namespaces, r->n, LIMIT_NET_SEEN_NAMESPACES, ns);
	if (result < 0) {
		free(ns.name);
		return result;
	}
	*ret = &r->namespaces[r->n - 1];
	return 0;
}

int net_add_link(struct net_namespace *ns, struct net_link *link)
{
	return ADD(ns->links, ns->n_links, LIMIT_NET_SEEN, link);
}

int net_add_altname(struct net_link *link, const char *name)
{
	char *copy = strdup(name);
	int r = -ENOMEM;

	if (copy)
		r = ADD(link->altnames, link->n_altnames, LIMIT_NET_SEEN, copy);
	if (r < 0)
		free(copy);
	return r;
}

int net_add_address(struct net_link *link, const struct net_address *address)
{
	return ADD(link->addresses, link->n_addresses, LIMIT_NET_SEEN, *address);
}

int net_add_neighbour(struct net_link *link, const struct net_neighbour *neighbour)
{
	return ADD(link->neighbours, link->n_neighbours, LIMIT_NET_SEEN, *neighbour);
}

int net_add_vf(struct net_link *link, const struct net_vf *vf)
{
	return ADD(link->vfs, link->n_vfs, LIMIT_NET_SEEN, *vf);
}

int net_add_hop(struct net_route *route, const struct net_hop *hop)
{
	return ADD(route->hops, route->n_hops, LIMIT_NET_HOPS, *hop);
}

int net_add_route(struct net_namespace *ns, const struct net_route *route)
{
	return ADD(ns->routes, ns->n_routes, LIMIT_NET_SEEN, *route);
}

int net_set_vlan(struct net_link *link, unsigned int id, unsigned int flags)
{
	if (id == 0 || id >= NET_VLANS - 1)
		return -EINVAL;
	if (!link->vlans)
		link->vlans = calloc(1, NET_VLANS);
	if (!link->vlans)
		return -ENOMEM;
	link->vlans[id] = (uint8_t)flags;
	return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

void net_link_free(struct net_link *link)
{
	if (!link)
		return;
	for (size_t i = 0; i < link->n_altnames; i++)
		free(link->altnames[i]);
	free(link->altnames);
	free(link->lower.namespace);
	free(link->vlans);
	free(link->vfs);
	free(link->addresses);
	free(link->neighbours);
	free(link);
}

void net_route_clear(struct net_route *route)
{
	free(route->hops);
	*route = (struct net_route){};
}

void net_namespace_empty(struct net_namespace *ns)
{
	for (size_t i = 0; i < ns->n_links; i++)
		net_link_free(ns->links[i]);
	for (size_t i = 0; i < ns->n_routes; i++)
		net_route_clear(&ns->routes[i]);
	free(ns->links);
	free(ns->routes);
	net_index_drop(ns);
	*ns = (struct net_namespace){ .name = ns->name };
}

void net_namespace_strip(struct net_namespace *ns)
{
	for (size_t i = 0; i < ns->n_links; i++) {
		struct net_link *l = ns->links[i];

		free(TAKE_PTR(l->vlans));
		free(TAKE_PTR(l->addresses));
		free(TAKE_PTR(l->neighbours));
		l->n_addresses = l->n_neighbours = 0;
	}
	for (size_t i = 0; i < ns->n_routes; i++)
		net_route_clear(&ns->routes[i]);
	free(TAKE_PTR(ns->routes));
	ns->n_routes = 0;
}

void net_record_clear(struct net_record *r)
{
	for (size_t i = 0; i < r->n; i++) {
		net_namespace_empty(&r->namespaces[i]);
		free(r->namespaces[i].name);
	}
	free(r->namespaces);
	*r = (struct net_record){};
}

/* --- finding and comparing -------------------------------------------------------------------- */

struct net_namespace *net_find_namespace(const struct net_record *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (streq(r->namespaces[i].name, name))
			return &r->namespaces[i];
	return NULL;
}

struct net_link *net_find_link(const struct net_namespace *ns, const char *name)
{
	return net_index_find(ns, 0, name);
}

struct net_link *net_find_index(const struct net_namespace *ns, unsigned int index)
{
	return index ? net_index_find(ns, index, NULL) : NULL;
}

/*
 * Hardware may not have got its name from udev yet, or get another one from another kernel; and a name
 * may be another device's by now. What a device is, its address says that it came with, and its place on
 * a bus: the address first, for a card may be moved or its bus be numbered otherwise, and two ports may
 * be of one device.
 */
enum identity {
	OTHER, /* something says that it is another one */
	UNKNOWN,
	SAME_PLACE,
	SAME_MAC,
	SAME,
};

static enum identity identity_of(const struct net_link *a, const struct net_link *b)
{
	bool place = *a->parent && streq(a->parent, b->parent);

	if (a->kind != NET_KIND_DEVICE || b->kind != NET_KIND_DEVICE)
		return UNKNOWN;
	if (a->permanent.length && b->permanent.length)
		return !net_mac_equal(&a->permanent, &b->permanent) ? OTHER
		       : place					    ? SAME
								    : SAME_MAC;
	return place ? SAME_PLACE : *a->parent && *b->parent ? OTHER : UNKNOWN;
}

/* The one that is the most certain; of several that are as certain the one of that name, or none. */
struct net_link *net_find_same(const struct net_namespace *ns, const struct net_link *wanted)
{
	struct net_link *named = net_find_link(ns, wanted->name), *best = NULL;
	enum identity most = named ? identity_of(named, wanted) : OTHER;
	bool several = false;

	for (size_t i = 0; wanted->kind == NET_KIND_DEVICE && i < ns->n_links; i++) {
		enum identity identity = identity_of(ns->links[i], wanted);

		several = identity > most ? false : several || (identity == most && best);
		if (identity > most && identity > UNKNOWN) {
			most = identity;
			best = ns->links[i];
		}
	}
	if (best)
		return several ? NULL : best;
	return most == OTHER ? NULL : named;
}

bool net_text_valid(const char *text)
{
	json_t *string = json_string(text);
	bool valid = string;

	json_decref(string);
	return valid;
}

bool net_name_valid(const char *name, size_t max)
{
	size_t n = strlen(name);

	if (n == 0 || n > max || streq(name, ".") || streq(name, ".."))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || strchr("/:%", name[i]) || name[i] == 0x7f)
			return false;
	return net_text_valid(name);
}

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b)
{
	size_t n = a->family == AF_INET6 ? 16 : a->family == AF_INET ? 4 : 0;

	return a->family == b->family && a->prefix == b->prefix &&
	       memcmp(a->bytes, b->bytes, n) == 0;
}

bool net_mac_equal(const struct net_mac *a, const struct net_mac *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

bool net_ip_same_network(const struct net_ip *a, const struct net_ip *b)
{
	if (a->family != b->family || a->prefix != b->prefix)
		return false;
	for (unsigned int i = 0; i < a->prefix; i++)
		if ((a->bytes[i / 8] ^ b->bytes[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

bool net_route_alike(const struct net_route *a, const struct net_route *b)
{
	return net_ip_equal(&a->destination, &b->destination) &&
	       net_ip_equal(&a->source, &b->source) && net_ip_equal(&a->from, &b->from) &&
	       a->type == b->type && a->scope == b->scope && a->table == b->table &&
	       a->priority == b->priority && a->tos == b->tos &&
	       memcmp(a->metrics, b->metrics, sizeof(a->metrics)) == 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-apply-ip - addresses and neighbours of a link; see net-apply.h. */
#include "net-apply-private.h"

#include <arpa/inet.h>

#include "net-text.h"

/*
 * What the kernel takes for the same address: of IPv6 one is on a link once, of IPv4 once in each network.
 * How it is used may be otherwise.
 */
static bool same_address(const struct net_address *a, const struct net_address *b)
{
	if (a->local.family != b->local.family)
		return false;
	if (a->local.family == AF_INET6)
		return memcmp(a->local.bytes, b->local.bytes, sizeof(a->local.bytes)) == 0;
	return net_ip_equal(&a->local, &b->local) &&
	       net_ip_same_network(a->peer.family ? &a->peer : &a->local,
				   b->peer.family ? &b->peer : &b->local);
}

static const struct net_address *find_address(const struct net_link *l, const struct net_address *a)
{
	for (size_t i = 0; i < l->n_addresses; i++)
		if (same_address(&l->addresses[i], a))
			return &l->addresses[i];
	return NULL;
}

/* The first thing that is otherwise, or NULL. */
static const char *otherwise(const struct net_address *now, const struct net_address *wanted)
{
	if (now->local.prefix != wanted->local.prefix)
		return "another prefix length";
	if (!net_ip_equal(&now->peer, &wanted->peer))
		return "another peer";
	if (!net_ip_equal(&now->broadcast, &wanted->broadcast))
		return "another broadcast address";
	if (now->metric != wanted->metric)
		return "another metric";
	if (now->scope != wanted->scope || now->flags != wanted->flags ||
	    now->deprecated != wanted->deprecated || !streq(now->label, wanted->label))
		return "another scope, label or flags";
	return NULL;
}

static const struct net_neighbour *find_neighbour(const struct net_link *l,
						  const struct net_neighbour *n)
{
	for (size_t i = 0; i < l->n_neighbours; i++) {
		const struct net_neighbour *one = &l->neighbours[i];

		/* A bridge knows by hardware address and VLAN, everybody else by address. */
		if (net_ip_equal(&one->ip, &n->ip) && one->vlan == n->vlan &&
		    (n->ip.family ? one->flags == n->flags : net_mac_equal(&one->mac, &n->mac)))
			return one;
	}
	return NULL;
}

static int add_address(struct apply *a, const struct net_address *wanted)
{
	return apply_add(a, "an address", net_request_address(a->now->index, wanted, true),
			 net_request_address(a->now->index, wanted, false));
}

/* The kernel changes some of it in place, each family something else: so it is taken off at first. */
static int replace_address(struct apply *a, const struct net_address *now,
			   const struct net_address *wanted, const char *what)
{
	char text[NET_IP_TEXT_MAX];
	int r;

	if (!a->free) {
		apply_conflict(a, "%s has %s", net_ip_to_text(&now->local, text), what);
		return 0;
	}
	r = apply_change(a, "an address that is otherwise",
			 net_request_address(a->now->index, now, false),
			 net_request_address(a->now->index, now, true));
	return r < 0 ? r : add_address(a, wanted);
}

int apply_addresses(struct apply *a)
{
	int r = 0;

	for (size_t i = 0; i < a->wanted->n_addresses && r >= 0; i++) {
		const struct net_address *wanted = &a->wanted->addresses[i];
		const struct net_address *now = find_address(a->now, wanted);
		const char *what = now ? otherwise(now, wanted) : NULL;

		if (!now)
			r = add_address(a, wanted);
		else if (what)
			r = replace_address(a, now, wanted, what);
	}
	return r;
}

/* The kernel puts an entry without a VLAN into all VLANs that the port is in, also those that came after
 * it when it was recorded. */
static int remove_from_vlans(struct apply *a, const struct net_neighbour *added)
{
	struct net_neighbour one = *added;
	int r = 0;

	if (one.ip.family || one.vlan || !a->wanted->vlans)
		return 0;
	for (one.vlan = 1; one.vlan < NET_VLANS && r >= 0; one.vlan++)
		if (a->wanted->vlans[one.vlan] && !find_neighbour(a->wanted, &one) &&
		    !find_neighbour(a->now, &one))
			r = apply_remove(a, "a neighbour of other VLANs",
					 net_request_neighbour(a->now, a->now->index, &one, false));
	return r;
}

int apply_neighbours(struct apply *a)
{
	int r = 0;

	for (size_t i = 0; i < a->wanted->n_neighbours && r >= 0; i++) {
		const struct net_neighbour *wanted = &a->wanted->neighbours[i], *now;

		now = find_neighbour(a->now, wanted);
		if (now && !net_mac_equal(&now->mac, &wanted->mac))
			apply_conflict(a, "a neighbour has another hardware address");
		if (now)
			continue;
		r = apply_add(a, "a neighbour",
			      net_request_neighbour(a->now, a->now->index, wanted, true),
			      net_request_neighbour(a->now, a->now->index, wanted, false));
		if (r >= 0)
			r = remove_from_vlans(a, wanted);
	}
	return r;
}

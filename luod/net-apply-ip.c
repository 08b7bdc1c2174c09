/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-apply-ip - addresses and neighbours of a link; see net-apply.h. */
#include "net-apply-private.h"

/* The same address of the same link; how it is used may be otherwise. */
static const struct net_address *find_address(const struct net_link *l, const struct net_address *a)
{
	for (size_t i = 0; i < l->n_addresses; i++)
		if (net_ip_equal(&l->addresses[i].local, &a->local) &&
		    net_ip_equal(&l->addresses[i].peer, &a->peer))
			return &l->addresses[i];
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

int apply_addresses(struct apply *a)
{
	int r = 0;

	for (size_t i = 0; i < a->wanted->n_addresses && r >= 0; i++) {
		const struct net_address *wanted = &a->wanted->addresses[i];

		if (find_address(a->now, wanted))
			continue;
		r = apply_add(a, "an address", net_request_address(a->now->index, wanted, true),
			      net_request_address(a->now->index, wanted, false));
	}
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
	}
	return r;
}

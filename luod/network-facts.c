/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-facts - what a check has to know of the network; see network.h. It looks, and changes nothing. */
#include "network.h"

#include "net-machine.h"

void network_facts(const struct manager *m, struct preflight_network *ret)
{
	const struct net_left_places places = { NET_NAMESPACES_FOLDER, "/proc/thread-self/net" };
	struct net_record record = {};
	int r;

	*ret = (struct preflight_network){ .asked = network_is_wanted(m) };
	if (!ret->asked)
		return;
	if ((r = network_read(m, &record)) >= 0)
		r = net_left_out_find(&record, &places, &ret->left);
	if (r < 0)
		ret->error = strerror(-r);
	for (size_t i = 0; i < record.n; i++)
		ret->n_links += record.namespaces[i].n_links;
	net_record_clear(&record);
}

void network_facts_clear(struct preflight_network *facts)
{
	net_left_out_clear(&facts->left);
}

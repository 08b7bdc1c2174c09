/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-json - writes; see net-json.h. What is empty, none or 0 by nature is not written. */
#include "net-json.h"

#include <linux/rtnetlink.h>

#include "net-text.h"

static const struct net_word link_flags[] = {
	{ "up", IFF_UP },
	{ "no-arp", IFF_NOARP },
	{ "promiscuous", IFF_PROMISC },
	{ "all-multicast", IFF_ALLMULTI },
	{ "multicast", IFF_MULTICAST },
};

static const struct net_word vlan_flags[] = {
	{ "pvid", NET_VLAN_PVID },
	{ "untagged", NET_VLAN_UNTAGGED },
};

const struct net_words net_link_flags = { link_flags, ARRAY_SIZE(link_flags) };
const struct net_words net_vlan_flags = { vlan_flags, ARRAY_SIZE(vlan_flags) };

const char *const net_metrics[NET_METRICS] = {
	[RTAX_LOCK] = "lock",
	[RTAX_MTU] = "mtu",
	[RTAX_WINDOW] = "window",
	[RTAX_RTT] = "rtt",
	[RTAX_RTTVAR] = "rttvar",
	[RTAX_SSTHRESH] = "ssthresh",
	[RTAX_CWND] = "cwnd",
	[RTAX_ADVMSS] = "advmss",
	[RTAX_REORDERING] = "reordering",
	[RTAX_HOPLIMIT] = "hoplimit",
	[RTAX_INITCWND] = "initcwnd",
	[RTAX_RTO_MIN] = "rto-min",
	[RTAX_INITRWND] = "initrwnd",
	[RTAX_QUICKACK] = "quickack",
	[RTAX_FASTOPEN_NO_COOKIE] = "fastopen-no-cookie",
};

static void put_text(json_t *o, const char *key, const char *text)
{
	if (!isempty(text))
		json_object_set_new(o, key, json_string(text));
}

static void put_number(json_t *o, const char *key, uint64_t value)
{
	if (value)
		json_object_set_new(o, key, json_integer((json_int_t)value));
}

/* The container, unless there is nothing in it. */
static void put_filled(json_t *o, const char *key, json_t *container)
{
	if (json_object_size(container) || json_array_size(container))
		json_object_set_new(o, key, container);
	else
		json_decref(container);
}

static void put_ip(json_t *o, const char *key, const struct net_ip *ip)
{
	char text[NET_IP_TEXT_MAX];

	put_text(o, key, net_ip_to_text(ip, text));
}

static void put_mac(json_t *o, const char *key, const struct net_mac *mac)
{
	char text[NET_MAC_TEXT_MAX];

	put_text(o, key, net_mac_to_text(mac, text));
}

static json_t *words(const struct net_words *table, uint32_t bits)
{
	json_t *array = json_array();

	for (size_t i = 0; i < table->n; i++)
		if (bits & table->words[i].bit)
			json_array_append_new(array, json_string(table->words[i].word));
	return array;
}

static json_t *settings(enum net_set set, const struct net_settings *s)
{
	const struct net_attr *attr;
	json_t *o = json_object();
	uint64_t value;

	for (size_t i = 0; (attr = net_attr(set, i)); i++) {
		struct net_mac mac = { .length = 6 };

		if (!net_setting(s, i, &value))
			continue;
		if (attr->type != NET_MAC) {
			json_object_set_new(o, attr->name, json_integer((json_int_t)value));
			continue;
		}
		for (int j = 5; j >= 0; j--, value >>= 8)
			mac.bytes[j] = (uint8_t)value;
		put_mac(o, attr->name, &mac);
	}
	return o;
}

/* Neighbours with the same flags are one range; a PVID stands alone, as in the kernel's words. */
static json_t *vlans(const uint8_t *vlan)
{
	json_t *array = json_array();

	for (unsigned int i = 1, last; vlan && i < NET_VLANS; i = last + 1) {
		last = i;
		if (!vlan[i])
			continue;
		while (last + 1 < NET_VLANS && vlan[last + 1] == vlan[i])
			last++;
		json_array_append_new(array, json_pack("{s:i, s:i, s:o}", "first", (int)i, "last",
						       (int)last, "flags",
						       words(&net_vlan_flags, vlan[i])));
	}
	return array;
}

static json_t *vf(const struct net_vf *v)
{
	struct net_mac mac = { .length = 6 };
	json_t *o = json_pack("{s:I}", "index", (json_int_t)v->index);

	memcpy(mac.bytes, v->mac, sizeof(v->mac));
	put_mac(o, "mac", &mac);
	if (v->have & NET_VF_VLAN)
		json_object_set_new(o, "vlan",
				    json_pack("{s:i, s:I, s:i}", "id", v->vlan, "qos",
					      (json_int_t)v->qos, "protocol", v->vlan_protocol));
	if (v->have & NET_VF_RATE)
		json_object_set_new(o, "rate",
				    json_pack("{s:I, s:I}", "min", (json_int_t)v->min_rate, "max",
					      (json_int_t)v->max_rate));
	if (v->have & NET_VF_SPOOF_CHECK)
		json_object_set_new(o, "spoof-check", json_boolean(v->spoof_check));
	if (v->have & NET_VF_TRUST)
		json_object_set_new(o, "trust", json_boolean(v->trust));
	if (v->have & NET_VF_LINK_STATE)
		json_object_set_new(o, "link-state", json_integer((json_int_t)v->link_state));
	return o;
}

static json_t *address(const struct net_address *a)
{
	json_t *o = json_object();

	put_ip(o, "local", &a->local);
	put_ip(o, "peer", &a->peer);
	put_ip(o, "broadcast", &a->broadcast);
	put_text(o, "label", a->label);
	put_number(o, "scope", a->scope);
	put_number(o, "flags", a->flags);
	put_number(o, "metric", a->metric);
	return o;
}

static json_t *neighbour(const struct net_neighbour *n)
{
	json_t *o = json_object();

	put_ip(o, "address", &n->ip);
	put_mac(o, "mac", &n->mac);
	put_number(o, "state", n->state);
	put_number(o, "flags", n->flags);
	put_number(o, "vlan", n->vlan);
	return o;
}

/* All of an array of pointers, or of structs, each by its function. */
#define LIST(array, n, to_json)                                             \
	({                                                                  \
		json_t *_list = json_array();                               \
                                                                            \
		for (size_t _i = 0; _i < (n); _i++)                         \
			json_array_append_new(_list, to_json((array)[_i])); \
		_list;                                                      \
	})

#define LIST_OF(array, n, to_json)                                           \
	({                                                                   \
		json_t *_list = json_array();                                \
                                                                             \
		for (size_t _i = 0; _i < (n); _i++)                          \
			json_array_append_new(_list, to_json(&(array)[_i])); \
		_list;                                                       \
	})

static json_t *lists_of_link(json_t *o, const struct net_link *l)
{
	put_filled(o, "alternative-names", LIST(l->altnames, l->n_altnames, json_string));
	put_filled(o, "vlans", vlans(l->vlans));
	put_filled(o, "virtual-functions", LIST_OF(l->vfs, l->n_vfs, vf));
	put_filled(o, "addresses", LIST_OF(l->addresses, l->n_addresses, address));
	put_filled(o, "neighbours", LIST_OF(l->neighbours, l->n_neighbours, neighbour));
	return o;
}

json_t *net_link_to_json(const struct net_link *l)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o}", "name", l->name, "kind",
			      net_kind_to_string(l->kind), "flags",
			      words(&net_link_flags, l->flags), "settings",
			      settings(NET_SET_LINK, &l->base));

	if (!o)
		return NULL;
	if (l->kind == NET_KIND_OTHER)
		put_text(o, "kind-name", l->kind_name);
	put_text(o, "device", l->parent);
	put_mac(o, "mac", &l->mac);
	put_mac(o, "permanent-mac", &l->permanent);
	put_text(o, "master", l->master);
	if (*l->master)
		put_text(o, "port-of", net_kind_to_string(l->port_kind));
	put_text(o, "lower", l->lower.name);
	if (l->lower.namespace)
		json_object_set_new(o, "lower-namespace", json_string(l->lower.namespace));
	if (l->addrgen >= 0)
		json_object_set_new(o, "address-generation", json_integer(l->addrgen));
	put_filled(o, "own", settings(net_kind_set(l->kind), &l->own));
	if (*l->master)
		put_filled(o, "port", settings(net_kind_port_set(l->port_kind), &l->port));
	put_number(o, "virtual-functions-on", l->n_vfs_on);
	return lists_of_link(o, l);
}

static json_t *hop(const struct net_hop *h)
{
	json_t *o = json_pack("{s:s}", "link", h->link);

	put_ip(o, "gateway", &h->gateway);
	put_number(o, "weight", h->weight);
	put_number(o, "flags", h->flags);
	return o;
}

json_t *net_route_to_json(const struct net_route *r)
{
	json_t *o = json_object(), *metrics = json_object();

	put_ip(o, "destination", &r->destination);
	put_ip(o, "source", &r->source);
	put_number(o, "type", r->type);
	put_number(o, "scope", r->scope);
	put_number(o, "protocol", r->protocol);
	put_number(o, "tos", r->tos);
	put_number(o, "table", r->table);
	put_number(o, "priority", r->priority);
	for (size_t i = 0; i < NET_METRICS; i++)
		if (net_metrics[i])
			put_number(metrics, net_metrics[i], r->metrics[i]);
	put_filled(o, "metrics", metrics);
	json_object_set_new(o, "hops", LIST_OF(r->hops, r->n_hops, hop));
	return o;
}

static json_t *namespace(const struct net_namespace *ns)
{
	return json_pack("{s:s, s:o, s:o}", "name", ns->name, "links",
			 LIST(ns->links, ns->n_links, net_link_to_json), "routes",
			 LIST_OF(ns->routes, ns->n_routes, net_route_to_json));
}

json_t *net_record_to_json(const struct net_record *r)
{
	return LIST_OF(r->namespaces, r->n, namespace);
}

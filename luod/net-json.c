/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-json - writes; see net-json.h. What is empty, none or 0 by nature is not written. Of what cannot
 * be written nothing is: jansson takes a value that it could not make for an error, which whoever
 * collects remembers, so that no list is ever shorter than what it was made of.
 */
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

/* What is made of one object of the model; all or nothing. */
struct writer {
	bool failed;
};

static void put(struct writer *w, json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) < 0)
		w->failed = true;
}

static void append(struct writer *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		w->failed = true;
}

/* Takes @json back when something is missing in it. */
static json_t *finish(const struct writer *w, json_t *json)
{
	if (!w->failed)
		return json;
	json_decref(json);
	return NULL;
}

static void put_text(struct writer *w, json_t *o, const char *key, const char *text)
{
	if (!isempty(text))
		put(w, o, key, json_string(text));
}

static void put_number(struct writer *w, json_t *o, const char *key, uint64_t value)
{
	if (value)
		put(w, o, key, json_integer((json_int_t)value));
}

/* The container, unless there is nothing in it. */
static void put_filled(struct writer *w, json_t *o, const char *key, json_t *container)
{
	if (!container || json_object_size(container) || json_array_size(container))
		put(w, o, key, container);
	else
		json_decref(container);
}

static void put_ip(struct writer *w, json_t *o, const char *key, const struct net_ip *ip)
{
	char text[NET_IP_TEXT_MAX];

	/* An address of a family that has no text. */
	if (isempty(net_ip_to_text(ip, text)) && ip->family)
		w->failed = true;
	put_text(w, o, key, text);
}

static void put_mac(struct writer *w, json_t *o, const char *key, const struct net_mac *mac)
{
	char text[NET_MAC_TEXT_MAX];

	put_text(w, o, key, net_mac_to_text(mac, text));
}

static json_t *words(struct writer *w, const struct net_words *table, uint32_t bits)
{
	json_t *array = json_array();

	for (size_t i = 0; i < table->n; i++)
		if (bits & table->words[i].bit)
			append(w, array, json_string(table->words[i].word));
	return array;
}

static json_t *settings(struct writer *w, enum net_set set, const struct net_settings *s)
{
	const struct net_attr *attr;
	json_t *o = json_object();
	uint64_t value;

	for (size_t i = 0; (attr = net_attr(set, i)); i++) {
		struct net_mac mac = { .length = 6 };

		if (!net_setting(s, i, &value))
			continue;
		if (attr->type != NET_MAC) {
			put(w, o, attr->name, json_integer((json_int_t)value));
			continue;
		}
		for (int j = 5; j >= 0; j--, value >>= 8)
			mac.bytes[j] = (uint8_t)value;
		put_mac(w, o, attr->name, &mac);
	}
	return o;
}

/* Neighbours with the same flags are one range; a PVID stands alone, as in the kernel's words. */
static json_t *vlans(struct writer *w, const uint8_t *vlan)
{
	json_t *array = json_array();

	for (unsigned int i = 1, last; vlan && i < NET_VLANS; i = last + 1) {
		last = i;
		if (!vlan[i])
			continue;
		while (!(vlan[i] & NET_VLAN_PVID) && last + 1 < NET_VLANS &&
		       vlan[last + 1] == vlan[i])
			last++;
		append(w, array,
		       json_pack("{s:i, s:i, s:o}", "first", (int)i, "last", (int)last, "flags",
				 words(w, &net_vlan_flags, vlan[i])));
	}
	return array;
}

static json_t *vf(struct writer *w, const struct net_vf *v)
{
	struct net_mac mac = { .length = 6 };
	json_t *o = json_pack("{s:I}", "index", (json_int_t)v->index);

	memcpy(mac.bytes, v->mac, sizeof(v->mac));
	put_mac(w, o, "mac", &mac);
	if (v->have & NET_VF_VLAN)
		put(w, o, "vlan",
		    json_pack("{s:i, s:I, s:i}", "id", v->vlan, "qos", (json_int_t)v->qos,
			      "protocol", v->vlan_protocol));
	if (v->have & NET_VF_RATE)
		put(w, o, "rate",
		    json_pack("{s:I, s:I}", "min", (json_int_t)v->min_rate, "max",
			      (json_int_t)v->max_rate));
	if (v->have & NET_VF_SPOOF_CHECK)
		put(w, o, "spoof-check", json_boolean(v->spoof_check));
	if (v->have & NET_VF_TRUST)
		put(w, o, "trust", json_boolean(v->trust));
	if (v->have & NET_VF_LINK_STATE)
		put(w, o, "link-state", json_integer((json_int_t)v->link_state));
	return o;
}

static json_t *address(struct writer *w, const struct net_address *a)
{
	json_t *o = json_object();

	put_ip(w, o, "local", &a->local);
	put_ip(w, o, "peer", &a->peer);
	put_ip(w, o, "broadcast", &a->broadcast);
	put_text(w, o, "label", a->label);
	put_number(w, o, "scope", a->scope);
	put_number(w, o, "flags", a->flags);
	put_number(w, o, "metric", a->metric);
	if (a->deprecated)
		put(w, o, "deprecated", json_true());
	return o;
}

static json_t *neighbour(struct writer *w, const struct net_neighbour *n)
{
	json_t *o = json_object();

	put_ip(w, o, "address", &n->ip);
	put_mac(w, o, "mac", &n->mac);
	put_number(w, o, "state", n->state);
	put_number(w, o, "flags", n->flags);
	put_number(w, o, "vlan", n->vlan);
	return o;
}

/* All of an array of pointers, or of structs, each by its function. */
#define LIST(w, array, n, to_json)                                 \
	({                                                         \
		json_t *_list = json_array();                      \
                                                                   \
		for (size_t _i = 0; _i < (n); _i++)                \
			append(w, _list, to_json(w, (array)[_i])); \
		_list;                                             \
	})

#define LIST_OF(w, array, n, to_json)                               \
	({                                                          \
		json_t *_list = json_array();                       \
                                                                    \
		for (size_t _i = 0; _i < (n); _i++)                 \
			append(w, _list, to_json(w, &(array)[_i])); \
		_list;                                              \
	})

static json_t *text(struct writer *w _unused_, const char *string)
{
	return json_string(string);
}

static json_t *lists_of_link(struct writer *w, json_t *o, const struct net_link *l)
{
	put_filled(w, o, "alternative-names", LIST(w, l->altnames, l->n_altnames, text));
	put_filled(w, o, "vlans", vlans(w, l->vlans));
	put_filled(w, o, "virtual-functions", LIST_OF(w, l->vfs, l->n_vfs, vf));
	put_filled(w, o, "addresses", LIST_OF(w, l->addresses, l->n_addresses, address));
	put_filled(w, o, "neighbours", LIST_OF(w, l->neighbours, l->n_neighbours, neighbour));
	return o;
}

static json_t *link_of(struct writer *w, const struct net_link *l)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o}", "name", l->name, "kind",
			      net_kind_to_string(l->kind), "flags",
			      words(w, &net_link_flags, l->flags), "settings",
			      settings(w, NET_SET_LINK, &l->base));

	if (!o)
		return NULL;
	if (l->kind == NET_KIND_OTHER)
		put_text(w, o, "kind-name", l->kind_name);
	put_text(w, o, "device", l->parent);
	put_mac(w, o, "mac", &l->mac);
	put_mac(w, o, "permanent-mac", &l->permanent);
	put_text(w, o, "master", l->master);
	if (*l->master)
		put_text(w, o, "port-of", net_kind_to_string(l->port_kind));
	put_text(w, o, "lower", l->lower.name);
	if (l->lower.namespace)
		put(w, o, "lower-namespace", json_string(l->lower.namespace));
	if (l->addrgen >= 0)
		put(w, o, "address-generation", json_integer(l->addrgen));
	put_filled(w, o, "ipv4", settings(w, NET_SET_IPV4, &l->ipv4));
	put_filled(w, o, "own", settings(w, net_kind_set(l->kind), &l->own));
	if (*l->master)
		put_filled(w, o, "port", settings(w, net_kind_port_set(l->port_kind), &l->port));
	put_number(w, o, "virtual-functions-on", l->n_vfs_on);
	return lists_of_link(w, o, l);
}

static json_t *hop(struct writer *w, const struct net_hop *h)
{
	json_t *o = json_pack("{s:s}", "link", h->link);

	put_ip(w, o, "gateway", &h->gateway);
	put_number(w, o, "weight", h->weight);
	put_number(w, o, "flags", h->flags);
	return o;
}

static json_t *route(struct writer *w, const struct net_route *r)
{
	json_t *o = json_object(), *metrics = json_object();

	put_ip(w, o, "destination", &r->destination);
	put_ip(w, o, "source", &r->source);
	put_ip(w, o, "from", &r->from);
	put_number(w, o, "type", r->type);
	put_number(w, o, "scope", r->scope);
	put_number(w, o, "protocol", r->protocol);
	put_number(w, o, "tos", r->tos);
	put_number(w, o, "table", r->table);
	put_number(w, o, "priority", r->priority);
	for (size_t i = 0; i < NET_METRICS; i++)
		if (net_metrics[i])
			put_number(w, metrics, net_metrics[i], r->metrics[i]);
	put_filled(w, o, "metrics", metrics);
	put(w, o, "hops", LIST_OF(w, r->hops, r->n_hops, hop));
	return o;
}

static json_t *namespace(struct writer *w, const struct net_namespace *ns)
{
	return json_pack("{s:s, s:o, s:o}", "name", ns->name, "links",
			 LIST(w, ns->links, ns->n_links, link_of), "routes",
			 LIST_OF(w, ns->routes, ns->n_routes, route));
}

json_t *net_link_to_json(const struct net_link *l)
{
	struct writer w = {};
	json_t *json = link_of(&w, l);

	return finish(&w, json);
}

json_t *net_route_to_json(const struct net_route *r)
{
	struct writer w = {};
	json_t *json = route(&w, r);

	return finish(&w, json);
}

json_t *net_record_to_json(const struct net_record *r)
{
	struct writer w = {};
	json_t *json = LIST_OF(&w, r->namespaces, r->n, namespace);

	return finish(&w, json);
}

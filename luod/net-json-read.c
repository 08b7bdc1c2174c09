/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-json-read - reads what net-json.c wrote; see net-json.h.
 *
 * What is missing has its empty value, as it was not written because of that; what is there must be
 * as it must be. Every error is said in words, once.
 */
#include "net-json.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <stdarg.h>

#include "limits.h"
#include "net-text.h"
#include "reader.h"

/* --- members of an object --------------------------------------------------------------------- */

/* A string of at most @max bytes, "" when it is missing; NULL when it is something else. */
static const char *text_of(const json_t *o, const char *key, size_t max)
{
	const json_t *value = json_object_get(o, key);
	const char *text = json_string_value(value);

	if (!value)
		return "";
	return text && strlen(text) <= max && strlen(text) == json_string_length(value) ? text
											: NULL;
}

static int read_name(struct reader *r, const json_t *o, const char *key, bool needed,
		     char name[static IFNAMSIZ])
{
	const char *text = text_of(o, key, IFNAMSIZ - 1);

	if (!text || ((needed || *text) && !net_name_valid(text, IFNAMSIZ - 1)))
		return reader_wrong(r, -EINVAL, "\"%s\" is no name of a link", key);
	memcpy(name, text, strlen(text) + 1);
	return 0;
}

static int read_number(struct reader *r, const json_t *o, const char *key, uint64_t max,
		       uint64_t *ret)
{
	const json_t *value = json_object_get(o, key);
	json_int_t n = json_integer_value(value);

	if (value && (!json_is_integer(value) || n < 0 || (uint64_t)n > max))
		return reader_wrong(r, -EINVAL, "\"%s\" is no number, or out of range", key);
	*ret = (uint64_t)n;
	return 0;
}

/* The width of the field is its limit. */
#define NUMBER(r, o, key, field)                                                              \
	({                                                                                    \
		uint64_t _value;                                                              \
		int _result = read_number(r, o, key, (__typeof__(field))UINT64_MAX, &_value); \
                                                                                              \
		if (_result >= 0)                                                             \
			(field) = (__typeof__(field))_value;                                  \
		_result;                                                                      \
	})

static int read_ip(struct reader *r, const json_t *o, const char *key, struct net_ip *ret)
{
	const char *text = text_of(o, key, NET_IP_TEXT_MAX);

	if (!text || (*text && net_ip_from_text(text, ret) < 0))
		return reader_wrong(r, -EINVAL, "\"%s\" is no address", key);
	return 0;
}

static int read_mac(struct reader *r, const json_t *o, const char *key, struct net_mac *ret)
{
	const char *text = text_of(o, key, NET_MAC_TEXT_MAX);

	if (!text || net_mac_from_text(text, ret) < 0)
		return reader_wrong(r, -EINVAL, "\"%s\" is no hardware address", key);
	return 0;
}

static int read_kind(struct reader *r, const json_t *o, const char *key, enum net_kind *ret)
{
	const char *text = text_of(o, key, IFNAMSIZ);
	int kind = text ? net_kind_from_string(text) : -EINVAL;

	if (kind < 0)
		return reader_wrong(r, -EINVAL, "\"%s\" is no kind of links that this luod knows",
				    key);
	*ret = (enum net_kind)kind;
	return 0;
}

static int read_words(struct reader *r, const json_t *o, const char *key,
		      const struct net_words *table, uint32_t *bits)
{
	const json_t *array = json_object_get(o, key), *one;
	size_t i;

	if (array && !json_is_array(array))
		return reader_wrong(r, -EINVAL, "\"%s\" is no list", key);
	json_array_foreach(array, i, one) {
		const char *word = json_string_value(one);
		size_t j = 0;

		while (word && j < table->n && !streq(table->words[j].word, word))
			j++;
		if (!word || j == table->n)
			return reader_wrong(r, -EINVAL, "\"%s\" has a word that is not known", key);
		*bits |= table->words[j].bit;
	}
	return 0;
}

static int read_setting(struct reader *r, const struct net_attr *attr, const json_t *o,
			uint64_t *ret)
{
	struct net_mac mac = {};
	uint64_t value = 0;
	int result;

	if (attr->type != NET_MAC)
		return read_number(r, o, attr->name, net_attr_max(attr), ret);
	result = read_mac(r, o, attr->name, &mac);
	if (result >= 0 && mac.length != 6)
		result = reader_wrong(r, -EINVAL, "\"%s\" has not six bytes", attr->name);
	for (size_t i = 0; i < 6; i++)
		value = value << 8 | mac.bytes[i];
	if (result >= 0)
		*ret = value;
	return result;
}

static int read_settings(struct reader *r, const json_t *o, const char *key, enum net_set set,
			 struct net_settings *ret)
{
	const json_t *settings = json_object_get(o, key);
	const struct net_attr *attr;
	int result = 0;

	if (settings && !json_is_object(settings))
		return reader_wrong(r, -EINVAL, "\"%s\" is no object", key);
	for (size_t i = 0; (attr = net_attr(set, i)) && result >= 0; i++) {
		if (!json_object_get(settings, attr->name))
			continue;
		result = read_setting(r, attr, settings, &ret->value[i]);
		if (result >= 0)
			ret->have |= UINT64_C(1) << i;
	}
	return result;
}

/* --- lists of a link -------------------------------------------------------------------------- */

static int read_altname(struct reader *r, struct net_link *l, const json_t *one)
{
	const char *name = json_string_value(one);

	if (!name || !net_name_valid(name, NET_ALTNAME_MAX))
		return reader_wrong(r, -EINVAL, "an alternative name of '%s' is none", l->name);
	return net_add_altname(l, name);
}

static int read_vlan(struct reader *r, struct net_link *l, const json_t *one)
{
	uint32_t flags = NET_VLAN_MEMBER;
	uint64_t first = 0, last = 0;
	int result;

	if ((result = read_number(r, one, "first", NET_VLANS - 2, &first)) < 0 ||
	    (result = read_number(r, one, "last", NET_VLANS - 2, &last)) < 0 ||
	    (result = read_words(r, one, "flags", &net_vlan_flags, &flags)) < 0)
		return result;
	if (first == 0 || last < first || ((flags & NET_VLAN_PVID) && last != first))
		return reader_wrong(r, -EINVAL, "a range of VLANs of '%s' is none", l->name);
	for (uint64_t id = first; id <= last && result >= 0; id++)
		result = net_set_vlan(l, (unsigned int)id, flags);
	return result;
}

static int read_vf_vlan(struct reader *r, struct net_vf *vf, const json_t *o)
{
	uint64_t id;
	int result;

	if (!o)
		return 0;
	vf->have |= NET_VF_VLAN;
	if ((result = read_number(r, o, "id", NET_VLANS - 1, &id)) < 0 ||
	    (result = read_number(r, o, "qos", NET_VF_QOS_MAX, &(uint64_t){ 0 })) < 0 ||
	    (result = NUMBER(r, o, "qos", vf->qos)) < 0 ||
	    (result = NUMBER(r, o, "protocol", vf->vlan_protocol)) < 0)
		return result;
	vf->vlan = (uint16_t)id;
	return 0;
}

static int read_vf_rate(struct reader *r, struct net_vf *vf, const json_t *o)
{
	int result;

	if (!o)
		return 0;
	vf->have |= NET_VF_RATE;
	result = NUMBER(r, o, "min", vf->min_rate);
	return result < 0 ? result : NUMBER(r, o, "max", vf->max_rate);
}

/* True, false, or not there. */
static int read_switch(struct reader *r, const json_t *o, const char *key, struct net_vf *vf,
		       enum net_vf_have have, bool *ret)
{
	const json_t *value = json_object_get(o, key);

	if (value && !json_is_boolean(value))
		return reader_wrong(r, -EINVAL, "\"%s\" is neither true nor false", key);
	if (value)
		vf->have |= have;
	*ret = json_is_true(value);
	return 0;
}

static int read_vf(struct reader *r, struct net_link *l, const json_t *one)
{
	struct net_mac mac = {};
	struct net_vf vf = {};
	uint64_t value;
	int result;

	if ((result = read_number(r, one, "index", LIMIT_NET_VFS - 1, &value)) < 0 ||
	    (result = read_mac(r, one, "mac", &mac)) < 0 ||
	    (result = read_vf_vlan(r, &vf, json_object_get(one, "vlan"))) < 0 ||
	    (result = read_vf_rate(r, &vf, json_object_get(one, "rate"))) < 0 ||
	    (result = read_switch(r, one, "spoof-check", &vf, NET_VF_SPOOF_CHECK,
				  &vf.spoof_check)) < 0 ||
	    (result = read_switch(r, one, "trust", &vf, NET_VF_TRUST, &vf.trust)) < 0)
		return result;
	if (mac.length != sizeof(vf.mac))
		return reader_wrong(r, -EINVAL, "a virtual function of '%s' has no address",
				    l->name);
	memcpy(vf.mac, mac.bytes, sizeof(vf.mac));
	vf.index = (uint32_t)value;
	if (json_object_get(one, "link-state")) {
		result = read_number(r, one, "link-state", IFLA_VF_LINK_STATE_DISABLE, &value);
		vf.link_state = (uint32_t)value;
		vf.have |= NET_VF_LINK_STATE;
	}
	return result < 0 ? result : net_add_vf(l, &vf);
}

static int read_address(struct reader *r, struct net_link *l, const json_t *one)
{
	struct net_address a = {};
	const char *label = text_of(one, "label", sizeof(a.label) - 1);
	int result;

	if (!label)
		return reader_wrong(r, -EINVAL, "a label of an address of '%s' is none", l->name);
	memcpy(a.label, label, strlen(label) + 1);
	if ((result = read_ip(r, one, "local", &a.local)) < 0 ||
	    (result = read_ip(r, one, "peer", &a.peer)) < 0 ||
	    (result = read_ip(r, one, "broadcast", &a.broadcast)) < 0 ||
	    (result = NUMBER(r, one, "scope", a.scope)) < 0 ||
	    (result = NUMBER(r, one, "flags", a.flags)) < 0 ||
	    (result = NUMBER(r, one, "metric", a.metric)) < 0)
		return result;
	a.deprecated = json_is_true(json_object_get(one, "deprecated"));
	if (!a.local.family || (a.peer.family && a.peer.family != a.local.family) ||
	    (a.broadcast.family && a.broadcast.family != a.local.family))
		return reader_wrong(r, -EINVAL, "an address of '%s' is none", l->name);
	return net_add_address(l, &a);
}

static int read_neighbour(struct reader *r, struct net_link *l, const json_t *one)
{
	struct net_neighbour n = {};
	int result;

	if ((result = read_ip(r, one, "address", &n.ip)) < 0 ||
	    (result = read_mac(r, one, "mac", &n.mac)) < 0 ||
	    (result = NUMBER(r, one, "state", n.state)) < 0 ||
	    (result = NUMBER(r, one, "flags", n.flags)) < 0 ||
	    (result = NUMBER(r, one, "vlan", n.vlan)) < 0)
		return result;
	if (n.vlan >= NET_VLANS || (!n.ip.family && !n.mac.length))
		return reader_wrong(r, -EINVAL, "a neighbour of '%s' is none", l->name);
	return net_add_neighbour(l, &n);
}

/* --- links and routes ------------------------------------------------------------------------- */

typedef int (*read_one_t)(struct reader *r, struct net_link *l, const json_t *one);

static int read_list(struct reader *r, struct net_link *l, const json_t *o, const char *key,
		     size_t max, read_one_t read_one)
{
	const json_t *array = json_object_get(o, key), *one;
	int result;
	size_t i;

	if (array && !json_is_array(array))
		return reader_wrong(r, -EINVAL, "\"%s\" of '%s' is no list", key, l->name);
	if (json_array_size(array) > max)
		return reader_wrong(r, -E2BIG, "\"%s\" of '%s' has %zu, more than %zu", key,
				    l->name, json_array_size(array), max);
	json_array_foreach(array, i, one) {
		result = read_one(r, l, one);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_lists(struct reader *r, struct net_link *l, const json_t *o)
{
	static const struct {
		const char *key;
		size_t max;
		read_one_t read_one;
	} lists[] = {
		{ "alternative-names", LIMIT_NET_ALTNAMES, read_altname },
		{ "vlans", NET_VLANS, read_vlan },
		{ "virtual-functions", LIMIT_NET_VFS, read_vf },
		{ "addresses", LIMIT_NET_PER_LINK, read_address },
		{ "neighbours", LIMIT_NET_PER_LINK, read_neighbour },
	};
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists) && result >= 0; i++)
		result = read_list(r, l, o, lists[i].key, lists[i].max, lists[i].read_one);
	return result;
}

/* What it hangs on. */
static int read_place(struct reader *r, struct net_link *l, const json_t *o)
{
	const char *ns = text_of(o, "lower-namespace", NET_NAMESPACE_MAX);
	int result;

	if ((result = read_name(r, o, "master", false, l->master)) < 0 ||
	    (result = read_name(r, o, "lower", false, l->lower.name)) < 0)
		return result;
	if (*l->master && (result = read_kind(r, o, "port-of", &l->port_kind)) < 0)
		return result;
	if (!ns || (*ns && !net_name_valid(ns, NET_NAMESPACE_MAX)))
		return reader_wrong(r, -EINVAL, "\"lower-namespace\" of '%s' is none", l->name);
	/* There, "" is the namespace without a name. */
	return json_object_get(o, "lower-namespace") ? free_and_strdup(&l->lower.namespace, ns) : 0;
}

static int read_identity(struct reader *r, struct net_link *l, const json_t *o)
{
	const char *parent = text_of(o, "device", sizeof(l->parent) - 1);
	const char *kind = text_of(o, "kind-name", sizeof(l->kind_name) - 1);
	int result;

	if ((result = read_name(r, o, "name", true, l->name)) < 0 ||
	    (result = read_kind(r, o, "kind", &l->kind)) < 0 ||
	    (result = read_mac(r, o, "mac", &l->mac)) < 0 ||
	    (result = read_mac(r, o, "permanent-mac", &l->permanent)) < 0)
		return result;
	if (!parent || !kind)
		return reader_wrong(r, -EINVAL, "'%s' is of no valid device or kind", l->name);
	memcpy(l->parent, parent, strlen(parent) + 1);
	memcpy(l->kind_name, kind, strlen(kind) + 1);
	return 0;
}

static int fill_link(struct reader *r, struct net_link *l, const json_t *o)
{
	uint64_t value;
	int result;

	if ((result = read_identity(r, l, o)) < 0 || (result = read_place(r, l, o)) < 0 ||
	    (result = read_words(r, o, "flags", &net_link_flags, &l->flags)) < 0 ||
	    (result = read_settings(r, o, "settings", NET_SET_LINK, &l->base)) < 0 ||
	    (result = read_settings(r, o, "ipv4", NET_SET_IPV4, &l->ipv4)) < 0 ||
	    (result = read_settings(r, o, "own", net_kind_set(l->kind), &l->own)) < 0 ||
	    (result = read_settings(r, o, "port", net_kind_port_set(l->port_kind), &l->port)) < 0 ||
	    (result = read_number(r, o, "virtual-functions-on", LIMIT_NET_VFS, &value)) < 0)
		return result;
	l->n_vfs_on = (unsigned int)value;
	if (json_object_get(o, "address-generation")) {
		result = read_number(r, o, "address-generation", IN6_ADDR_GEN_MODE_RANDOM, &value);
		if (result < 0)
			return result;
		l->addrgen = (int)value;
	}
	return read_lists(r, l, o);
}

/* Whoever reads the error has to find the link, unless it says which one. */
static int say_whose(struct reader *r, const char *name, int result)
{
	_cleanup_free_ char *quoted = strprintf("'%s'", name), *text = *r->error;

	if (quoted && text && *name && !strstr(text, quoted))
		*r->error = strprintf("of %s: %s", quoted, text);
	else
		text = NULL;
	return result;
}

static int read_link(struct reader *r, struct net_namespace *ns, const json_t *o)
{
	_cleanup_(net_link_freep) struct net_link *l = calloc(1, sizeof(*l));
	int result;

	if (!l)
		return -ENOMEM;
	l->lower_nsid = l->addrgen = -1;
	result = fill_link(r, l, o);
	if (result < 0)
		return say_whose(r, l->name, result);
	if (net_find_link(ns, l->name))
		return reader_wrong(r, -EINVAL, "'%s' is there twice", l->name);
	for (size_t i = 0; i < l->n_altnames; i++)
		if (net_find_link(ns, l->altnames[i]))
			return reader_wrong(r, -EINVAL, "'%s' is there twice", l->altnames[i]);
	result = net_add_link(ns, l);
	if (result >= 0)
		TAKE_PTR(l);
	return result;
}

static int read_hop(struct reader *r, struct net_route *route, const json_t *o)
{
	struct net_hop hop = {};
	int result;

	if ((result = read_name(r, o, "link", true, hop.link)) < 0 ||
	    (result = read_ip(r, o, "gateway", &hop.gateway)) < 0 ||
	    (result = NUMBER(r, o, "weight", hop.weight)) < 0 ||
	    (result = NUMBER(r, o, "flags", hop.flags)) < 0)
		return result;
	return net_add_hop(route, &hop);
}

static int read_metrics(struct reader *r, struct net_route *route, const json_t *o)
{
	int result = 0;

	for (size_t i = 0; i < NET_METRICS && result >= 0; i++)
		if (net_metrics[i])
			result = NUMBER(r, o, net_metrics[i], route->metrics[i]);
	return result;
}

static int fill_route(struct reader *r, struct net_route *route, const json_t *o)
{
	const json_t *hops = json_object_get(o, "hops"), *one;
	int result;
	size_t i;

	if ((result = read_ip(r, o, "destination", &route->destination)) < 0 ||
	    (result = read_ip(r, o, "source", &route->source)) < 0 ||
	    (result = read_ip(r, o, "from", &route->from)) < 0 ||
	    (result = NUMBER(r, o, "type", route->type)) < 0 ||
	    (result = NUMBER(r, o, "scope", route->scope)) < 0 ||
	    (result = NUMBER(r, o, "protocol", route->protocol)) < 0 ||
	    (result = NUMBER(r, o, "tos", route->tos)) < 0 ||
	    (result = NUMBER(r, o, "table", route->table)) < 0 ||
	    (result = NUMBER(r, o, "priority", route->priority)) < 0 ||
	    (result = read_metrics(r, route, json_object_get(o, "metrics"))) < 0)
		return result;
	if (!route->destination.family || !json_is_array(hops) || json_array_size(hops) == 0)
		return reader_wrong(r, -EINVAL, "a route leads nowhere");
	if (json_array_size(hops) > LIMIT_NET_HOPS)
		return reader_wrong(r, -E2BIG, "a route has %zu hops, more than %d",
				    json_array_size(hops), LIMIT_NET_HOPS);
	json_array_foreach(hops, i, one) {
		result = read_hop(r, route, one);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_route(struct reader *r, struct net_namespace *ns, const json_t *o)
{
	struct net_route route = {};
	int result = fill_route(r, &route, o);

	if (result >= 0)
		result = net_add_route(ns, &route);
	if (result < 0)
		net_route_clear(&route);
	return result;
}

/* --- the record ------------------------------------------------------------------------------- */

static int read_members(struct reader *r, struct net_namespace *ns, const json_t *o,
			const char *key, size_t max,
			int (*read_one)(struct reader *r, struct net_namespace *ns,
					const json_t *o))
{
	const json_t *array = json_object_get(o, key), *one;
	int result;
	size_t i;

	if (!json_is_array(array))
		return reader_wrong(r, -EINVAL, "\"%s\" of a namespace is no list", key);
	if (json_array_size(array) > max)
		return reader_wrong(r, -E2BIG, "there are %zu %s in namespace '%s', more than %zu",
				    json_array_size(array), key, ns->name, max);
	json_array_foreach(array, i, one) {
		if (!json_is_object(one))
			return reader_wrong(r, -EINVAL, "\"%s\" has what is no object", key);
		result = read_one(r, ns, one);
		if (result < 0)
			return result;
	}
	return 0;
}

static int read_namespace(struct reader *r, struct net_record *record, const json_t *o)
{
	const char *name = text_of(o, "name", NET_NAMESPACE_MAX);
	struct net_namespace *ns;
	int result;

	if (!json_is_object(o) || !name || (*name && !net_name_valid(name, NET_NAMESPACE_MAX)))
		return reader_wrong(r, -EINVAL, "a namespace has no valid name");
	result = net_add_namespace(record, name, &ns);
	if (result < 0)
		return reader_wrong(r, result == -EEXIST ? -EINVAL : result,
				    "namespace '%s' is there twice", name);
	result = read_members(r, ns, o, "links", LIMIT_NET_LINKS, read_link);
	return result < 0 ? result : read_members(r, ns, o, "routes", LIMIT_NET_ROUTES, read_route);
}

int net_record_from_json(const json_t *json, struct net_record *ret, char **ret_error)
{
	_cleanup_free_ char *error = NULL;
	struct reader r = { .error = &error };
	struct net_record record = {};
	const json_t *one;
	int result = 0;
	size_t i;

	if (!json_is_array(json))
		result = reader_wrong(&r, -EINVAL, "the network is no list of namespaces");
	else if (json_array_size(json) > LIMIT_NET_NAMESPACES)
		result = reader_wrong(&r, -E2BIG, "there are %zu namespaces, more than %d",
				      json_array_size(json), LIMIT_NET_NAMESPACES);
	json_array_foreach(result < 0 ? NULL : json, i, one) {
		result = read_namespace(&r, &record, one);
		if (result < 0)
			break;
	}
	if (result < 0) {
		net_record_clear(&record);
		*ret_error = error ? TAKE_PTR(error) : strdup(strerror(-result));
		return result;
	}
	*ret = record;
	return 0;
}

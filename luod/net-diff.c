/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-diff - see net-diff.h. Objects are compared member by member, lists as sets. */
#include "net-diff.h"

#include "net-json.h"

struct compare {
	struct net_diff *diff;
	const char *namespace, *object;
	int error;
};

void net_diff_clear(struct net_diff *diff)
{
	for (size_t i = 0; i < diff->n; i++) {
		struct net_difference *d = &diff->items[i];

		free(d->namespace);
		free(d->object);
		free(d->what);
		free(d->wanted);
		free(d->found);
	}
	free(diff->items);
	*diff = (struct net_diff){};
}

static char *dump(const json_t *json)
{
	return json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

static void add(struct compare *c, const char *what, const json_t *wanted, const json_t *found)
{
	struct net_diff *diff = c->diff;
	struct net_difference *items = reallocarray(diff->items, diff->n + 1, sizeof(*items));
	struct net_difference *d;

	if (!items) {
		c->error = -ENOMEM;
		return;
	}
	diff->items = items;
	d = &items[diff->n++];
	*d = (struct net_difference){
		.namespace = strdup(c->namespace),
		.object = strdup(c->object),
		.what = strdup(what),
		.wanted = dump(wanted),
		.found = dump(found),
	};
	if (!d->namespace || !d->object || !d->what || (wanted && !d->wanted) ||
	    (found && !d->found))
		c->error = -ENOMEM;
}

static bool has(const json_t *list, const json_t *item)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (json_equal(one, item))
			return true;
	}
	return false;
}

static void compare_lists(struct compare *c, const char *what, const json_t *wanted,
			  const json_t *found)
{
	const json_t *one;
	size_t i;

	json_array_foreach(wanted, i, one) {
		if (!has(found, one))
			add(c, what, one, NULL);
	}
	json_array_foreach(found, i, one) {
		if (!has(wanted, one))
			add(c, what, NULL, one);
	}
}

static void compare_values(struct compare *c, const char *what, json_t *wanted, json_t *found);

static void compare_objects(struct compare *c, const char *what, json_t *wanted, json_t *found)
{
	const char *key;
	json_t *value;

	json_object_foreach(wanted, key, value) {
		_cleanup_free_ char *path = strprintf("%s%s%s", what, *what ? "." : "", key);

		if (path)
			compare_values(c, path, value, json_object_get(found, key));
		else
			c->error = -ENOMEM;
	}
	json_object_foreach(found, key, value) {
		_cleanup_free_ char *path = strprintf("%s%s%s", what, *what ? "." : "", key);

		if (path && !json_object_get(wanted, key))
			compare_values(c, path, NULL, value);
	}
}

static void compare_values(struct compare *c, const char *what, json_t *wanted, json_t *found)
{
	if ((!wanted || json_is_object(wanted)) && (!found || json_is_object(found)))
		compare_objects(c, what, wanted, found);
	else if ((!wanted || json_is_array(wanted)) && (!found || json_is_array(found)))
		compare_lists(c, what, wanted, found);
	else if (!json_equal(wanted, found))
		add(c, what, wanted, found);
}

static json_t *found_to_json(const struct net_link *wanted, const struct net_link *found)
{
	struct net_link rounded = *found;

	rounded.own = net_settings_rounded(net_kind_set(found->kind), &wanted->own, &found->own);
	return net_link_to_json(wanted->kind == found->kind ? &rounded : found);
}

/* Hardware is the same under another name. */
static void compare_links(struct compare *c, const struct net_link *wanted,
			  const struct net_link *found)
{
	json_t *a = net_link_to_json(wanted), *b = found ? found_to_json(wanted, found) : NULL;

	c->object = wanted->name;
	if (!a || (found && !b))
		c->error = -ENOMEM;
	else if (!found)
		add(c, "", a, NULL);
	else {
		json_object_del(a, "name");
		json_object_del(b, "name");
		compare_objects(c, "", a, b);
	}
	json_decref(a);
	json_decref(b);
}

/* Only those over links that the record tells of. */
static bool route_counts(const struct net_namespace *wanted, const struct net_route *route)
{
	for (size_t i = 0; i < route->n_hops; i++)
		if (net_find_link(wanted, route->hops[i].link))
			return true;
	return false;
}

/* NULL, and the error is noted, unless all of them are in the list. */
static json_t *routes_to_json(struct compare *c, const struct net_namespace *ns,
			      const struct net_namespace *wanted)
{
	json_t *list = json_array();
	int r = list ? 0 : -1;

	for (size_t i = 0; i < ns->n_routes && r >= 0; i++)
		if (route_counts(wanted, &ns->routes[i]))
			r = json_array_append_new(list, net_route_to_json(&ns->routes[i]));
	if (r >= 0)
		return list;
	c->error = -ENOMEM;
	json_decref(list);
	return NULL;
}

static void compare_routes(struct compare *c, const struct net_namespace *wanted,
			   const struct net_namespace *found)
{
	json_t *a = routes_to_json(c, wanted, wanted), *b = routes_to_json(c, found, wanted);

	c->object = "routes";
	if (a && b)
		compare_lists(c, "", a, b);
	json_decref(a);
	json_decref(b);
}

int net_diff(const struct net_record *wanted, const struct net_record *now, struct net_diff *ret)
{
	struct net_diff diff = {};
	struct compare c = { .diff = &diff };

	for (size_t i = 0; i < wanted->n; i++) {
		const struct net_namespace *ns = &wanted->namespaces[i];
		const struct net_namespace *there = net_find_namespace(now, ns->name);
		static const struct net_namespace empty;

		c.namespace = ns->name;
		if (!there)
			there = &empty;
		for (size_t j = 0; j < ns->n_links; j++)
			compare_links(&c, ns->links[j], net_find_same(there, ns->links[j]));
		compare_routes(&c, ns, there);
	}
	if (c.error < 0) {
		net_diff_clear(&diff);
		return c.error;
	}
	*ret = diff;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-select - see net-select.h. */
#include "net-select.h"

#include <fnmatch.h>

#include "net-plan.h"

#define BLANKS " \t"

/* Of each namespace, of each link: whether it goes along. */
struct choice {
	struct net_record *record;
	bool **taken;
};

bool net_select_valid(const char *names)
{
	for (const char *p = names + strspn(names, BLANKS); *p; p += strspn(p, BLANKS)) {
		size_t n = strcspn(p, BLANKS);
		const char *slash = memchr(p, '/', n);

		if (slash && (slash == p || slash + 1 == p + n ||
			      memchr(slash + 1, '/', (size_t)(p + n - slash - 1))))
			return false;
		p += n;
	}
	return true;
}

static bool matches(const char *pattern, const char *ns, const struct net_link *link)
{
	const char *slash = strchr(pattern, '/');
	_cleanup_free_ char *where = slash ? strndup(pattern, (size_t)(slash - pattern))
					   : strdup("");

	if (!where || fnmatch(where, ns, 0) != 0 || (slash && !*ns))
		return false;
	pattern = slash ? slash + 1 : pattern;
	for (size_t i = 0; i < link->n_altnames; i++)
		if (fnmatch(pattern, link->altnames[i], 0) == 0)
			return true;
	return fnmatch(pattern, link->name, 0) == 0;
}

static void take(struct choice *c, size_t namespace, const struct net_link *link)
{
	const struct net_namespace *ns = &c->record->namespaces[namespace];

	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i] == link)
			c->taken[namespace][i] = true;
}

static void take_named(struct choice *c, const char *pattern)
{
	for (size_t i = 0; i < c->record->n; i++) {
		const struct net_namespace *ns = &c->record->namespaces[i];

		for (size_t j = 0; j < ns->n_links; j++)
			if (matches(pattern, ns->name, ns->links[j]))
				c->taken[i][j] = true;
	}
}

/* What one link needs. A master is nothing without its ports, of which one leads out. */
static void take_needed(struct choice *c, size_t namespace, const struct net_link *link)
{
	const struct net_namespace *ns = &c->record->namespaces[namespace];
	const struct net_link *lower;
	size_t place;

	if (*link->master && net_find_link(ns, link->master))
		take(c, namespace, net_find_link(ns, link->master));
	lower = net_plan_lower(c->record, namespace, link, &place);
	if (lower)
		take(c, place, lower);
	for (size_t i = 0; i < ns->n_links; i++)
		if (streq(ns->links[i]->master, link->name))
			c->taken[namespace][i] = true;
}

static size_t count(const struct choice *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->record->n; i++)
		for (size_t j = 0; j < c->record->namespaces[i].n_links; j++)
			n += c->taken[i][j];
	return n;
}

static void take_all_needed(struct choice *c)
{
	size_t before;

	do {
		before = count(c);
		for (size_t i = 0; i < c->record->n; i++)
			for (size_t j = 0; j < c->record->namespaces[i].n_links; j++)
				if (c->taken[i][j])
					take_needed(c, i, c->record->namespaces[i].links[j]);
	} while (count(c) > before);
}

static bool route_stays(const struct net_namespace *ns, const struct net_route *route)
{
	for (size_t i = 0; i < route->n_hops; i++)
		if (!net_find_link(ns, route->hops[i].link))
			return false;
	return true;
}

static void drop_others(struct net_namespace *ns, const bool *taken)
{
	size_t n = 0;

	for (size_t i = 0; i < ns->n_links; i++)
		if (taken[i])
			ns->links[n++] = ns->links[i];
		else
			net_link_free(ns->links[i]);
	ns->n_links = n;
	n = 0;
	for (size_t i = 0; i < ns->n_routes; i++)
		if (route_stays(ns, &ns->routes[i]))
			ns->routes[n++] = ns->routes[i];
		else
			net_route_clear(&ns->routes[i]);
	ns->n_routes = n;
}

static void drop_empty(struct net_record *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->namespaces[i].n_links) {
			r->namespaces[n++] = r->namespaces[i];
			continue;
		}
		net_namespace_empty(&r->namespaces[i]);
		free(r->namespaces[i].name);
	}
	r->n = n;
}

static int choose(struct choice *c, const char *names)
{
	_cleanup_free_ char *copy = strdup(names);
	char *rest = NULL;

	if (!copy)
		return -ENOMEM;
	for (char *p = strtok_r(copy, BLANKS, &rest); p; p = strtok_r(NULL, BLANKS, &rest))
		take_named(c, p);
	take_all_needed(c);
	return 0;
}

int net_select(struct net_record *r, const char *names)
{
	struct choice c = { .record = r, .taken = calloc(r->n + 1, sizeof(*c.taken)) };
	int result = c.taken ? 0 : -ENOMEM;

	for (size_t i = 0; i < r->n && result >= 0; i++) {
		c.taken[i] = calloc(r->namespaces[i].n_links + 1, sizeof(**c.taken));
		if (!c.taken[i])
			result = -ENOMEM;
	}
	if (result >= 0)
		result = choose(&c, names);
	for (size_t i = 0; i < r->n && c.taken; i++) {
		if (result >= 0)
			drop_others(&r->namespaces[i], c.taken[i]);
		free(c.taken[i]);
	}
	free(c.taken);
	if (result >= 0)
		drop_empty(r);
	return result;
}

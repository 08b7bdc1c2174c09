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

static bool is_word(const char *name, size_t n)
{
	static const char *const words[] = { NET_SELECT_SESSIONS, NET_SELECT_NONE };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && memcmp(words[i], name, n) == 0)
			return true;
	return false;
}

bool net_select_valid(const char *names, bool words)
{
	for (const char *p = names + strspn(names, BLANKS); *p; p += strspn(p, BLANKS)) {
		size_t n = strcspn(p, BLANKS);
		const char *slash = memchr(p, '/', n);

		if (*p == ':' && !(words && is_word(p, n)))
			return false;
		if (slash && (slash == p || slash + 1 == p + n ||
			      memchr(slash + 1, '/', (size_t)(p + n - slash - 1))))
			return false;
		p += n;
	}
	return true;
}

bool net_select_has(const char *names, const char *word)
{
	for (const char *p = names + strspn(names, BLANKS); *p; p += strspn(p, BLANKS)) {
		size_t n = strcspn(p, BLANKS);

		if (n == strlen(word) && memcmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

bool net_select_has_names(const char *names)
{
	for (const char *p = names + strspn(names, BLANKS); *p; p += strspn(p, BLANKS)) {
		if (*p != ':')
			return true;
		p += strcspn(p, BLANKS);
	}
	return false;
}

/* The part of the pattern that is for the link, or NULL: it is not for that namespace. */
static const char *fits_namespace(const char *pattern, const char *ns)
{
	const char *slash = strchr(pattern, '/');
	_cleanup_free_ char *where = slash ? strndup(pattern, (size_t)(slash - pattern))
					   : strdup("");

	if (!where || *pattern == ':' || fnmatch(where, ns, 0) != 0 || (slash && !*ns))
		return NULL;
	return slash ? slash + 1 : pattern;
}

bool net_select_fits_namespace(const char *names, const char *ns)
{
	_cleanup_free_ char *copy = strdup(names);
	char *rest = NULL;

	for (char *p = copy ? strtok_r(copy, BLANKS, &rest) : NULL; p;
	     p = strtok_r(NULL, BLANKS, &rest))
		if (fits_namespace(p, ns))
			return true;
	return false;
}

bool net_select_fits(const char *names, const char *text)
{
	const char *slash = strchr(text, '/'), *part;
	_cleanup_free_ char *copy = strdup(names);
	_cleanup_free_ char *ns = slash ? strndup(text, (size_t)(slash - text)) : strdup("");
	char *rest = NULL;

	for (char *p = copy && ns ? strtok_r(copy, BLANKS, &rest) : NULL; p;
	     p = strtok_r(NULL, BLANKS, &rest)) {
		part = fits_namespace(p, ns);
		if (part && fnmatch(part, slash ? slash + 1 : text, 0) == 0)
			return true;
	}
	return false;
}

static struct net_link *find_named(const struct net_record *r, const char *text,
				   size_t *ret_namespace)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct net_namespace *ns = &r->namespaces[i];

		if (strlen(ns->name) != n || memcmp(ns->name, text, n) != 0)
			continue;
		*ret_namespace = i;
		return net_find_link(ns, slash ? slash + 1 : text);
	}
	return NULL;
}

struct net_link *net_find_named(const struct net_record *r, const char *text)
{
	size_t place;

	return find_named(r, text, &place);
}

static bool matches(const char *pattern, const char *ns, const struct net_link *link)
{
	pattern = fits_namespace(pattern, ns);
	if (!pattern)
		return false;
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

/* Of what is hardware, or of a kind that is not known, nobody can tell. */
static bool may_have_ports(enum net_kind kind)
{
	return !net_kind_is_made(kind) || net_kind_port_set(kind) != NET_SET_NONE;
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
	for (size_t i = 0; may_have_ports(link->kind) && i < ns->n_links; i++)
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
	net_index_drop(ns);
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

static int choose(struct choice *c, const char *names, const char *const *exact)
{
	_cleanup_free_ char *copy = strdup(names);
	const struct net_link *link;
	char *rest = NULL;
	size_t place;

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; exact && exact[i]; i++) {
		link = find_named(c->record, exact[i], &place);
		if (link)
			take(c, place, link);
	}
	for (char *p = strtok_r(copy, BLANKS, &rest); p; p = strtok_r(NULL, BLANKS, &rest))
		take_named(c, p);
	take_all_needed(c);
	return 0;
}

int net_select(struct net_record *r, const char *names)
{
	return net_select_with(r, names, NULL);
}

int net_select_with(struct net_record *r, const char *names, const char *const *exact)
{
	struct choice c = { .record = r, .taken = calloc(r->n + 1, sizeof(*c.taken)) };
	int result = c.taken ? 0 : -ENOMEM;

	for (size_t i = 0; i < r->n && result >= 0; i++) {
		c.taken[i] = calloc(r->namespaces[i].n_links + 1, sizeof(**c.taken));
		if (!c.taken[i])
			result = -ENOMEM;
	}
	if (result >= 0)
		result = choose(&c, names, exact);
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

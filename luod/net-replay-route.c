/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-replay-route - routes of a record; see net-replay.h. A route over a gateway needs the one to
 * the gateway, and a record has them in any order: those the kernel finds unreachable are tried
 * again, as long as others get through.
 */
#include "net-replay-private.h"

#include "net-text.h"

static bool same_hops(const struct net_route *a, const struct net_route *b,
		      const unsigned int *indexes, const struct net_namespace *ns)
{
	if (a->n_hops != b->n_hops)
		return false;
	for (size_t i = 0; i < a->n_hops; i++) {
		const struct net_link *link = net_find_link(ns, b->hops[i].link);

		if (!link || link->index != indexes[i] || a->hops[i].weight != b->hops[i].weight ||
		    a->hops[i].flags != b->hops[i].flags ||
		    !net_ip_equal(&a->hops[i].gateway, &b->hops[i].gateway))
			return false;
	}
	return true;
}

static bool is_there(const struct net_route *wanted, const unsigned int *indexes,
		     const struct net_namespace *ns)
{
	for (size_t i = 0; i < ns->n_routes; i++) {
		const struct net_route *r = &ns->routes[i];

		if (net_route_alike(r, wanted) && same_hops(wanted, r, indexes, ns))
			return true;
	}
	return false;
}

/* The numbers of the links that it leads over; negative: the one that is missing, as text. */
static int find_hops(const struct replay *p, size_t namespace, const struct net_namespace *ns,
		     const struct net_route *route, unsigned int *indexes, const char **ret_missing)
{
	for (size_t i = 0; i < route->n_hops; i++) {
		const char *name = route->hops[i].link;
		const struct net_link *wanted =
			net_find_link(&p->record->namespaces[namespace], name);
		const struct net_link *link = wanted ? net_find_same(ns, wanted)
						     : net_find_link(ns, name);

		if (!link) {
			*ret_missing = name;
			return -ENODEV;
		}
		indexes[i] = link->index;
	}
	return 0;
}

/* Of all routes to one place, one name. */
static char *name_of(const struct net_route *route)
{
	char destination[NET_IP_TEXT_MAX];

	return strprintf("route %s", net_ip_to_text(&route->destination, destination));
}

/* One that fails may do so only because links, or their addresses, are not there yet. */
static void note(struct replay *p, size_t namespace, const struct net_route *route,
		 enum net_outcome outcome, const char *text)
{
	_cleanup_free_ char *object = name_of(route);
	char *ns = p->record->namespaces[namespace].name;

	replay_note(p, &(struct net_result){ .outcome = outcome,
					     .namespace = ns,
					     .object = object ? object : (char *)"route",
					     .text = (char *)text,
					     .absent = outcome == NET_FAILED &&
						       net_machine_find(p->machine, ns) >= 0 });
}

static bool is_wanted(const struct replay *p, size_t namespace, const struct net_route *route)
{
	_cleanup_free_ char *object = name_of(route);
	const char *ns = p->record->namespaces[namespace].name;

	return object && (replay_wants(p, ns, object) || replay_wants(p, ns, NET_ROUTES));
}

static int add(struct replay *p, struct net_socket *socket, const struct net_route *route,
	       const unsigned int *indexes, char **ret_error)
{
	_cleanup_msg_ struct nl_msg *msg = net_request_route(route, indexes, true);
	int r = msg ? 0 : -ENOMEM;

	if (r >= 0 && p->gate && p->gate->may_change)
		r = p->gate->may_change(p->gate->userdata);
	if (r >= 0)
		r = net_socket_change(socket, msg);
	if (r >= 0) {
		p->report->changes++;
		return 0;
	}
	free(*ret_error);
	*ret_error = strprintf("%s%s%s", strerror(-r), *net_socket_complaint(socket) ? ": " : "",
			       net_socket_complaint(socket));
	return r;
}

/* true: it is done with, for better or worse. */
static bool do_route(struct replay *p, size_t namespace, int place, const struct net_route *route,
		     char **error)
{
	const struct net_namespace *ns = &p->machine->now.namespaces[place];
	unsigned int indexes[LIMIT_NET_HOPS];
	_cleanup_free_ char *text = NULL;
	const char *missing;
	int r = find_hops(p, namespace, ns, route, indexes, &missing);

	if (r < 0) {
		text = strprintf("'%s', over which it leads, is not there", missing);
		note(p, namespace, route, NET_FAILED, text);
		return true;
	}
	if (is_there(route, indexes, ns)) {
		note(p, namespace, route, NET_SAME, NULL);
		return true;
	}
	r = add(p, p->machine->places[place].socket, route, indexes, error);
	if (r == -EEXIST)
		note(p, namespace, route, NET_CONFLICT,
		     "there is one to the same place by another way or with other metrics");
	else if (r >= 0)
		note(p, namespace, route, NET_MADE, NULL);
	return r >= 0 || r == -EEXIST;
}

void replay_routes(struct replay *p, size_t namespace)
{
	const struct net_namespace *wanted = &p->record->namespaces[namespace];
	_cleanup_free_ char **errors = calloc(wanted->n_routes + 1, sizeof(*errors));
	_cleanup_free_ bool *done = calloc(wanted->n_routes + 1, sizeof(*done));
	int place = net_machine_find(p->machine, wanted->name);
	bool progress = true;

	if (!errors || !done) {
		p->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < wanted->n_routes; i++)
		done[i] = !is_wanted(p, namespace, &wanted->routes[i]);
	while (progress && place >= 0) {
		progress = false;
		for (size_t i = 0; i < wanted->n_routes; i++)
			if (!done[i])
				progress |= done[i] = do_route(p, namespace, place,
							       &wanted->routes[i], &errors[i]);
	}
	for (size_t i = 0; i < wanted->n_routes; i++) {
		if (!done[i])
			note(p, namespace, &wanted->routes[i], NET_FAILED,
			     place < 0 ? "its namespace is not there" : errors[i]);
		free(errors[i]);
	}
}

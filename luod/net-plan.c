/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-plan - see net-plan.h: a walk in depth, which meets a link on its own way only in a cycle. */
#include "net-plan.h"

enum color {
	NEW,
	UNDER_WAY,
	PLANNED
};

struct node {
	size_t namespace;
	const struct net_link *link;
	enum color color;
};

struct walk {
	const struct net_record *record;
	struct node *nodes; /* sorted by namespace and name */
	size_t n;
	struct net_plan *plan;
	char **error;
};

void net_plan_clear(struct net_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		net_deed_clear(&plan->steps[i].deed);
	free(plan->steps);
	*plan = (struct net_plan){};
}

static int compare(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	if (x->namespace != y->namespace)
		return x->namespace < y->namespace ? -1 : 1;
	return strcmp(x->link->name, y->link->name);
}

/* NULL: the record does not have it, so it has to be there already. */
static struct node *find(const struct walk *w, size_t namespace, const char *name)
{
	struct net_link link;
	struct node key = { namespace, &link };

	snprintf(link.name, sizeof(link.name), "%s", name);
	return *name ? bsearch(&key, w->nodes, w->n, sizeof(key), compare) : NULL;
}

static ssize_t namespace_of(const struct net_record *r, size_t namespace, const struct net_ref *ref)
{
	for (size_t i = 0; ref->namespace && i < r->n; i++)
		if (streq(r->namespaces[i].name, ref->namespace))
			return (ssize_t)i;
	return ref->namespace ? -ENOENT : (ssize_t) namespace;
}

const struct net_link *net_plan_lower(const struct net_record *r, size_t namespace,
				      const struct net_link *link, size_t *ret_namespace)
{
	ssize_t place = namespace_of(r, namespace, &link->lower);

	if (place < 0 || !*link->lower.name)
		return NULL;
	*ret_namespace = (size_t)place;
	return net_find_link(&r->namespaces[place], link->lower.name);
}

static struct node *find_lower(const struct walk *w, const struct node *node)
{
	ssize_t place = namespace_of(w->record, node->namespace, &node->link->lower);

	if (place < 0 || !net_kind_has_lower(node->link->kind))
		return NULL;
	return find(w, (size_t)place, node->link->lower.name);
}

static void add(struct walk *w, struct node *node, ssize_t peer)
{
	node->color = PLANNED;
	w->plan->steps[w->plan->n++] = (struct net_step){
		.namespace = node->namespace,
		.link = node->link,
		.peer = peer,
		.result = 1,
	};
}

static int visit(struct walk *w, struct node *node);

static int visit_master(struct walk *w, const struct node *node)
{
	struct node *master = find(w, node->namespace, node->link->master);

	return master ? visit(w, master) : 0;
}

/* Each is the other's lower; a pair that only one end knows of is none. */
static struct node *find_peer(struct walk *w, struct node *node)
{
	struct node *peer = node->link->kind == NET_KIND_VETH ? find_lower(w, node) : NULL;

	return peer && peer != node && peer->link->kind == NET_KIND_VETH &&
			       find_lower(w, peer) == node
		       ? peer
		       : NULL;
}

static int visit_pair(struct walk *w, struct node *node, struct node *peer)
{
	ssize_t first;
	int r;

	node->color = peer->color = UNDER_WAY;
	if ((r = visit_master(w, node)) < 0 || (r = visit_master(w, peer)) < 0)
		return r;
	first = (ssize_t)w->plan->n;
	add(w, node, first + 1);
	add(w, peer, first);
	return 0;
}

static int visit(struct walk *w, struct node *node)
{
	struct node *lower, *peer;
	int r;

	if (node->color == PLANNED)
		return 0;
	if (node->color == UNDER_WAY) {
		*w->error = strprintf("'%s' hangs on itself", node->link->name);
		return -ELOOP;
	}
	peer = find_peer(w, node);
	if (peer)
		return visit_pair(w, node, peer);
	node->color = UNDER_WAY;
	lower = node->link->kind == NET_KIND_VETH ? NULL : find_lower(w, node);
	if ((r = visit_master(w, node)) < 0 || (lower && (r = visit(w, lower)) < 0))
		return r;
	add(w, node, -1);
	return 0;
}

static size_t count(const struct net_record *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->namespaces[i].n_links;
	return n;
}

static void fill(struct walk *w)
{
	for (size_t i = 0; i < w->record->n; i++)
		for (size_t j = 0; j < w->record->namespaces[i].n_links; j++)
			w->nodes[w->n++] =
				(struct node){ i, w->record->namespaces[i].links[j], NEW };
	qsort(w->nodes, w->n, sizeof(*w->nodes), compare);
}

int net_plan_make(const struct net_record *record, struct net_plan *ret, char **ret_error)
{
	size_t n = count(record);
	_cleanup_free_ struct node *nodes = calloc(n + 1, sizeof(*nodes));
	struct net_plan plan = { .steps = calloc(n + 1, sizeof(*plan.steps)) };
	struct walk w = { record, nodes, .plan = &plan, .error = ret_error };
	int r = nodes && plan.steps ? 0 : -ENOMEM;

	if (r >= 0)
		fill(&w);
	for (size_t i = 0; i < w.n && r >= 0; i++)
		if (nodes[i].link->n_vfs_on)
			r = visit(&w, &nodes[i]);
	for (size_t i = 0; i < w.n && r >= 0; i++)
		r = visit(&w, &nodes[i]);
	if (r < 0) {
		net_plan_clear(&plan);
		return r;
	}
	*ret = plan;
	return 0;
}

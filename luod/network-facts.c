/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-facts - what a check has to know of the network; see network.h. It looks, and changes nothing.
 */
#include "network.h"

#include "net-machine.h"
#include "net-prove.h"
#include "net-select.h"

struct gather {
	struct preflight_network *facts;
	bool out_of_memory;
};

static void add_need(struct gather *g, const struct session *s, const char *link, const char *why,
		     bool is_there)
{
	struct preflight_network *f = g->facts;
	struct preflight_need *needs = reallocarray(f->needs, f->n_needs + 1, sizeof(*needs));
	struct preflight_need *new;

	if (!needs) {
		g->out_of_memory = true;
		return;
	}
	f->needs = needs;
	new = &needs[f->n_needs++];
	*new = (struct preflight_need){
		.session = strprintf("%u/%s", s->uid, s->name),
		.required = s->policy == SESSION_REQUIRED,
		.link = strdup(link),
		.why = strdup(why),
		.is_there = is_there,
	};
	if (!new->session || !new->link || !new->why)
		g->out_of_memory = true;
}

static bool is_unread(const struct net_unread_list *unread, const char *text)
{
	const char *slash = strchr(text, '/');

	for (size_t i = 0; slash && i < unread->n; i++)
		if (strlen(unread->items[i].name) == (size_t)(slash - text) &&
		    memcmp(unread->items[i].name, text, (size_t)(slash - text)) == 0)
			return true;
	return false;
}

/* What nobody could look for is not said to be nowhere. */
static void on_missing(const struct session *s, const char *text, const char *why, void *userdata)
{
	struct gather *g = userdata;
	bool unread = is_unread(&g->facts->unread, text);

	add_need(g, s, text, unread ? "its network namespace cannot be looked into" : why, unread);
}

/* NULL when it can be made again. */
static const char *why_not_made(const struct net_link *link)
{
	if (link->kind == NET_KIND_OTHER)
		return "links of its kind are not made again";
	if (net_kind_has_lower(link->kind) && !*link->lower.name)
		return "it hangs on a link of a namespace that has no name";
	return NULL;
}

/* Of the links that are there. */
static void look_at_links(struct gather *g, const struct session *s,
			  const struct net_record *record)
{
	for (size_t i = 0; s->links && s->links[i]; i++) {
		const struct net_link *link = net_find_named(record, s->links[i]);
		const char *why = link ? why_not_made(link) : NULL;

		if (why)
			add_need(g, s, s->links[i], why, true);
	}
}

void network_facts(struct manager *m, struct preflight_network *ret)
{
	struct gather g = { .facts = ret };
	struct net_record record = {};
	const struct session *s;
	int r;

	*ret = (struct preflight_network){ .asked = network_is_wanted(m) };
	if (!ret->asked)
		return;
	r = network_read(m, on_missing, &g, &record, &ret->unread, &ret->error);
	if (r >= 0 && (r = net_prove(&record, &ret->error)) >= 0)
		r = net_left_out_find(&record, &m->host, &ret->left);
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state != SESSION_LOST)
			look_at_links(&g, s, &record);
	if ((r < 0 || g.out_of_memory) && !ret->error)
		ret->error = strdup(strerror(r < 0 ? -r : ENOMEM));
	for (size_t i = 0; i < record.n; i++)
		ret->n_links += record.namespaces[i].n_links;
	net_record_clear(&record);
}

void network_facts_clear(struct preflight_network *facts)
{
	for (size_t i = 0; i < facts->n_needs; i++) {
		free(facts->needs[i].session);
		free(facts->needs[i].link);
		free(facts->needs[i].why);
	}
	free(facts->needs);
	net_left_out_clear(&facts->left);
	net_unread_clear(&facts->unread);
	free(facts->error);
	*facts = (struct preflight_network){};
}

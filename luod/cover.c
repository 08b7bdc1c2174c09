/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cover - what luod knows of a device beyond sysfs: which session covers it, and who has it open.
 *
 * A session covers a device when one of its resources is that device. The session says so whenever
 * its resources change; who has a node open no event tells, so that is looked at by every check.
 * An owner by delegation declares its devices only when it preserves them: until it is ready a device
 * that its unit alone has open is taken for one of them.
 */
#include "holder.h"
#include "log.h"
#include "manager.h"
#include "metrics.h"

static struct session *session_of_user(struct manager *m, const struct device *d)
{
	struct session *s;

	if (d->n_users != 1)
		return NULL;
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->mode == SESSION_DELEGATION && s->state != SESSION_LOST &&
		    s->state != SESSION_READY && !isempty(s->unit) && streq(s->unit, d->users[0]))
			return s;
	return NULL;
}

static struct session *session_of(struct manager *m, const struct device *d)
{
	struct resource *resource;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state != SESSION_LOST)
			TAILQ_FOREACH(resource, &s->resources, entry)
				if (resource->device && streq(resource->device, d->facts.address))
					return s;
	return session_of_user(m, d);
}

/* True when that is a change. */
static bool set_session(struct device *d, const struct session *s)
{
	_cleanup_free_ char *name = s ? strprintf("%u/%s", s->uid, s->name) : NULL;

	if (streq(strempty(d->session), strempty(name)))
		return false;
	free(d->session);
	d->session = TAKE_PTR(name);
	return true;
}

void cover_device(struct manager *m, struct device *d)
{
	set_session(d, session_of(m, d));
}

/* Where each device's session is noted, in the order of the inventory. */
static void note_session(struct manager *m, struct session *s, struct session **of)
{
	const struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry) {
		struct device **d =
			resource->device ? inventory_find(&m->inventory, resource->device) : NULL;

		if (d)
			of[d - m->inventory.devices] = s;
	}
}

/* One walk through all resources, however many devices there are: it is done often. */
void cover_devices(struct manager *m)
{
	_cleanup_free_ struct session **of = calloc(m->inventory.n + 1, sizeof(struct session *));
	struct session *s;

	if (!of) {
		log_oom();
		return;
	}
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state != SESSION_LOST)
			note_session(m, s, of);
	for (size_t i = 0; i < m->inventory.n; i++) {
		struct device *d = m->inventory.devices[i];

		if (!set_session(d, of[i] ? of[i] : session_of_user(m, d)))
			continue;
		device_emit(m, d, "Session", "Preservable", "Reasons");
		metrics_changed(m);
	}
}

/* Several processes of one unit are one user. */
static unsigned int add_user(const char *users[static LIMIT_DEVICE_USERS], unsigned int n,
			     const char *user)
{
	for (unsigned int i = 0; i < n; i++)
		if (streq(users[i], user))
			return n;
	if (n == LIMIT_DEVICE_USERS)
		return n;
	users[n] = user;
	return n + 1;
}

static void name_users(struct manager *m, struct device *d, const struct holders *holders)
{
	const char *users[LIMIT_DEVICE_USERS];
	const struct holder *h = NULL;
	unsigned int n = 0;
	bool group_open = false;

	while ((h = holders_of_device(holders, d->facts.node_number, d->facts.address, h)))
		n = add_user(users, n, h->user);
	while ((h = holders_of_device(holders, d->facts.group_node_number, NULL, h))) {
		n = add_user(users, n, h->user);
		group_open = true;
	}
	if (!device_set_users(d, users, n, group_open))
		return;
	device_emit(m, d, "Users", "Preservable", "Reasons");
	metrics_changed(m);
}

int cover_look(struct manager *m, struct holders *ret)
{
	int r = holders_find(m->paths.root, ret);

	if (r < 0)
		return r;
	inventory_refresh(&m->inventory);
	for (size_t i = 0; i < m->inventory.n; i++)
		name_users(m, m->inventory.devices[i], ret);
	cover_devices(m);
	return 0;
}

int device_reasons(const struct device *d, struct findings *ret)
{
	const struct preflight_context context = { .features = &d->manager->features };
	const struct preflight_session covering = {};
	struct preflight_device device = device_for_preflight(d);

	device.session = d->session ? &covering : NULL;
	return preflight_device_reasons(&context, &device, ret);
}

struct preflight_device device_for_preflight(const struct device *d)
{
	return (struct preflight_device){
		.address = d->facts.address,
		.facts = &d->facts,
		.dma_memory = device_has_dma_memory(&d->facts),
		.users = d->users,
		.n_users = d->n_users,
		.group_open = d->group_open,
	};
}

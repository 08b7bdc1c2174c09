/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-tap - see network-tap.h. */
#include "network-tap.h"

#include "barrier.h"
#include "log.h"
#include "net-machine.h"
#include "net-select.h"
#include "session-link.h"
#include "tap.h"

#define REASON_MAX 512

/* --- before the jump -------------------------------------------------------------------------- */

static int look(struct manager *m, struct resource *resource)
{
	struct tap *tap;
	int r = tap_look(resource->fd, &m->host, &tap);

	if (r < 0)
		return r;
	tap_free(resource->tap);
	resource->tap = tap;
	return 0;
}

static int leave_behind(struct manager *m, struct session *s, const struct resource *resource,
			int error)
{
	_cleanup_free_ char *why =
		strprintf("link '%s' of '%s' cannot be recorded: %s. Detach it, or attach one that "
			  "is there",
			  resource->tap->link, resource->label,
			  error == -EBADFD ? "it has been removed" : strerror(-error));

	return barrier_leave_behind(m, s, error, why ? why : "out of memory");
}

static int look_at_session(struct manager *m, struct session *s)
{
	struct resource *resource;
	int r;

	TAILQ_FOREACH(resource, &s->resources, entry) {
		r = resource->tap && resource->fd >= 0 ? look(m, resource) : 0;
		if (r < 0)
			return leave_behind(m, s, resource, r);
	}
	return 0;
}

int network_tap_look(struct manager *m)
{
	struct session *s;
	int r = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (r >= 0 && session_in_update(s))
			r = look_at_session(m, s);
	return r;
}

void network_tap_say_missing(const struct manager *m)
{
	const struct resource *resource;
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (session_in_update(s) && resource->tap &&
			    !net_find_named(&m->network, resource->tap->link))
				log_warning("Link '%s', of which session %u/%s has a queue in "
					    "custody, does not go along: Links= of lu.conf has "
					    "neither its name nor :sessions",
					    resource->tap->link, s->uid, s->name);
}

/* --- after the jump --------------------------------------------------------------------------- */

/* Why the link called @text is not there; NULL: nothing is known against it. */
static const char *failure(const char *text, const struct net_record *wanted,
			   const struct net_report *report)
{
	const struct net_link *link = net_find_named(wanted, text);
	_cleanup_free_ char *namespace = NULL;
	const char *name;

	if (!link || session_link_parse(text, &namespace, &name) < 0)
		return NULL;
	for (size_t i = 0; i < report->n; i++) {
		const struct net_result *one = &report->results[i];

		if (one->outcome == NET_FAILED && streq(one->object, link->name) &&
		    streq(one->namespace, namespace))
			return strempty(one->text);
	}
	return NULL;
}

struct blame {
	const struct net_record *wanted;
	const struct net_report *report;
	const char *error;
};

#define NOT_RESTORED "link '%s' is not restored: "

/* NULL: there is none. Freed by the caller. */
static char *reason_for(const struct blame *b, const char *text)
{
	const char *why = b->report ? failure(text, b->wanted, b->report) : b->error;
	_cleanup_free_ char *reason = why ? strprintf(NOT_RESTORED "%s", text, why) : NULL;

	return reason ? strprintf("%.*s", FIT(reason, REASON_MAX)) : NULL;
}

/* The first of several is the reason; the journal has them all. */
static char *first_reason(const struct blame *b, const struct session *s)
{
	const struct resource *resource;
	char *reason = NULL;

	for (size_t i = 0; s->links && s->links[i] && !reason; i++)
		reason = reason_for(b, s->links[i]);
	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->tap && !reason)
			reason = reason_for(b, resource->tap->link);
	return reason;
}

void network_tap_blame(struct session_list *sessions, const struct net_record *wanted,
		       const struct net_report *report, const char *error)
{
	const struct blame b = { wanted, report, error };
	struct session *s;

	TAILQ_FOREACH(s, sessions, entry) {
		_cleanup_free_ char *reason = first_reason(&b, s);

		if (reason && isempty(s->reason))
			session_set_state(s, s->state, reason);
	}
}

static bool is_reason(const struct session *s, const char *text)
{
	_cleanup_free_ char *prefix = strprintf(NOT_RESTORED, text);

	return prefix && strncmp(strempty(s->reason), prefix, strlen(prefix)) == 0;
}

static bool lacks_link(const struct session *s)
{
	const struct resource *resource;

	for (size_t i = 0; s->links && s->links[i]; i++)
		if (is_reason(s, s->links[i]))
			return true;
	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->tap && is_reason(s, resource->tap->link))
			return true;
	return false;
}

void network_tap_review(struct manager *m, const struct net_record *wanted,
			const struct net_report *report)
{
	const struct blame b = { wanted, report, NULL };
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		_cleanup_free_ char *reason = lacks_link(s) ? first_reason(&b, s) : NULL;

		if (lacks_link(s))
			manager_set_session_state(m, s, s->state, reason);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * owner-bus - who answers for a session: the connection that created or claimed it last, on the
 * system bus or on luod's own socket. When that goes away the session stays, and so does what an
 * update asks of it: whoever comes in its place is asked again.
 */
#include "claim.h"
#include "log.h"
#include "manager-bus.h"

bool session_owner_connected(const struct session *s)
{
	if (s->owner_peer)
		return bus_set_has_peer(&s->manager->buses, s->owner_peer);
	return s->owner_track && sd_bus_track_count(s->owner_track) > 0;
}

static void owner_changed(struct session *s)
{
	session_emit(s->manager, s, "OwnerConnected");
}

static void owner_gone(struct session *s)
{
	if (s->state == SESSION_PREPARING)
		log_warning("The owner of session %u/%s is gone in the middle of an update; its "
			    "deadline stays",
			    s->uid, s->name);
	claim_owner_gone(s->manager, s);
	owner_changed(s);
}

static int on_track_empty(sd_bus_track *track _unused_, void *userdata)
{
	owner_gone(userdata);
	return 1; /* 0 would have it called again at once, and for ever */
}

void session_peer_gone(uint64_t peer, void *userdata)
{
	struct manager *m = userdata;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->owner_peer == peer)
			owner_gone(s);
}

void session_set_owner_connection(struct session *s, sd_bus_message *m,
				  const struct identity *caller)
{
	s->owner_track = sd_bus_track_unref(s->owner_track);
	s->owner_peer = caller->peer;
	if (!caller->peer &&
	    (sd_bus_track_new(sd_bus_message_get_bus(m), &s->owner_track, on_track_empty, s) < 0 ||
	     sd_bus_track_add_sender(s->owner_track, m) < 0))
		s->owner_track = sd_bus_track_unref(s->owner_track);
	if (session_claimed(s))
		claim_done(s);
}

int session_require_owner(struct session *s, sd_bus_message *m, sd_bus_error *error)
{
	const struct identity *caller;
	int r = bus_set_identify(&s->manager->buses, m, &caller, error);

	if (r < 0)
		return r;
	if (!session_admits(s, caller->uid, identity_unit(caller)))
		return sd_bus_error_setf(error, LUOD_ERROR("NotOwner"),
					 "Session '%s' belongs to uid %u in %s.%s", s->name, s->uid,
					 isempty(s->unit) ? "no unit" : s->unit,
					 identity_way_out(caller));
	if (!session_owner_connected(s)) {
		session_set_owner_connection(s, m, caller);
		owner_changed(s);
	}
	return 0;
}

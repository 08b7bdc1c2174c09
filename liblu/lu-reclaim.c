/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-reclaim - after a reconnect: claim every session again, read what became of it, and work out
 * what the client has missed. An update that had been announced and does not run any more was
 * called off, whether or not anybody was there to say so.
 *
 * All of it by asynchronous calls, so that lu_process() never blocks. Ownership in luod is by uid
 * and unit, not by connection: claiming again needs no secret and takes nothing from anybody.
 */
#include "lu-private.h"

bool lu_reclaim_pending(const struct lu *lu)
{
	const struct lu_session *s;

	TAILQ_FOREACH(s, &lu->sessions, entry)
		if (s->reclaim_slot)
			return true;
	return false;
}

static bool announced_update_runs(const struct lu_session *s)
{
	switch (s->state) {
	case LU_STATE_PREPARING:
	case LU_STATE_READY:
	case LU_STATE_VETOED:
		return strcmp(lu_strempty(s->update_id), s->announced) == 0;
	case LU_STATE_UNKNOWN:
	case LU_STATE_IDLE:
	case LU_STATE_LEFT_BEHIND:
	case LU_STATE_UNCLAIMED:
	case LU_STATE_CLAIMED:
	case LU_STATE_RESUMED:
	case LU_STATE_LOST:
		break;
	}
	return false;
}

static void lose(struct lu_session *s, const char *reason)
{
	if (s->announced)
		lu_session_cancelled(s, s->announced, reason);
	s->forgotten = true;
	lu_session_set_state(s, LU_STATE_LOST, reason, true);
}

/* What luod does not give back is lost, unless it may only be too early to ask. */
static void refused(struct lu_session *s, const sd_bus_error *error)
{
	int r = lu_error_to_errno(error, -sd_bus_error_get_errno(error));

	switch (r) {
	case -EBUSY:
	case -ETIMEDOUT:
	case -ENOTCONN:
	case -ENOMEM:
		lu_link_break(s->lu, r);
		return;
	}
	lose(s, error->message ? error->message : lu_errno_text(r));
}

/* luod still waits for an answer that it never got, or there is nothing to wait for any more. */
static void catch_up(struct lu_session *s)
{
	if (!announced_update_runs(s))
		lu_session_cancelled(s, s->announced,
				     "luod was restarted, and the update does not run any more");
	else if (s->state == LU_STATE_PREPARING)
		lu_event_push(s->lu, LU_EVENT_PREPARE, s, s->announced, NULL, LU_USEC_INFINITY);
}

/* Whether luod's answer is one; if not, what it said instead has been seen to. */
static bool answered(struct lu_session *s, sd_bus_message *m)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);

	s->reclaim_slot = sd_bus_slot_unref(s->reclaim_slot);
	if (error)
		refused(s, error);
	return !error;
}

static int on_properties(sd_bus_message *m, void *userdata,
			 sd_bus_error *ret_error __attribute__((unused)))
{
	struct lu_session *s = userdata;
	int r;

	if (!answered(s, m))
		return 0;
	r = lu_session_read_properties(s, m, true);
	if (r < 0)
		lu_link_break(s->lu, r);
	else if (s->announced)
		catch_up(s);
	return 0;
}

static int ask_properties(struct lu_session *s)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	int r;

	r = lu_call_new(s->lu, s->path, LU_PROPERTIES_INTERFACE, "GetAll", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", LU_SESSION_INTERFACE);
	if (r >= 0)
		r = sd_bus_call_async(s->lu->bus, &s->reclaim_slot, m, on_properties, s,
				      s->lu->call_timeout_usec);
	return r;
}

static int on_claimed(sd_bus_message *m, void *userdata,
		      sd_bus_error *ret_error __attribute__((unused)))
{
	struct lu_session *s = userdata;
	int r;

	if (!answered(s, m))
		return 0;
	r = lu_session_take_path(s, m);
	if (r >= 0)
		r = ask_properties(s);
	if (r < 0)
		lu_link_break(s->lu, r);
	return 0;
}

static int ask_session(struct lu_session *s)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	int r;

	r = lu_session_subscribe(s);
	if (r >= 0)
		r = lu_call_new(s->lu, LU_ROOT_PATH, LU_MANAGER_INTERFACE, "ClaimSession", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "sa{sv}", s->name, 0);
	if (r >= 0)
		r = sd_bus_call_async(s->lu->bus, &s->reclaim_slot, m, on_claimed, s,
				      s->lu->call_timeout_usec);
	return r;
}

void lu_reclaim_begin(struct lu *lu)
{
	struct lu_session *s;
	int r;

	TAILQ_FOREACH(s, &lu->sessions, entry) {
		if (s->forgotten)
			continue;
		r = ask_session(s);
		if (r < 0) {
			lu_link_break(lu, r);
			return;
		}
	}
}

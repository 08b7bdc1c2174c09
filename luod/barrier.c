/* SPDX-License-Identifier: GPL-2.0-or-later */
/* barrier - see barrier.h. */
#include "barrier.h"

#include "log.h"
#include "pid1-bus.h"
#include "step.h"

int barrier_leave_behind(struct manager *m, struct session *s, int error, const char *why)
{
	if (s->policy == SESSION_REQUIRED)
		return update_fail(m, error, "Session %u/%s: %s.", s->uid, s->name, why);
	log_warning("Session %u/%s is left behind: %s", s->uid, s->name, why);
	step_drop_kernel_session(m, s);
	manager_set_session_state(m, s, SESSION_LEFT_BEHIND, why);
	bus_set_emit_signal(&m->buses, s->path, LUOD_SESSION_INTERFACE, "Cancelled", "ss",
			    m->update.info.id, why);
	return 0;
}

void barrier_remind(struct manager *m, const struct session *s)
{
	if (s->state == SESSION_PREPARING && m->update.announced)
		bus_set_emit_signal(&m->buses, s->path, LUOD_SESSION_INTERFACE, "PrepareForUpdate",
				    "st", m->update.info.id, m->conf.ready_timeout_usec);
}

static void announce(struct manager *m)
{
	struct session *s;

	m->update.announced = true;
	TAILQ_FOREACH(s, &m->sessions, entry)
		barrier_remind(m, s);
}

int barrier_count_vetoes(struct manager *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		_cleanup_free_ char *why = NULL;
		int r;

		if (s->state != SESSION_VETOED)
			continue;
		log_message(LOG_NOTICE, LUOD_MESSAGE_SESSION_VETO, "Session %u/%s vetoes: %s",
			    s->uid, s->name, strempty(s->reason));
		why = strprintf("its owner vetoed: %s", strempty(s->reason));
		if (m->update.barrier_passed)
			return update_fail(m, -ECANCELED, "Session %u/%s: %s.", s->uid, s->name,
					   strempty(why));
		r = barrier_leave_behind(m, s, -ECANCELED, why ? why : "its owner vetoed");
		if (r < 0)
			return r;
	}
	return 0;
}

static bool somebody_missing(const struct manager *m)
{
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state == SESSION_PREPARING)
			return true;
	return false;
}

int barrier_act(struct manager *m)
{
	if (!m->update.announced)
		announce(m);
	if (m->job)
		job_changed(m->job);
	if (somebody_missing(m))
		return STEP_WAIT;
	timeline_mark(&m->update.timeline, MARK_ALL_READY);
	m->update.barrier_passed = true;
	return STEP_DONE;
}

void barrier_expired(struct manager *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (s->state != SESSION_PREPARING)
			continue;
		if (barrier_leave_behind(m, s, -ETIMEDOUT,
					 "its owner did not say Ready in time (ReadyTimeout=)") <
		    0) {
			update_abort(m, strempty(m->update.error));
			return;
		}
	}
	update_continue(m);
}

int barrier_waiting(struct manager *m, char ***ret)
{
	_cleanup_(strv_freep) char **names = calloc(m->n_sessions + 1, sizeof(char *));
	struct session *s;
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (!m->update.announced || s->state != SESSION_PREPARING)
			continue;
		names[n] = strprintf("%u/%s", s->uid, s->name);
		if (!names[n++])
			return -ENOMEM;
	}
	*ret = TAKE_PTR(names);
	return 0;
}

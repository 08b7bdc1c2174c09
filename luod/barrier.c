/* SPDX-License-Identifier: GPL-2.0-or-later */
/* barrier - see barrier.h. */
#include "barrier.h"

#include "holder.h"
#include "log.h"
#include "pid1-bus.h"
#include "step.h"

/* For whoever asks after the jump: the session itself is gone then. */
static void remember(struct manager *m, const struct session *s, const char *why)
{
	if (left_behinds_add(&m->update.info.left_behind, s->uid, s->name, s->unit, why) < 0)
		log_oom();
}

int barrier_leave_behind(struct manager *m, struct session *s, int error, const char *why)
{
	if (s->policy == SESSION_REQUIRED)
		return update_fail(m, error, "Session %u/%s: %s.", s->uid, s->name, why);
	log_warning("Session %u/%s is left behind: %s", s->uid, s->name, why);
	remember(m, s, why);
	s->held = false;
	step_drop_kernel_session(m, s);
	manager_set_session_state(m, s, SESSION_LEFT_BEHIND, why);
	bus_set_emit_signal(&m->buses, s->path, LUOD_SESSION_INTERFACE, "Cancelled", "ss",
			    m->update.info.id, why);
	return 0;
}

/* A session may ask for more than lu.conf gives it, but all others wait for it. */
static uint64_t time_of(const struct manager *m, const struct session *s)
{
	if (!s->ready_timeout_usec)
		return m->conf.ready_timeout_usec;
	return s->ready_timeout_usec < m->conf.max_ready_timeout_usec
		       ? s->ready_timeout_usec
		       : m->conf.max_ready_timeout_usec;
}

static uint64_t time_left(const struct session *s)
{
	uint64_t now = now_usec(CLOCK_MONOTONIC);

	return s->ready_deadline_usec > now ? s->ready_deadline_usec - now : 0;
}

uint64_t barrier_timeout(const struct manager *m)
{
	uint64_t first = USEC_INFINITY;
	const struct session *s;

	if (!m->update.announced)
		return m->conf.step_timeout_usec;
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state == SESSION_PREPARING && time_left(s) < first)
			first = time_left(s);
	return first;
}

void barrier_remind(struct manager *m, const struct session *s)
{
	if (s->state == SESSION_PREPARING && m->update.announced)
		bus_set_emit_signal(&m->buses, s->path, LUOD_SESSION_INTERFACE, "PrepareForUpdate",
				    "st", m->update.info.id, time_left(s));
}

static void announce(struct manager *m)
{
	uint64_t now = now_usec(CLOCK_MONOTONIC);
	struct session *s;

	m->update.announced = true;
	TAILQ_FOREACH(s, &m->sessions, entry) {
		s->ready_deadline_usec = now + time_of(m, s);
		barrier_remind(m, s);
	}
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
		r = m->update.barrier_passed ? update_fail(m, -ECANCELED, "Session %u/%s: %s.",
							   s->uid, s->name, strempty(why))
					     : barrier_leave_behind(m, s, -ECANCELED,
								    why ? why : "its owner vetoed");
		if (r < 0) {
			m->update.cause = CAUSE_VETO;
			return r;
		}
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

/* Made while the update was under way: nobody has asked them. */
static void remember_latecomers(struct manager *m)
{
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state == SESSION_IDLE)
			remember(m, s, "it was made when the update was under way");
}

void barrier_find_held(struct manager *m)
{
	_cleanup_(holders_clear) struct holders holders = {};
	bool any = false;
	struct session *s;
	int r;

	TAILQ_FOREACH(s, &m->sessions, entry)
		any = any || (s->state == SESSION_LEFT_BEHIND && s->mode == SESSION_DELEGATION);
	if (!any || m->update.info.jump != CONF_JUMP_DIRECT)
		return;
	r = holders_find(strempty(m->paths.root), &holders);
	TAILQ_FOREACH(s, &m->sessions, entry) {
		const char *who = holders_of(&holders, s->kernel_name);

		/* One that the next luod looks for and does not find is none. */
		s->held = s->state == SESSION_LEFT_BEHIND && (who || r < 0);
		if (s->held && who)
			log_warning("Session %u/%s is left behind, but %s still has its kernel "
				    "session open; the next luod finishes it",
				    s->uid, s->name, who);
	}
}

int barrier_act(struct manager *m)
{
	if (!m->update.announced)
		announce(m);
	if (m->job)
		job_changed(m->job);
	if (somebody_missing(m)) {
		update_progress(m);
		return STEP_WAIT;
	}
	remember_latecomers(m);
	timeline_mark(&m->update.timeline, MARK_ALL_READY);
	m->update.barrier_passed = true;
	return STEP_DONE;
}

static const char *why_late(const struct session *s)
{
	return session_owner_connected(s)
		       ? "its owner did not say Ready in time (ReadyTimeout=)"
		       : "its owner is gone, and nobody said Ready in its place in time "
			 "(ReadyTimeout=)";
}

void barrier_expired(struct manager *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (s->state != SESSION_PREPARING || time_left(s))
			continue;
		if (barrier_leave_behind(m, s, -ETIMEDOUT, why_late(s)) < 0) {
			m->update.cause = CAUSE_DEADLINE;
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

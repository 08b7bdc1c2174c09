/* SPDX-License-Identifier: GPL-2.0-or-later */
/* update - the engine, see update.h. */
#include "update.h"

#include <stdarg.h>
#include <systemd/sd-daemon.h>

#include "barrier.h"
#include "fault.h"
#include "history.h"
#include "log.h"

#define RETRY_MIN_USEC (10 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (200 * USEC_PER_MSEC)

static const char *const phase_table[] = {
	[PHASE_IDLE] = "idle",		 [PHASE_PREPARING] = "preparing",
	[PHASE_FROZEN] = "frozen",	 [PHASE_ABORTING] = "aborting",
	[PHASE_RESTORING] = "restoring", [PHASE_FINISHING] = "finishing",
	[PHASE_DEGRADED] = "degraded",
};
DEFINE_STRING_TABLE(phase, enum phase)

#define TO(phase) (1U << (phase))

/* Which phase may follow which. A second jump begins where the first one ended: idle or degraded. */
static const unsigned int transitions[PHASE_MAX] = {
	[PHASE_IDLE] = TO(PHASE_PREPARING) | TO(PHASE_RESTORING) | TO(PHASE_ABORTING),
	[PHASE_PREPARING] = TO(PHASE_FROZEN) | TO(PHASE_ABORTING),
	[PHASE_FROZEN] = TO(PHASE_ABORTING),
	[PHASE_ABORTING] = TO(PHASE_IDLE) | TO(PHASE_DEGRADED),
	[PHASE_RESTORING] = TO(PHASE_FINISHING) | TO(PHASE_IDLE) | TO(PHASE_DEGRADED),
	[PHASE_FINISHING] = TO(PHASE_IDLE) | TO(PHASE_DEGRADED),
	[PHASE_DEGRADED] = TO(PHASE_PREPARING),
};

bool update_transition_allowed(enum phase from, enum phase to)
{
	return (transitions[from] & TO(to)) != 0;
}

void update_set_phase(struct manager *m, enum phase phase)
{
	struct update *u = &m->update;

	if (u->phase == phase)
		return;
	if (!update_transition_allowed(u->phase, phase)) {
		log_error("Bug: phase %s cannot be followed by %s", phase_to_string(u->phase),
			  phase_to_string(phase));
		abort();
	}
	log_debug("Phase %s -> %s", phase_to_string(u->phase), phase_to_string(phase));
	u->phase = phase;
	sd_notifyf(0, "STATUS=%s", manager_state(m));
	manager_save(m);
	manager_emit(m, "State", "UpdateId");
}

bool phase_is_active(enum phase phase)
{
	switch (phase) {
	case PHASE_IDLE:
	case PHASE_DEGRADED:
		return false;
	case PHASE_PREPARING:
	case PHASE_FROZEN:
	case PHASE_ABORTING:
	case PHASE_RESTORING:
	case PHASE_FINISHING:
	case PHASE_MAX:
		return true;
	}
	return true;
}

bool update_active(const struct manager *m)
{
	return phase_is_active(m->update.phase);
}

void update_info_clear(struct update_info *info)
{
	free(info->from);
	free(info->to);
	free(info->reason);
	free(info->forced);
	free(info->unit);
	left_behinds_clear(&info->left_behind);
	*info = (struct update_info){};
}

int update_info_copy(const struct update_info *from, struct update_info *ret)
{
	struct update_info copy = {
		.jump = from->jump,
		.has_uid = from->has_uid,
		.uid = from->uid,
		.began_usec = from->began_usec,
	};

	memcpy(copy.id, from->id, sizeof(copy.id));
	if (free_and_strdup(&copy.from, from->from) < 0 ||
	    free_and_strdup(&copy.to, from->to) < 0 ||
	    free_and_strdup(&copy.reason, from->reason) < 0 ||
	    free_and_strdup(&copy.forced, from->forced) < 0 ||
	    free_and_strdup(&copy.unit, from->unit) < 0 ||
	    left_behinds_copy(&from->left_behind, &copy.left_behind) < 0) {
		update_info_clear(&copy);
		return -ENOMEM;
	}
	update_info_clear(ret);
	*ret = copy;
	return 0;
}

static void stop_sources(struct update *u)
{
	sd_event_source_disable_unref(u->run);
	sd_event_source_disable_unref(u->deadline);
	u->run = u->deadline = NULL;
}

void update_clear(struct update *u)
{
	stop_sources(u);
	timeline_close(&u->timeline);
	update_info_clear(&u->info);
	free(u->error);
	u->error = NULL;
	u->cause = CAUSE_FAILURE;
	u->sync_pid = 0;
	u->timeline_preserved = u->announced = u->barrier_passed = false;
	u->quiesce = QUIESCE_NONE;
}

int update_fail(struct manager *m, int error, const char *format, ...)
{
	struct update *u = &m->update;
	va_list ap;

	free(u->error);
	va_start(ap, format);
	if (vasprintf(&u->error, format, ap) < 0)
		u->error = NULL;
	va_end(ap);
	return error;
}

static bool skipped(const struct manager *m, const struct step *step)
{
	return step->direct_only && m->update.info.jump != CONF_JUMP_DIRECT;
}

/* Undoes every step from @step down to the first, in reverse order. */
static void undo_from(struct manager *m, unsigned int step)
{
	for (unsigned int i = step + 1; i-- > 0;) {
		if (!update_steps[i].undo || skipped(m, &update_steps[i]))
			continue;
		log_debug("Undoing step %s", update_steps[i].name);
		fault_of_step(m, &update_steps[i], "undo");
		update_steps[i].undo(m);
	}
}

/*
 * Its owner may have exited, as Preserved allows: then nobody lets the guest go on. Of a luod that has
 * been restarted meanwhile no owner is known yet, hence the "if".
 */
static void say_deserted(const struct session *s)
{
	const char *unit = isempty(s->unit) ? "somebody" : s->unit;

	if (s->mode == SESSION_CUSTODY)
		log_warning(
			"Session %u/%s: if its owner has exited, its guest goes on only when %s "
			"starts it again; luod keeps what it was given for that",
			s->uid, s->name, unit);
	else
		log_warning("Session %u/%s: if its owner has exited, its guest is lost, for the "
			    "kernel session in which the owner preserved it is closed; %s has to "
			    "start it anew",
			    s->uid, s->name, unit);
}

static void tell_owners(struct manager *m, const char *why)
{
	struct session *s;
	bool told;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (!session_in_update(s) && s->state != SESSION_LEFT_BEHIND)
			continue;
		if (s->state == SESSION_READY && !session_owner_connected(s))
			say_deserted(s);
		told = s->state == SESSION_LEFT_BEHIND;
		manager_set_session_state(m, s, SESSION_IDLE, NULL);
		if (!told)
			bus_set_emit_signal(&m->buses, s->path, LUOD_SESSION_INTERFACE, "Cancelled",
					    "ss", m->update.info.id, why);
	}
}

/* What an earlier update has lost is lost, however this one ends. */
static enum phase phase_after(const struct manager *m)
{
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state == SESSION_LOST)
			return PHASE_DEGRADED;
	return PHASE_IDLE;
}

/* The common end of every update that did not come to the jump. */
static void roll_back(struct manager *m, unsigned int step, const char *result, const char *why)
{
	struct update *u = &m->update;

	stop_sources(u);
	update_set_phase(m, PHASE_ABORTING);
	/* Said afterwards: the journal's file system may be frozen. */
	undo_from(m, step);
	log_message(LOG_WARNING, LUOD_MESSAGE_UPDATE_ABORTED, "Update %s called off: %s",
		    u->info.id, why);
	tell_owners(m, why);
	left_behinds_clear(&u->info.left_behind); /* their guests go on as all others */
	timeline_calibrate(&u->timeline);
	history_store(m, result, why);
	timeline_close(&u->timeline);
	custody_store_timeline(m);
	update_set_phase(m, phase_after(m));
	log_set_update_id(NULL);
}

const char *update_cause_to_string(enum update_cause cause)
{
	static const char *const words[] = {
		[CAUSE_FAILURE] = "failure",	 [CAUSE_CHECK] = "check",
		[CAUSE_VETO] = "veto",		 [CAUSE_DEADLINE] = "deadline",
		[CAUSE_CANCELLED] = "cancelled",
	};

	return words[cause];
}

bool update_keeps_still(const struct manager *m)
{
	return m->update.phase == PHASE_FROZEN || m->update.phase == PHASE_ABORTING ||
	       (m->update.phase == PHASE_PREPARING && m->update.announced);
}

static void call_off(struct manager *m, enum job_state state, const char *why)
{
	_cleanup_free_ char *reason = strdup(why); /* may live in what is undone */
	struct job *job = TAKE_PTR(m->job);

	roll_back(m, m->update.step, job_state_to_string(state), strempty(reason));
	if (job)
		job_end(job, state, strempty(reason));
}

void update_abort(struct manager *m, const char *why)
{
	call_off(m, JOB_FAILED, why);
}

void update_cancel(struct manager *m, const char *why)
{
	m->update.cause = CAUSE_CANCELLED;
	call_off(m, JOB_CANCELLED, why);
}

/* Without it the history does not know of the update. */
static void inherit_timeline(struct manager *m)
{
	_cleanup_close_ int fd = manager_take_passed(m, TIMELINE_FDNAME);
	struct update *u = &m->update;
	int r = fd < 0 ? -ENOENT : timeline_open(fd, &u->timeline);

	if (r >= 0) {
		TAKE_FD(fd);
		if (streq(timeline_id(&u->timeline), u->info.id))
			return;
		timeline_close(&u->timeline);
		r = -ESTALE; /* an earlier update's, which PID 1 could not be told to forget */
	}
	log_warning_errno(r, "The timeline of update %s did not come back: %m", u->info.id);
}

void update_rollback_inherited(struct manager *m, unsigned int step)
{
	log_set_update_id(m->update.info.id);
	inherit_timeline(m);
	m->update.step = step;
	roll_back(m, step, job_state_to_string(JOB_FAILED),
		  "luod was restarted in the middle of it");
}

static int run(struct manager *m);

static int on_run(sd_event_source *source _unused_, void *userdata)
{
	struct manager *m = userdata;

	m->update.run = sd_event_source_disable_unref(m->update.run);
	return run(m);
}

static int on_run_later(sd_event_source *source, uint64_t usec _unused_, void *userdata)
{
	return on_run(source, userdata);
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;
	const struct step *step = &update_steps[m->update.step];
	_cleanup_free_ char *because = TAKE_PTR(m->update.error);

	update_fail(m, 0, "Step '%s' did not end in time.%s%s", step->name, because ? " " : "",
		    strempty(because));
	if (step->expired)
		step->expired(m);
	else
		update_abort(m, strempty(m->update.error));
	return 0;
}

static int schedule(struct manager *m, uint64_t delay_usec)
{
	struct update *u = &m->update;

	sd_event_source_disable_unref(u->run);
	u->run = NULL;
	if (delay_usec == 0)
		return sd_event_add_defer(m->event, &u->run, on_run, m);
	return sd_event_add_time_relative(m->event, &u->run, CLOCK_MONOTONIC, delay_usec, 1,
					  on_run_later, m);
}

void update_continue(struct manager *m)
{
	if (m->update.phase == PHASE_PREPARING && schedule(m, 0) < 0)
		update_abort(m, "Out of memory.");
}

void update_progress(struct manager *m)
{
	struct update *u = &m->update;

	if (u->deadline &&
	    sd_event_source_set_time_relative(u->deadline, update_steps[u->step].timeout(m)) >= 0)
		sd_event_source_set_enabled(u->deadline, SD_EVENT_ONESHOT);
}

static uint64_t next_backoff(uint64_t previous)
{
	uint64_t next = previous ? previous * 2 : RETRY_MIN_USEC;

	return next > RETRY_MAX_USEC ? RETRY_MAX_USEC : next;
}

static int begin_step(struct manager *m)
{
	struct update *u = &m->update;
	const struct step *step = &update_steps[u->step];
	uint64_t timeout = step->timeout(m);

	u->backoff_usec = 0;
	sd_event_source_disable_unref(u->deadline);
	u->deadline = NULL;
	if (m->job)
		job_changed(m->job);
	manager_save(m);
	if (timeout == USEC_INFINITY)
		return 0;
	return sd_event_add_time_relative(m->event, &u->deadline, CLOCK_MONOTONIC, timeout, 1,
					  on_deadline, m);
}

/* Goes to the next step that this kind of jump has; the last one is the jump and does not end. */
static int advance(struct manager *m)
{
	struct update *u = &m->update;

	timeline_mark(&u->timeline, update_steps[u->step].mark);
	do {
		u->step++;
	} while (u->step < update_n_steps && skipped(m, &update_steps[u->step]));
	if (u->step == update_n_steps)
		return 0;
	if (begin_step(m) < 0)
		return -ENOMEM;
	return schedule(m, 0);
}

/* A step as it is, and as tests have it fail: before it has done anything, and after all of it. */
static int act(struct manager *m, const struct step *step)
{
	int r = fault_of_step(m, step, "act");

	if (r >= 0)
		r = step->act(m);
	return r == STEP_DONE ? fault_of_step(m, step, "done") : r;
}

static int run(struct manager *m)
{
	struct update *u = &m->update;
	const struct step *step = &update_steps[u->step];
	int r = barrier_count_vetoes(m);

	if (r >= 0)
		r = act(m, step);
	switch (r) {
	case STEP_DONE:
		log_debug("Step %s done", step->name);
		free(u->error);
		u->error = NULL;
		r = advance(m);
		break;
	case STEP_WAIT:
		r = 0;
		break;
	case STEP_AGAIN:
		r = schedule(m, 0);
		break;
	case STEP_RETRY:
		u->backoff_usec = next_backoff(u->backoff_usec);
		r = schedule(m, u->backoff_usec);
		break;
	default:
		if (!u->error)
			update_fail(m, r, "Step '%s' failed: %s.", step->name, strerror(-r));
		break;
	}
	if (r < 0)
		update_abort(m, u->error ? u->error : strerror(-r));
	return 0;
}

int update_start(struct manager *m, struct update_info *info, bool force)
{
	struct update *u = &m->update;
	struct timeline timeline;
	int r = timeline_new(&timeline);

	if (r < 0)
		return r;
	update_clear(u);
	u->info = *info;
	*info = (struct update_info){};
	u->info.began_usec = now_usec(CLOCK_REALTIME);
	u->timeline = timeline;
	timeline_set_id(&u->timeline, u->info.id);
	custody_store_timeline(m);
	u->step = 0;
	u->force = force;
	log_set_update_id(u->info.id);
	log_message(LOG_NOTICE, LUOD_MESSAGE_UPDATE_STARTED, "Update %s: %s -> %s, %s jump%s%s",
		    u->info.id, u->info.from, u->info.to, conf_jump_to_string(u->info.jump),
		    isempty(u->info.reason) ? "" : ": ", strempty(u->info.reason));
	update_set_phase(m, PHASE_PREPARING);
	r = begin_step(m);
	if (r >= 0)
		r = schedule(m, 0);
	if (r < 0)
		update_abort(m, "Out of memory.");
	return 0;
}

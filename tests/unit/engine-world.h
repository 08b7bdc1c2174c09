/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine-world - what update.c and barrier.c are linked with in place of step.c, manager.c and
 * everything below them: a table of steps that do what a test tells them to, and stand-ins that
 * write down what the engine says to them: "begin" for act(), "-begin" for undo().
 */
#ifndef ENGINE_WORLD_H
#define ENGINE_WORLD_H

#include "luod/barrier.h"
#include "luod/log.h"
#include "luod/step.h"
#include "silent-bus.h"
#include "update-world.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC) /* for what must happen, on the slowest machine */
#define LONG_USEC     (60 * USEC_PER_SEC)
#define SHORT_USEC    (100 * USEC_PER_MSEC)
#define TRIES_MAX     64

enum {
	BEGIN,
	BARE,
	DIRECT,
	BARRIER,
	RECORD,
	JUMP,
	N_STEPS
};

/* What the step does from the second call on: the first answer is given once. */
struct behaviour {
	int first, then;
	unsigned int first_times; /* how often the first answer is given */
	void (*during)(void);	  /* what happens while it acts */
};

static struct world {
	struct manager m;
	struct behaviour steps[N_STEPS];
	char done[1024];		/* steps and undos, in their order */
	char signals[1024];		/* what owners were told */
	char dropped[256];		/* kernel sessions */
	uint64_t tried_usec[TRIES_MAX]; /* when steps were called */
	uint64_t backoff_usec[TRIES_MAX];
	unsigned int tries;
	int passed;	      /* the timeline that PID 1 gives back */
	bool timeline_stored; /* in PID 1, as luod has told it */
} w;

static void note(char *text, size_t size, const char *prefix, const char *word)
{
	size_t used = strlen(text);

	assert_true((size_t)snprintf(text + used, size - used, "%s%s%s", used ? " " : "", prefix,
				     word) < size - used);
}

/* --- the table ------------------------------------------------------------------------------ */

static int act(struct manager *m, unsigned int step)
{
	struct behaviour *b = &w.steps[step];

	assert_ptr_equal(m, &w.m);
	assert_true(w.tries < TRIES_MAX);
	/* By the clock of the event loop, from which it also counts how long it waits. */
	assert_true(sd_event_now(m->event, CLOCK_MONOTONIC, &w.tried_usec[w.tries]) >= 0);
	w.backoff_usec[w.tries++] = m->update.backoff_usec;
	note(w.done, sizeof(w.done), "", update_steps[step].name);
	if (b->during)
		b->during();
	if (b->first_times) {
		b->first_times--;
		return b->first;
	}
	return b->then;
}

#define STEP(word, number)                                                    \
	static int word##_act(struct manager *m)                              \
	{                                                                     \
		return act(m, number);                                        \
	}                                                                     \
                                                                              \
	static void word##_undo(struct manager *m _unused_)                   \
	{                                                                     \
		note(w.done, sizeof(w.done), "-", update_steps[number].name); \
	}

STEP(begin, BEGIN)
STEP(direct, DIRECT)

static int record_act(struct manager *m)
{
	barrier_find_held(m);
	return act(m, RECORD);
}

static void record_undo(struct manager *m _unused_)
{
	note(w.done, sizeof(w.done), "-", update_steps[RECORD].name);
}

static int bare_act(struct manager *m)
{
	return act(m, BARE);
}

static int waiting_act(struct manager *m)
{
	act(m, BARRIER);
	return barrier_act(m);
}

static int jump_act(struct manager *m)
{
	update_set_phase(m, PHASE_FROZEN);
	return act(m, JUMP);
}

static uint64_t step_timeout(const struct manager *m)
{
	return m->conf.step_timeout_usec;
}

const struct step update_steps[] = {
	[BEGIN] = { "begin", MARK_CHECK, .act = begin_act, .undo = begin_undo,
		    .timeout = step_timeout },
	[BARE] = { "bare", MARK_MEMORY, .act = bare_act, .timeout = step_timeout },
	[DIRECT] = { "direct", MARK_QUIESCE, .direct_only = true, .act = direct_act,
		     .undo = direct_undo, .timeout = step_timeout },
	[BARRIER] = { "barrier", MARK_BARRIER, .act = waiting_act, .timeout = barrier_timeout,
		      .expired = barrier_expired },
	[RECORD] = { "record", MARK_RECORD, .act = record_act, .undo = record_undo,
		     .timeout = step_timeout },
	[JUMP] = { "jump", MARK_JUMP, .act = jump_act, .timeout = step_timeout },
};

const unsigned int update_n_steps = N_STEPS;

void step_drop_kernel_session(struct manager *m _unused_, struct session *s)
{
	note(w.dropped, sizeof(w.dropped), "", s->name);
}

bool session_owner_connected(const struct session *s)
{
	return s->owner_peer != 0;
}

/* --- instead of manager.c and the rest ------------------------------------------------------ */

int manager_take_passed(struct manager *m _unused_, const char *name)
{
	assert_string_equal(name, TIMELINE_FDNAME);
	return TAKE_FD(w.passed);
}

void custody_store_timeline(struct manager *m)
{
	w.timeline_stored = m->update.timeline.fd >= 0;
}

void bus_set_emit_signal(struct bus_set *set _unused_, const char *path,
			 const char *interface _unused_, const char *member,
			 const char *types _unused_, ...)
{
	struct session *s;

	TAILQ_FOREACH(s, &w.m.sessions, entry)
		if (streq(s->path, path)) {
			note(w.signals, sizeof(w.signals), "", member);
			note(w.signals, sizeof(w.signals), "", s->name);
		}
}

/* --- what tests are told with --------------------------------------------------------------- */

static int setup(void **state _unused_)
{
	w = (struct world){ .passed = -EBADF };
	w.steps[JUMP].then = STEP_WAIT;
	w.m.update.timeline.fd = -EBADF;
	w.m.conf.step_timeout_usec = w.m.conf.ready_timeout_usec = LONG_USEC;
	TAILQ_INIT(&w.m.sessions);
	TAILQ_INIT(&w.m.jobs);
	log_set_level(LOG_CRIT);
	return sd_event_new(&w.m.event);
}

static int teardown(void **state _unused_)
{
	forget_updates(&w.m);
	return 0;
}

static struct session *add_session(const char *name, enum session_policy policy)
{
	struct session *s;

	assert_int_equal(session_new(name, 0, "vm.service", &s), 0);
	s->policy = policy;
	s->state = SESSION_PREPARING;
	s->manager = &w.m;
	TAILQ_INSERT_TAIL(&w.m.sessions, s, entry);
	w.m.n_sessions++;
	return s;
}

static void start(enum conf_jump jump)
{
	w.done[0] = '\0';
	begin_update(&w.m, jump);
}

/* Until nothing is to be done at once. */
static void settle(void)
{
	while (sd_event_run(w.m.event, 0) > 0)
		;
}

static void run_while(enum phase phase)
{
	uint64_t deadline = now_usec(CLOCK_MONOTONIC) + PATIENCE_USEC;

	while (w.m.update.phase == phase) {
		assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
		assert_true(sd_event_run(w.m.event, PATIENCE_USEC) >= 0);
	}
}

static struct job *last_job(void)
{
	return TAILQ_LAST(&w.m.jobs, job_list);
}

static void assert_jumps(const char *done)
{
	settle();
	assert_string_equal(w.done, done);
	assert_int_equal(w.m.update.phase, PHASE_FROZEN);
	assert_int_equal(last_job()->state, JOB_RUNNING);
	assert_string_equal(update_steps[last_job()->step].name, "jump");
	assert_true(w.timeline_stored);
}

/* Everything that must hold after any update that was called off. */
static void assert_called_off(enum job_state state, const char *why)
{
	const char *result = state == JOB_CANCELLED ? "cancelled" : "failed";
	struct session *s;

	assert_int_equal(w.m.update.phase, PHASE_IDLE);
	assert_int_equal(last_job()->state, state);
	assert_string_equal(last_job()->error, why);
	assert_null(w.m.job);
	assert_string_equal(stored.result, result);
	assert_string_equal(stored.why, why);
	assert_int_equal(stored.n, 1);
	assert_false(w.timeline_stored);
	assert_null(w.m.update.run);
	assert_null(w.m.update.deadline);
	TAILQ_FOREACH(s, &w.m.sessions, entry)
		assert_int_equal(s->state, SESSION_IDLE);
	settle();
	assert_int_equal(w.m.update.phase, PHASE_IDLE);
}

static struct behaviour fails(void)
{
	return (struct behaviour){ .then = -EIO };
}

/* It waits for news, once. */
static struct behaviour waits(void)
{
	return (struct behaviour){ .first = STEP_WAIT, .first_times = 1 };
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine: the real update.c and barrier.c, forwards, backwards and called off, over a table of
 * steps of the test's own (engine-world.h).
 *
 * Timeouts are real and a fraction of a second long; nothing is asserted about how late they come.
 */
#include "engine-world.h"

#include <sys/stat.h>

/* --- forwards ------------------------------------------------------------------------------- */

static void test_order(void **state _unused_)
{
	static const enum mark marks[] = { MARK_CHECK, MARK_MEMORY, MARK_QUIESCE, MARK_BARRIER,
					   MARK_RECORD };
	uint64_t usec, last = 0;

	start(CONF_JUMP_DIRECT);
	assert_string_equal(w.done, ""); /* whoever asked is answered first */
	assert_int_equal(w.m.update.phase, PHASE_PREPARING);
	assert_jumps("begin bare direct barrier record jump");
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		assert_true(timeline_get(w.m.update.timeline.page, marks[i], &usec));
		assert_true(usec >= last);
		last = usec;
	}
	assert_int_equal(stored.n, 0);
}

static void test_order_without_direct(void **state _unused_)
{
	uint64_t usec;

	start(CONF_JUMP_SYSTEMD);
	assert_jumps("begin bare barrier record jump");
	assert_false(timeline_get(w.m.update.timeline.page, MARK_QUIESCE, &usec));
}

static void test_again(void **state _unused_)
{
	w.steps[BARE] = (struct behaviour){ .first = STEP_AGAIN, .first_times = 3 };
	start(CONF_JUMP_SYSTEMD);
	sd_event_run(w.m.event, 0);
	sd_event_run(w.m.event, 0);
	assert_string_equal(w.done, "begin bare"); /* the loop runs between two turns */
	assert_jumps("begin bare bare bare bare barrier record jump");
}

static void test_wait(void **state _unused_)
{
	for (unsigned int step = BEGIN; step < JUMP; step++)
		w.steps[step] = waits();
	start(CONF_JUMP_DIRECT);
	settle();
	assert_string_equal(w.done, "begin");
	update_continue(&w.m);
	update_continue(&w.m); /* news twice is one more call */
	settle();
	assert_string_equal(w.done, "begin begin bare");
	update_continue(&w.m);
	settle();
	assert_string_equal(w.done, "begin begin bare bare direct");
	update_continue(&w.m);
	settle();
	assert_string_equal(w.done, "begin begin bare bare direct direct barrier record");
	update_continue(&w.m);
	assert_jumps("begin begin bare bare direct direct barrier record record jump");
	update_continue(&w.m); /* too late to matter */
	assert_jumps("begin begin bare bare direct direct barrier record record jump");
}

static void test_retry(void **state _unused_)
{
	static const uint64_t backoff_msec[] = { 0, 10, 20, 40 };

	w.steps[BEGIN] = (struct behaviour){ .first = STEP_RETRY, .first_times = 3 };
	w.steps[BARE] = (struct behaviour){ .first = STEP_RETRY, .first_times = 1 };
	start(CONF_JUMP_SYSTEMD);
	run_while(PHASE_PREPARING);
	assert_jumps("begin begin begin begin bare bare barrier record jump");
	for (size_t i = 0; i < ARRAY_SIZE(backoff_msec); i++) {
		assert_int_equal(w.backoff_usec[i], backoff_msec[i] * USEC_PER_MSEC);
		assert_true(i == 0 || w.tried_usec[i] - w.tried_usec[i - 1] >= w.backoff_usec[i]);
	}
	assert_int_equal(w.backoff_usec[4], 0); /* every step begins with patience anew */
	assert_int_equal(w.backoff_usec[5], 10 * USEC_PER_MSEC);
	assert_null(w.m.update.error);
}

/* --- backwards ------------------------------------------------------------------------------ */

static void test_undo(void **state _unused_)
{
	static const struct {
		unsigned int failing;
		enum conf_jump jump;
		const char *done;
	} cases[] = {
		{ BEGIN, CONF_JUMP_DIRECT, "begin -begin" },
		{ BARE, CONF_JUMP_DIRECT, "begin bare -begin" },
		{ DIRECT, CONF_JUMP_DIRECT, "begin bare direct -direct -begin" },
		{ RECORD, CONF_JUMP_DIRECT,
		  "begin bare direct barrier record -record -direct -begin" },
		{ JUMP, CONF_JUMP_DIRECT,
		  "begin bare direct barrier record jump -record -direct -begin" },
		{ BEGIN, CONF_JUMP_SYSTEMD, "begin -begin" },
		{ BARE, CONF_JUMP_SYSTEMD, "begin bare -begin" },
		{ RECORD, CONF_JUMP_SYSTEMD, "begin bare barrier record -record -begin" },
		{ JUMP, CONF_JUMP_SYSTEMD, "begin bare barrier record jump -record -begin" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = update_steps[cases[i].failing].name;
		_cleanup_free_ char *why = strprintf("Step '%s' failed: %s.", name, strerror(EIO));

		teardown(NULL);
		setup(NULL);
		add_session("vm1", SESSION_REQUIRED)->state = SESSION_READY;
		w.steps[cases[i].failing] = fails();
		start(cases[i].jump);
		settle();
		assert_string_equal(w.done, cases[i].done);
		assert_called_off(JOB_FAILED, why);
		assert_string_equal(w.signals, "Cancelled vm1");
	}
}

static void say_why(void)
{
	update_fail(&w.m, 0, "Somebody is in the way, for the %uth time.", w.tries);
}

static void test_own_words(void **state _unused_)
{
	w.steps[RECORD] = (struct behaviour){ .then = -EIO, .during = say_why };
	start(CONF_JUMP_SYSTEMD);
	settle();
	assert_called_off(JOB_FAILED, "Somebody is in the way, for the 4th time.");
}

static void test_retry_ends(void **state _unused_)
{
	_cleanup_free_ char *why = NULL;
	uint64_t begun = now_usec(CLOCK_MONOTONIC);

	w.steps[BARE] = (struct behaviour){ .then = STEP_RETRY, .during = say_why };
	w.m.conf.step_timeout_usec = SHORT_USEC;
	start(CONF_JUMP_SYSTEMD);
	run_while(PHASE_PREPARING);
	assert_true(now_usec(CLOCK_MONOTONIC) - begun >= SHORT_USEC);
	/* After 10, 20, 40 and 80 ms more a tenth of a second is over. */
	assert_in_range(w.tries, 2, 5);
	why = strprintf("Step 'bare' did not end in time. Somebody is in the way, for the %uth "
			"time.",
			w.tries);
	assert_called_off(JOB_FAILED, why);
	assert_non_null(strstr(w.done, "bare -begin"));
}

static void test_wait_ends(void **state _unused_)
{
	w.steps[RECORD] = waits();
	w.m.conf.step_timeout_usec = SHORT_USEC;
	start(CONF_JUMP_DIRECT);
	run_while(PHASE_PREPARING);
	assert_called_off(JOB_FAILED, "Step 'record' did not end in time.");
	assert_string_equal(w.done, "begin bare direct barrier record -record -direct -begin");
}

/* --- called off from outside ---------------------------------------------------------------- */

/* Up to where step @step waits for news. */
static void start_until(unsigned int step)
{
	w.steps[step] = waits();
	start(CONF_JUMP_DIRECT);
	settle();
	assert_int_equal(w.m.update.step, step);
}

static void test_cancel(void **state _unused_)
{
	static const char *const done[] = {
		[BEGIN] = "begin -begin",
		[BARE] = "begin bare -begin",
		[DIRECT] = "begin bare direct -direct -begin",
		[BARRIER] = "begin bare direct barrier -direct -begin",
		[RECORD] = "begin bare direct barrier record -record -direct -begin",
		[JUMP] = "begin bare direct barrier record jump -record -direct -begin",
	};

	for (unsigned int step = BEGIN; step < N_STEPS; step++) {
		teardown(NULL);
		setup(NULL);
		/* Its owner is slow: so the barrier waits. */
		add_session("vm1", SESSION_REQUIRED)->state = step == BARRIER ? SESSION_PREPARING
									      : SESSION_READY;
		start_until(step);
		update_cancel(&w.m, "Cancelled: wrong host");
		assert_string_equal(w.done, done[step]);
		assert_called_off(JOB_CANCELLED, "Cancelled: wrong host");
		assert_int_equal(last_job()->step, step);
		update_continue(&w.m);
		settle();
		assert_string_equal(w.done, done[step]);
	}
}

static void test_inherited(void **state _unused_)
{
	w.m.update.phase = PHASE_IDLE;
	w.m.update.info.jump = CONF_JUMP_SYSTEMD;
	add_session("vm1", SESSION_REQUIRED);
	update_rollback_inherited(&w.m, JUMP);
	assert_string_equal(w.done, "-record -begin");
	assert_int_equal(w.m.update.phase, PHASE_IDLE);
	assert_string_equal(stored.result, "failed");
	assert_string_equal(stored.timeline, "");
	assert_string_equal(w.signals, "Cancelled vm1");
}

#define THIS_UPDATE "00112233445566778899aabbccddeeff"
#define LAST_UPDATE "ffeeddccbbaa99887766554433221100"

/* Only the timeline of that very update: PID 1 may still have the one before. */
static void test_inherited_timeline(void **state _unused_)
{
	static const char *const ids[] = { THIS_UPDATE, LAST_UPDATE };
	struct timeline timeline;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(timeline_new(&timeline), 0);
		timeline_set_id(&timeline, ids[i]);
		w.passed = dup(timeline.fd);
		timeline_close(&timeline);
		snprintf(w.m.update.info.id, sizeof(w.m.update.info.id), "%s", THIS_UPDATE);
		update_rollback_inherited(&w.m, JUMP);
		assert_string_equal(stored.timeline, i == 0 ? THIS_UPDATE : "");
		assert_int_equal(w.passed, -EBADF);
		assert_int_equal(w.m.update.timeline.fd, -EBADF);
	}
}

/* --- vetoes --------------------------------------------------------------------------------- */

static struct session *vetoer;

static void veto(void)
{
	session_set_state(vetoer, SESSION_VETOED, "migration");
}

/* Whoever vetoes while a step waits: that step is not called again, nor is any other. */
static void test_veto_required(void **state _unused_)
{
	for (unsigned int step = BEGIN; step < JUMP; step++) {
		teardown(NULL);
		setup(NULL);
		vetoer = add_session("vm1", SESSION_REQUIRED);
		if (step != BARRIER)
			vetoer->state = SESSION_READY;
		start_until(step);
		veto();
		assert_null(strstr(w.done, "-begin"));
		w.done[0] = '\0';
		update_continue(&w.m);
		settle();
		assert_called_off(JOB_FAILED, "Session 0/vm1: its owner vetoed: migration.");
		assert_null(strstr(w.done, "jump"));
		assert_int_equal(w.done[0], '-');
	}
}

/* Whoever vetoes while a step acts: the next one does not begin. */
static void test_veto_during(void **state _unused_)
{
	for (unsigned int step = BEGIN; step < JUMP; step++) {
		const char *last;

		teardown(NULL);
		setup(NULL);
		vetoer = add_session("vm1", SESSION_REQUIRED);
		vetoer->state = SESSION_READY;
		w.steps[step].during = veto;
		start(CONF_JUMP_DIRECT);
		settle();
		assert_called_off(JOB_FAILED, "Session 0/vm1: its owner vetoed: migration.");
		last = strstr(w.done, update_steps[step].name);
		assert_non_null(last);
		assert_int_equal(last[strlen(update_steps[step].name) + 1], '-');
	}
}

static void assert_left_behind(const char *name, const char *why)
{
	const struct left_behinds *l = &w.m.update.info.left_behind;

	assert_int_equal(l->n, 1);
	assert_string_equal(l->items[0].name, name);
	assert_string_equal(l->items[0].unit, "vm.service");
	assert_string_equal(l->items[0].why, why);
}

/* Until all have answered a best-effort session goes alone; then it has been written down. */
static void test_veto_best_effort(void **state _unused_)
{
	for (unsigned int step = BEGIN; step < JUMP; step++) {
		struct session *other;

		teardown(NULL);
		setup(NULL);
		vetoer = add_session("vm1", SESSION_BEST_EFFORT);
		other = add_session("vm2", SESSION_REQUIRED);
		vetoer->state = step == BARRIER ? SESSION_PREPARING : SESSION_READY;
		other->state = SESSION_READY;
		start_until(step);
		veto();
		update_continue(&w.m);
		settle();
		if (step > BARRIER) {
			assert_called_off(JOB_FAILED,
					  "Session 0/vm1: its owner vetoed: migration.");
			assert_string_equal(w.signals, "Cancelled vm1 Cancelled vm2");
			assert_int_equal(w.m.update.info.left_behind.n, 0);
			continue;
		}
		assert_int_equal(w.m.update.phase, PHASE_FROZEN);
		assert_int_equal(vetoer->state, SESSION_LEFT_BEHIND);
		assert_string_equal(vetoer->reason, "its owner vetoed: migration");
		assert_left_behind("vm1", "its owner vetoed: migration");
		assert_int_equal(other->state, SESSION_READY);
		assert_string_equal(w.dropped, "vm1");
		assert_string_equal(strstr(w.signals, "Cancelled"), "Cancelled vm1");
	}
}

/* --- the barrier ---------------------------------------------------------------------------- */

static void test_barrier(void **state _unused_)
{
	_cleanup_(strv_freep) char **waiting = NULL, **nobody = NULL;
	struct session *a, *b;

	a = add_session("a", SESSION_REQUIRED);
	b = add_session("b", SESSION_BEST_EFFORT);
	add_session("new", SESSION_REQUIRED)->state = SESSION_IDLE;
	start(CONF_JUMP_SYSTEMD);
	settle();
	assert_string_equal(w.signals, "PrepareForUpdate a PrepareForUpdate b");
	assert_int_equal(barrier_waiting(&w.m, &waiting), 0);
	assert_string_equal(waiting[0], "0/a");
	assert_string_equal(waiting[1], "0/b");
	assert_null(waiting[2]);
	session_set_state(b, SESSION_READY, NULL);
	update_continue(&w.m);
	settle();
	assert_string_equal(w.done, "begin bare barrier barrier");
	assert_string_equal(w.signals, "PrepareForUpdate a PrepareForUpdate b"); /* once */
	barrier_remind(&w.m, a);
	barrier_remind(&w.m, b); /* it has answered */
	assert_string_equal(w.signals, "PrepareForUpdate a PrepareForUpdate b PrepareForUpdate a");
	session_set_state(a, SESSION_READY, NULL);
	update_continue(&w.m);
	assert_jumps("begin bare barrier barrier barrier record jump");
	assert_left_behind("new", "it was made when the update was under way");
	assert_int_equal(barrier_waiting(&w.m, &nobody), 0);
	assert_null(nobody[0]);
}

static void test_expired_best_effort(void **state _unused_)
{
	struct session *a = add_session("a", SESSION_BEST_EFFORT);
	struct session *b = add_session("b", SESSION_REQUIRED);
	struct session *c = add_session("c", SESSION_BEST_EFFORT);

	b->state = SESSION_READY;
	w.m.conf.ready_timeout_usec = SHORT_USEC;
	start(CONF_JUMP_SYSTEMD);
	run_while(PHASE_PREPARING);
	assert_jumps("begin bare barrier barrier record jump");
	assert_int_equal(a->state, SESSION_LEFT_BEHIND);
	assert_string_equal(a->reason,
			    "its owner is gone, and nobody said Ready in its place in time "
			    "(ReadyTimeout=)");
	assert_int_equal(b->state, SESSION_READY);
	assert_int_equal(c->state, SESSION_LEFT_BEHIND);
	assert_string_equal(w.dropped, "a c");
	assert_string_equal(w.signals,
			    "PrepareForUpdate a PrepareForUpdate c Cancelled a Cancelled c");
}

static void test_expired_required(void **state _unused_)
{
	add_session("a", SESSION_BEST_EFFORT);
	add_session("b", SESSION_REQUIRED)->owner_peer = 1;
	add_session("c", SESSION_REQUIRED)->state = SESSION_READY;
	w.m.conf.ready_timeout_usec = SHORT_USEC;
	start(CONF_JUMP_SYSTEMD);
	run_while(PHASE_PREPARING);
	assert_called_off(JOB_FAILED, "Session 0/b: its owner did not say Ready in time "
				      "(ReadyTimeout=).");
	assert_string_equal(w.done, "begin bare barrier -begin");
	assert_non_null(strstr(w.signals, "Cancelled b Cancelled c"));
}

/* Who asked for more time has it still when another's is over, but not without end. */
static void test_expired_one_by_one(void **state _unused_)
{
	uint64_t begun = now_usec(CLOCK_MONOTONIC);
	struct session *a, *b, *c;

	a = add_session("a", SESSION_BEST_EFFORT);
	b = add_session("b", SESSION_BEST_EFFORT);
	c = add_session("c", SESSION_BEST_EFFORT);
	w.m.conf.ready_timeout_usec = SHORT_USEC;
	w.m.conf.max_ready_timeout_usec = 3 * SHORT_USEC;
	b->ready_timeout_usec = 2 * SHORT_USEC;
	c->ready_timeout_usec = USEC_INFINITY;
	start(CONF_JUMP_SYSTEMD);
	while (a->state == SESSION_PREPARING)
		assert_true(sd_event_run(w.m.event, PATIENCE_USEC) >= 0);
	assert_int_equal(a->state, SESSION_LEFT_BEHIND);
	if (now_usec(CLOCK_MONOTONIC) < b->ready_deadline_usec)
		assert_int_equal(b->state, SESSION_PREPARING);
	session_set_state(b, SESSION_READY, NULL);
	update_continue(&w.m);
	run_while(PHASE_PREPARING);
	assert_int_equal(w.m.update.phase, PHASE_FROZEN);
	assert_int_equal(b->state, SESSION_READY);
	assert_int_equal(c->state, SESSION_LEFT_BEHIND);
	assert_true(now_usec(CLOCK_MONOTONIC) - begun >= 3 * SHORT_USEC);
	assert_string_equal(w.dropped, "a c");
}

/* A process of another kernel's tale: it has the session open. */
static void hold(const char *root, const char *kernel_name)
{
	_cleanup_free_ char *link = strprintf("%s/proc/812/fd/4", root);
	_cleanup_free_ char *target = strprintf("anon_inode:[luo_session] %s", kernel_name);

	for (char *slash = link + strlen(root); (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		assert_true(mkdir(link, 0700) >= 0 || errno == EEXIST);
		*slash = '/';
	}
	assert_int_equal(symlink(target, link), 0);
}

static void let_go(const char *root)
{
	static const char *const parts[] = { "/proc/812/fd/4", "/proc/812/fd", "/proc/812", "/proc",
					     "" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *path = strprintf("%s%s", root, parts[i]);

		assert_int_equal(remove(path), 0);
	}
}

/* An owner that hangs takes its kernel session through a direct jump: that is known beforehand. */
static void test_left_behind_and_held(void **state _unused_)
{
	for (unsigned int i = 0; i < 3; i++) {
		char root[] = "/tmp/luod-engine-XXXXXX";
		struct session *hung, *gone;

		teardown(NULL);
		setup(NULL);
		assert_non_null(mkdtemp(root));
		w.m.paths.root = root;
		hung = add_session("hung", SESSION_BEST_EFFORT);
		gone = add_session("gone", SESSION_BEST_EFFORT);
		hung->mode = i == 1 ? SESSION_CUSTODY : SESSION_DELEGATION;
		gone->mode = hung->mode;
		hold(root, hung->kernel_name);
		w.m.conf.ready_timeout_usec = SHORT_USEC;
		start(i == 2 ? CONF_JUMP_SYSTEMD : CONF_JUMP_DIRECT);
		run_while(PHASE_PREPARING);
		assert_int_equal(hung->state, SESSION_LEFT_BEHIND);
		assert_int_equal(w.m.update.info.left_behind.n, 2);
		assert_int_equal(hung->held, i == 0);
		assert_int_equal(session_jumps(hung), i == 0);
		assert_false(session_jumps(gone));
		w.m.paths.root = NULL;
		let_go(root);
	}
}

/* --- another one ---------------------------------------------------------------------------- */

static void test_second_update(void **state _unused_)
{
	struct session *s = add_session("vm1", SESSION_REQUIRED);

	w.steps[RECORD] = (struct behaviour){ .first = -EIO, .first_times = 1 };
	s->state = SESSION_READY;
	start(CONF_JUMP_DIRECT);
	settle();
	assert_int_equal(w.m.update.phase, PHASE_IDLE);

	/* It is asked anew, and a veto before the barrier counts as one before the barrier. */
	w.signals[0] = '\0';
	s->policy = SESSION_BEST_EFFORT;
	s->state = SESSION_PREPARING;
	start(CONF_JUMP_SYSTEMD);
	settle();
	assert_string_equal(w.signals, "PrepareForUpdate vm1");
	session_set_state(s, SESSION_VETOED, "not me");
	update_continue(&w.m);
	assert_jumps("begin bare barrier barrier record jump");
	assert_int_equal(s->state, SESSION_LEFT_BEHIND);
	assert_null(w.m.update.error);
}

/* The deadlines of the first are not those of the second. */
static void test_second_deadline(void **state _unused_)
{
	w.m.conf.step_timeout_usec = SHORT_USEC;
	start_until(BARE);
	update_cancel(&w.m, "Cancelled.");
	w.m.conf.step_timeout_usec = LONG_USEC;
	start_until(BARE);
	for (uint64_t end = now_usec(CLOCK_MONOTONIC) + 2 * SHORT_USEC;
	     now_usec(CLOCK_MONOTONIC) < end;)
		sd_event_run(w.m.event, SHORT_USEC / 4);
	assert_int_equal(w.m.update.phase, PHASE_PREPARING);
	update_continue(&w.m);
	assert_jumps("begin bare bare direct barrier record jump");
	assert_int_equal(stored.n, 1);
}

/* What luod logs from now on; end_log() gives stderr back. */
static int begin_log(int *ret_stderr)
{
	int log = memfd_new("log");

	assert_true(log >= 0);
	*ret_stderr = fd_dup(STDERR_FILENO);
	assert_true(dup2(log, STDERR_FILENO) >= 0);
	log_set_level(LOG_WARNING);
	return log;
}

static char *end_log(int log, int old_stderr)
{
	char *text;

	log_set_level(LOG_CRIT);
	assert_true(dup2(old_stderr, STDERR_FILENO) >= 0);
	close(old_stderr);
	assert_int_equal(lseek(log, 0, SEEK_SET), 0);
	assert_true(fd_read_full(log, 65536, &text, NULL) >= 0);
	close(log);
	return text;
}

/* Who has exited on Preserved is not there to hear of it: the log says whose guest stands still. */
static void test_deserted(void **state _unused_)
{
	struct session *here = add_session("here", SESSION_REQUIRED),
		       *gone = add_session("gone", SESSION_REQUIRED),
		       *own = add_session("own", SESSION_REQUIRED);
	_cleanup_free_ char *text = NULL;
	int log, old_stderr;

	here->owner_peer = 1;
	own->mode = SESSION_DELEGATION;
	w.steps[BARRIER].during = NULL;
	start(CONF_JUMP_DIRECT);
	here->state = gone->state = own->state = SESSION_READY;
	add_session("left", SESSION_BEST_EFFORT)->state = SESSION_LEFT_BEHIND;
	log = begin_log(&old_stderr);
	update_cancel(&w.m, "Cancelled.");
	text = end_log(log, old_stderr);
	assert_non_null(strstr(text, "Session 0/gone: if its owner has exited, its guest goes on "
				     "only when vm.service starts it again"));
	assert_non_null(strstr(text, "Session 0/own: if its owner has exited, its guest is lost"));
	assert_null(strstr(text, "0/here"));
	assert_null(strstr(text, "0/left"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_order_without_direct),
		TEST(test_again),
		TEST(test_wait),
		TEST(test_retry),
		TEST(test_undo),
		TEST(test_deserted),
		TEST(test_own_words),
		TEST(test_retry_ends),
		TEST(test_wait_ends),
		TEST(test_cancel),
		TEST(test_inherited),
		TEST(test_inherited_timeline),
		TEST(test_veto_required),
		TEST(test_veto_during),
		TEST(test_veto_best_effort),
		TEST(test_barrier),
		TEST(test_expired_best_effort),
		TEST(test_expired_required),
		TEST(test_expired_one_by_one),
		TEST(test_left_behind_and_held),
		TEST(test_second_update),
		TEST(test_second_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

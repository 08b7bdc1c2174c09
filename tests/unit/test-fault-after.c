/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault-after: luod is killed between the jump and the end of the update, at every point that there is,
 * and started again; and every call of the kernel and of the keeper fails once, with each of four errors.
 *
 * Each luod is a child of this program, from restoring on to the last owner's Done: restore.c, finish.c,
 * claim.c, the engine and state.json are the real ones. What is under them is fault-after-world.h.
 */
#include <sys/wait.h>

#include "fault-after-world.h"

/* --- what tests are told with ----------------------------------------------------------------- */

/* What an owner asks for, from where it is; once it has been told that it is done it asks no more. */
static void owner_goes_on(struct session *s)
{
	int i = find(s->kernel_name), r;

	w->sessions[i].lost = s->state == SESSION_LOST;
	if (w->sessions[i].lost)
		return;
	if (s->state == SESSION_UNCLAIMED) {
		claim_done(s);
		manager_set_session_state(&m, s, SESSION_CLAIMED, NULL);
		finish_check(&m);
	}
	if (s->state == SESSION_CLAIMED)
		manager_set_session_state(&m, s, SESSION_RESUMED, NULL);
	if (s->state == SESSION_RESUMED) {
		r = finish_session(&m, s);
		if (r < 0 && *w->failed)
			r = finish_session(&m, s);
		assert_int_equal(r, 0);
	}
	assert_int_equal(s->state, SESSION_IDLE);
	w->sessions[i].done++;
}

static void live(void)
{
	unsigned int tries = 0;
	struct session *s;
	int r;

	m = (struct manager){ .kernel_fd = -EBADF, .update.timeline.fd = -EBADF };
	m.paths.run = run_dir;
	m.paths.root = "";
	m.kernel_release = strdup("new");
	TAILQ_INIT(&m.sessions);
	TAILQ_INIT(&m.jobs);
	assert_true(sd_event_new(&m.event) >= 0);
	reached = 0;
	while ((r = restore_settle(&m)) != 0)
		assert_true(r == STEP_RETRY && *w->failed && tries++ == 0);
	TAILQ_FOREACH(s, &m.sessions, entry)
		owner_goes_on(s);
	assert_int_equal(m.update.phase,
			 streq(w->result, "degraded") ? PHASE_DEGRADED : PHASE_IDLE);
	assert_int_equal(m.n_sessions, N_GUESTS);
	assert_true(m.kernel_fd < 0);
}

/* Its exit status; what is allocated is not to be looked at, as it may end anywhere. */
static int life(void)
{
	int status;
	pid_t pid;

	w->lives++;
	fflush(stdout);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		live();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_over(const char *point)
{
	bool right = w->histories > 0 && w->has_marks &&
		     streq(w->result, w->record_is_lost ? "degraded" : "done");

	for (size_t i = 0; i < N_SESSIONS; i++)
		right = right && !w->sessions[i].kept && w->sessions[i].finished &&
			(i == OWN || w->sessions[i].done > 0);
	if (!right)
		fail_msg("killed at %s: %u histories, the last one %s %s marks", point,
			 w->histories, w->result, w->has_marks ? "with" : "without");
}

static void kill_everywhere(void)
{
	w->kill_at = 0;
	boot();
	assert_int_equal(life(), 0);
	assert_over("no point");
	assert_true(w->n_points > 0);
	for (unsigned int point = 1; point <= w->n_points; point++) {
		w->kill_at = point;
		boot();
		assert_int_equal(life(), KILLED);
		if (life() != 0)
			fail_msg("killed at %s: the next luod does not come to the end",
				 w->points[point - 1]);
		assert_over(w->points[point - 1]);
	}
}

extern const char *const __start_luod_faults[], *const __stop_luod_faults[];

static bool was_reached(const char *point)
{
	for (size_t i = 0; i < POINTS_MAX; i++)
		if (streq(w->points[i], point))
			return true;
	return false;
}

/* All that luod has: a point that is added is here at once. Claims are D-Bus's, and lab case 94's. */
static void test_killed(void **state _unused_)
{
	unsigned int n = 0;

	kill_everywhere();
	for (const char *const *point = __start_luod_faults; point < __stop_luod_faults; point++) {
		if (strncmp(*point, "claim:", strlen("claim:")) == 0)
			continue;
		if (!was_reached(*point))
			fail_msg("nothing comes to %s", *point);
		n++;
	}
	assert_true(n >= 11);
}

/* That it is lost must not be forgotten with the luod that has seen it. */
static void test_record_lost(void **state _unused_)
{
	w->record_is_lost = true;
	kill_everywhere();
}

/* Nor is what a luod before has written taken for nothing because it cannot be read at once. */
static void test_state_waits(void **state _unused_)
{
	w->state_waits = true;
	kill_everywhere();
	assert_string_equal(w->failed, "open");
}

/* --- calls that fail -------------------------------------------------------------------------- */

/* Nothing is lost, or it is said; and whom the keeper did not let go of, the next luod does. */
static void assert_nothing_is_lost_silently(unsigned int n)
{
	bool degraded = streq(w->result, "degraded"), right = w->histories == 1;
	bool may_lose = streq(w->failed, "retrieve") || streq(w->failed, "ask");

	for (size_t i = 0; i < N_SESSIONS; i++)
		right = right &&
			(w->sessions[i].lost ? degraded
					     : !w->sessions[i].kept && w->sessions[i].finished &&
						       (i == OWN || w->sessions[i].done > 0));
	if (!right || (degraded && (!may_lose || errno_is_shortage(-w->error))) ||
	    (!degraded && !streq(w->result, "done")))
		fail_msg("call %u, '%s', failed with %d: %u histories, the last one %s", n,
			 w->failed, w->error, w->histories, w->result);
}

static void test_every_call(void **state _unused_)
{
	static const int errors[] = { EIO, ENOMEM, EMFILE, ENOSPC };

	w->kill_at = POINTS_MAX + 1;
	for (w->fail_at = 1;; w->fail_at++)
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			w->error = errors[i];
			boot();
			assert_int_equal(life(), 0);
			if (!*w->failed) {
				assert_true(w->fail_at > 10);
				return;
			}
			assert_int_equal(life(), 0);
			assert_nothing_is_lost_silently(w->fail_at);
		}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_killed),
		TEST(test_record_lost),
		TEST(test_state_waits),
		TEST(test_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * claim: the real timer of a session that nobody claims, with finish.c played by the test: the
 * kernel refuses FINISH as often as a test likes. The clock is real; long times are not waited for,
 * but read from the timer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/claim.h"
#include "luod/log.h"
#include "luod/finish.h"

#define PATIENCE_USEC (20 * USEC_PER_SEC)
#define SHORT_USEC    (50 * USEC_PER_MSEC)
#define HOUR_USEC     (3600 * USEC_PER_SEC)

static struct world {
	struct manager m;
	struct session *s;
	unsigned int given_up, refusals;
	bool connected;
} w;

int finish_give_up(struct manager *m, struct session *s, char **ret_why _unused_)
{
	assert_ptr_equal(m, &w.m);
	assert_ptr_equal(s, w.s);
	w.given_up++;
	if (w.refusals) {
		w.refusals--;
		return -EBUSY;
	}
	w.s = session_free(s);
	return 0;
}

bool session_owner_connected(const struct session *s _unused_)
{
	return w.connected;
}

void manager_save(struct manager *m _unused_)
{
}

static int setup(void **state _unused_)
{
	w = (struct world){};
	log_set_level(LOG_CRIT);
	assert_int_equal(session_new("vm", 0, NULL, &w.s), 0);
	w.s->manager = &w.m;
	w.s->state = SESSION_UNCLAIMED;
	w.s->unclaimed_policy = UNCLAIMED_FINISH;
	w.s->claim_timeout_usec = SHORT_USEC;
	return sd_event_new(&w.m.event);
}

static int teardown(void **state _unused_)
{
	w.s = session_free(w.s);
	sd_event_unref(w.m.event);
	return 0;
}

static void run_until_tried(unsigned int times)
{
	uint64_t deadline = now_usec(CLOCK_MONOTONIC) + PATIENCE_USEC;

	while (w.given_up < times) {
		assert_true(now_usec(CLOCK_MONOTONIC) < deadline);
		assert_true(sd_event_run(w.m.event, PATIENCE_USEC) >= 0);
	}
}

static uint64_t timer(void)
{
	uint64_t usec;
	int on;

	assert_non_null(w.s->claim_timer);
	assert_true(sd_event_source_get_enabled(w.s->claim_timer, &on) >= 0);
	assert_int_equal(on, SD_EVENT_ONESHOT);
	assert_true(sd_event_source_get_time(w.s->claim_timer, &usec) >= 0);
	return usec;
}

static void test_gives_up(void **state _unused_)
{
	uint64_t begin = now_usec(CLOCK_MONOTONIC);

	claim_watch(&w.m, w.s);
	assert_true(w.s->claim_deadline_usec >= begin + SHORT_USEC);
	run_until_tried(1);
	assert_true(now_usec(CLOCK_MONOTONIC) >= begin + SHORT_USEC);
	assert_null(w.s);
}

static void test_refused(void **state _unused_)
{
	uint64_t deadline;

	w.refusals = 2;
	claim_watch(&w.m, w.s);
	deadline = w.s->claim_deadline_usec;
	run_until_tried(1);
	assert_true(timer() >= deadline + USEC_PER_SEC);
	assert_true(timer() <= now_usec(CLOCK_MONOTONIC) + 60 * USEC_PER_SEC);
	/* It is not waited for here. */
	for (unsigned int n = 2; n <= 3; n++) {
		sd_event_source_set_time(w.s->claim_timer, now_usec(CLOCK_MONOTONIC));
		run_until_tried(n);
	}
	assert_null(w.s);
}

/* What state.json tells of the luod before: the rest of the time, and a moment if there is none. */
static void test_goes_on(void **state _unused_)
{
	uint64_t now = now_usec(CLOCK_MONOTONIC), deadline = now + HOUR_USEC;

	w.s->claim_timeout_usec = 2 * HOUR_USEC;
	w.s->claim_deadline_usec = deadline;
	claim_watch(&w.m, w.s);
	assert_true(timer() == deadline);
	assert_true(w.s->claim_deadline_usec == deadline);
	w.s->claim_deadline_usec = 1;
	claim_watch(&w.m, w.s);
	assert_true(timer() >= now + USEC_PER_SEC);
	assert_true(timer() < deadline);
}

static void test_not_watched(void **state _unused_)
{
	w.s->unclaimed_policy = UNCLAIMED_HOLD;
	claim_watch(&w.m, w.s);
	assert_null(w.s->claim_timer);
	w.s->unclaimed_policy = UNCLAIMED_FINISH;
	w.s->claim_timeout_usec = USEC_INFINITY;
	claim_watch(&w.m, w.s);
	assert_null(w.s->claim_timer);
	assert_int_equal(w.s->claim_deadline_usec, 0);
	/* Beyond the end of the clock, which is not before its beginning. */
	w.s->claim_timeout_usec = USEC_INFINITY - 1;
	claim_watch(&w.m, w.s);
	assert_true(w.s->claim_deadline_usec == USEC_INFINITY);
	assert_true(sd_event_run(w.m.event, 0) >= 0);
	assert_int_equal(w.given_up, 0);
}

static void test_claimed(void **state _unused_)
{
	claim_watch(&w.m, w.s);
	claim_done(w.s);
	assert_null(w.s->claim_timer);
	assert_int_equal(w.s->claim_deadline_usec, 0);
	claim_done(w.s);
	/* Or on its way to it. */
	claim_watch(&w.m, w.s);
	w.s->state = SESSION_CLAIMED;
	w.connected = true;
	assert_true(sd_event_run(w.m.event, PATIENCE_USEC) > 0);
	assert_int_equal(w.given_up, 0);
}

static void test_owner_gone(void **state _unused_)
{
	static const enum session_state others[] = { SESSION_IDLE, SESSION_UNCLAIMED, SESSION_READY,
						     SESSION_LOST };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		w.s->state = others[i];
		claim_owner_gone(&w.m, w.s);
		assert_null(w.s->claim_timer);
	}
	w.s->state = SESSION_RESUMED;
	w.s->unclaimed_policy = UNCLAIMED_HOLD;
	claim_owner_gone(&w.m, w.s);
	assert_null(w.s->claim_timer);
	w.s->unclaimed_policy = UNCLAIMED_FINISH;
	claim_owner_gone(&w.m, w.s);
	assert_true(timer() == w.s->claim_deadline_usec);
	/* Another one has come; and gone, too. */
	w.connected = true;
	claim_done(w.s);
	assert_null(w.s->claim_timer);
	w.connected = false;
	w.s->state = SESSION_CLAIMED;
	claim_owner_gone(&w.m, w.s);
	run_until_tried(1);
	assert_null(w.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_watched, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claimed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_owner_gone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

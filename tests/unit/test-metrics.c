/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics: what the file says of which facts, and when it is written. That parsers take it is for
 * tests/bus/test-metrics.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assert-text.h"
#include "luod/log.h"
#include "luod/manager.h"
#include "luod/metrics.h"
#include "test-root.h"

static void test_no_update_yet(void **state _unused_)
{
	const struct metrics_facts facts = {
		.version = "1.2",
		.kernel = "7.3\\4 \"odd\"\n",
		.state = "idle",
	};
	_cleanup_free_ char *text = metrics_format(&facts);

	assert_contains(text,
			"luod_build_info{version=\"1.2\",kernel=\"7.3\\\\4 \\\"odd\\\"\\n\"} 1\n");
	assert_contains(text, "luod_state{state=\"idle\"} 1\n");
	assert_contains(text, "luod_state{state=\"frozen\"} 0\n");
	assert_contains(text, "# TYPE luod_updates counter\n");
	assert_contains(text, "luod_updates_total{result=\"done\"} 0\n");
	assert_contains(text, "luod_sessions{state=\"left-behind\"} 0\n");
	assert_contains(text, "luod_preserved_bytes 0\n");
	assert_lacks(text, "\nluod_last_update");
	assert_string_equal(text + strlen(text) - 7, "\n# EOF\n");
}

static void test_after_an_update(void **state _unused_)
{
	struct history_entry last = {
		.info = { .began_usec = 1795219200000001, .left_behind.n = 3 },
		.result = (char *)"degraded",
		.ended_usec = 1795219205000000,
		.has_blackout = true,
		.blackout_usec = 2500000,
		/* Out of order: the last claim came after the first guest resumed. */
		.marks = { { MARK_BEGIN, 0, 1 },
			   { MARK_CHECK, 250, 1 },
			   { MARK_LAST_CLAIM, 9000000, 1 },
			   { MARK_FIRST_RESUMED, 8000000, 1 } },
		.n_marks = 4,
	};
	struct metrics_facts facts = {
		.state = "degraded",
		.last = &last,
		.totals.of = { [HISTORY_DONE] = 12, [HISTORY_DEGRADED] = 1 },
		.sessions = { [SESSION_LOST] = 2 },
		.preserved_bytes = 1ULL << 40,
		.devices = { [METRICS_DEVICE_COVERED] = { 1, 2 }, [METRICS_DEVICE_UNCOVERED] = { 3 } },
	};
	_cleanup_free_ char *text = metrics_format(&facts), *less = NULL;

	assert_contains(text, "luod_updates_total{result=\"done\"} 12\n");
	assert_contains(text, "luod_last_update_result{result=\"degraded\"} 1\n");
	assert_contains(text, "luod_last_update_left_behind_sessions 3\n");
	assert_contains(text, "luod_last_update_result{result=\"done\"} 0\n");
	assert_contains(text, "luod_last_update_start_timestamp_seconds 1795219200.000001\n");
	assert_contains(text, "luod_last_update_end_timestamp_seconds 1795219205.000000\n");
	assert_contains(text, "luod_last_update_blackout_seconds 2.500000\n");
	assert_contains(text, "luod_last_update_phase_seconds{phase=\"check\"} 0.000250\n");
	assert_contains(text, "{phase=\"first-resumed\"} 7.999750\n");
	assert_contains(text, "{phase=\"last-claim\"} 1.000000\n");
	assert_contains(text, "luod_sessions{state=\"lost\"} 2\n");
	assert_contains(text, "luod_preserved_bytes 1099511627776\n");
	assert_contains(text, "luod_devices{state=\"covered\",preservable=\"yes\"} 2\n");
	assert_contains(text, "luod_devices{state=\"covered\",preservable=\"no\"} 1\n");
	assert_contains(text, "luod_devices{state=\"uncovered\",preservable=\"no\"} 3\n");
	assert_contains(text, "luod_devices{state=\"unused\",preservable=\"yes\"} 0\n");
	last.has_blackout = false;
	last.n_marks = 0;
	less = metrics_format(&facts);
	assert_lacks(less, "\nluod_last_update_blackout_seconds ");
	assert_lacks(less, "phase=");
}

/* --- when --- */

struct world {
	struct manager m;
	char *root, *history;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	void *root;

	assert_int_equal(root_new(&root), 0);
	w->root = root;
	w->history = strprintf("%s/history", w->root);
	w->m.paths.history = w->history;
	w->m.kernel_release = strdup("7.3.4");
	w->m.update.timeline.fd = -EBADF;
	w->m.settled = true;
	snprintf(w->m.conf.metrics_file, sizeof(w->m.conf.metrics_file), "%s/luod.prom", w->root);
	TAILQ_INIT(&w->m.sessions);
	assert_int_equal(sd_event_new(&w->m.event), 0);
	log_set_level(LOG_CRIT);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	void *root = w->root;

	sd_event_source_disable_unref(w->m.metrics_timer);
	sd_event_unref(w->m.event);
	root_free(&root);
	free(w->m.kernel_release);
	free(w->history);
	free(w);
	return 0;
}

static bool written(struct world *w)
{
	return access(w->m.conf.metrics_file, F_OK) == 0;
}

/* As if the time had come: the timer is there, and what it calls is called. */
static void let_time_pass(struct world *w)
{
	assert_non_null(w->m.metrics_timer);
	assert_int_equal(sd_event_source_set_time(w->m.metrics_timer, 0), 0);
	assert_true(sd_event_run(w->m.event, 10 * USEC_PER_SEC) > 0);
}

static void test_many_changes_one_file(void **state)
{
	struct world *w = *state;
	sd_event_source *timer;
	struct stat st;

	metrics_changed(&w->m);
	timer = w->m.metrics_timer;
	for (unsigned int i = 0; i < 1000; i++)
		metrics_changed(&w->m);
	assert_ptr_equal(w->m.metrics_timer, timer);
	assert_false(written(w));
	let_time_pass(w);
	assert_true(written(w));
	assert_null(w->m.metrics_timer);
	assert_int_equal(stat(w->m.conf.metrics_file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void test_off(void **state)
{
	struct world *w = *state;

	w->m.conf.metrics_file[0] = '\0';
	metrics_changed(&w->m);
	assert_null(w->m.metrics_timer);
}

/* A write into a frozen file system would not come back before the jump. */
static void test_not_before_the_jump(void **state)
{
	static const struct {
		enum phase phase;
		bool announced, settled, writes;
	} cases[] = {
		{ PHASE_IDLE, false, false, false },	{ PHASE_PREPARING, false, true, true },
		{ PHASE_PREPARING, true, true, false }, { PHASE_FROZEN, true, true, false },
		{ PHASE_ABORTING, true, true, false },	{ PHASE_RESTORING, false, true, true },
		{ PHASE_IDLE, true, true, true },	{ PHASE_DEGRADED, true, true, true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		w->m.update.phase = cases[i].phase;
		w->m.update.announced = cases[i].announced;
		w->m.settled = cases[i].settled;
		unlink(w->m.conf.metrics_file);
		metrics_changed(&w->m);
		let_time_pass(w);
		if (written(w) != cases[i].writes)
			fail_msg("case %zu: %swritten", i, cases[i].writes ? "not " : "");
	}
}

static void test_moves(void **state)
{
	struct world *w = *state;
	char before[CONF_PATH_MAX];

	put(w->root, "/luod.prom", "of a luod before this one");
	snprintf(before, sizeof(before), "%s", w->m.conf.metrics_file);
	metrics_configured(&w->m, before);
	assert_true(written(w));
	snprintf(w->m.conf.metrics_file, sizeof(w->m.conf.metrics_file), "%s/other.prom", w->root);
	metrics_configured(&w->m, before);
	assert_int_equal(access(before, F_OK), -1);
	let_time_pass(w);
	assert_true(written(w));
}

/* The folder comes later than luod does. */
static void test_tried_again(void **state)
{
	_cleanup_free_ char *folder = NULL;
	struct world *w = *state;

	folder = strprintf("%s/later", w->root);
	snprintf(w->m.conf.metrics_file, sizeof(w->m.conf.metrics_file), "%s/x.prom", folder);
	metrics_changed(&w->m);
	let_time_pass(w);
	assert_int_equal(w->m.metrics_error, -ENOENT);
	assert_int_equal(mkdir(folder, 0755), 0);
	let_time_pass(w);
	assert_true(written(w));
	assert_int_equal(w->m.metrics_error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_update_yet),
		cmocka_unit_test(test_after_an_update),
		cmocka_unit_test_setup_teardown(test_many_changes_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_before_the_jump, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tried_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

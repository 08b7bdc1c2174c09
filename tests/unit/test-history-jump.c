/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: of an update that jumps there is a file before the jump; its end replaces it, and without one
 * it is lost.
 */
#include "history-world.h"

/* As far as the jump; the next kernel is another manager's. */
static void jump(struct world *w, const char *id)
{
	struct manager *m = &w->m;

	update_clear(&m->update);
	set_id(m, id);
	m->update.info.from = strdup("old");
	m->update.info.to = strdup("new");
	m->update.info.reason = strdup("because");
	m->update.info.began_usec = 17;
	assert_int_equal(timeline_new(&m->update.timeline), 0);
	m->settled = true;
	m->update.phase = PHASE_PREPARING;
	history_begin(m);
	m->update.phase = PHASE_IDLE;
	m->settled = false;
	update_clear(&m->update);
	forget(w);
}

/* A luod that nothing came through the jump for. */
static void nothing_came(struct world *w)
{
	w->m.settled = true;
	history_settle(&w->m);
}

static void test_end_replaces_begin(void **state)
{
	struct world *w = *state;
	struct history_entry *entries;
	size_t n;

	jump(w, ID_A);
	assert_found(w, ID_A, ID_A, "running");
	assert_totals(w, 0, 0, 0, 0);
	set_id(&w->m, ID_A);
	w->m.update.phase = PHASE_RESTORING;
	nothing_came(w);
	assert_null(w->m.lost_timer);
	assert_int_equal(history_list(&w->m, SIZE_MAX, &entries, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(entries[0].result, "running");
	history_entries_free(entries, n);
	history_store(&w->m, "done", NULL);
	w->m.update.phase = PHASE_IDLE;
	assert_int_equal(count(w, "*.json"), 1);
	forget(w);
	assert_found(w, "", ID_A, "done");
	assert_totals(w, 1, 0, 0, 0);
}

/* Its end is in memory only: that is what counts and is listed. */
static void test_end_not_written_yet(void **state)
{
	struct world *w = *state;
	struct history_entry *entries;
	size_t n;

	update(w, ID_A, "done");
	jump(w, ID_B);
	w->m.settled = true;
	set_id(&w->m, ID_B);
	assert_int_equal(sd_event_add_time_relative(w->m.event, &w->m.history_timer,
						    CLOCK_MONOTONIC, USEC_PER_SEC * 1000, 0, NULL,
						    NULL),
			 0);
	w->m.last_history = strdup("{\"update-id\":\"" ID_B "\",\"jump\":\"direct\","
				   "\"result\":\"degraded\"}");
	assert_totals(w, 1, 1, 0, 0);
	assert_int_equal(history_list(&w->m, SIZE_MAX, &entries, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(entries[0].result, "degraded");
	assert_string_equal(entries[1].result, "done");
	history_entries_free(entries, n);
}

static uint64_t lost(struct world *w)
{
	struct history_totals totals;

	history_count(&w->m, &totals);
	return totals.of[HISTORY_LOST];
}

/* It is lost from the moment on when luod has settled without it; said and written once. */
static void test_lost(void **state)
{
	struct world *w = *state;
	struct history_entry entry;

	update(w, ID_B, "done");
	jump(w, ID_A);
	assert_int_equal(lost(w), 0);
	for (unsigned int i = 0; i < 2; i++) {
		nothing_came(w);
		assert_null(w->m.lost_timer);
		assert_int_equal(lost(w), 1);
		assert_totals(w, 1, 0, 0, 0);
		assert_int_equal(count(w, "*.json"), 2);
	}
	assert_int_equal(history_last(&w->m, &entry), 0);
	assert_string_equal(entry.info.id, ID_A);
	assert_string_equal(entry.info.reason, "because");
	assert_string_equal(entry.result, "lost");
	assert_non_null(strstr(entry.error, "the next kernel did not come up"));
	assert_int_equal(entry.info.began_usec, 17);
	assert_int_equal(entry.ended_usec, 0);
	assert_int_equal(entry.n_marks, 1);
	assert_true(entry.has_totals);
	history_entry_clear(&entry);
	update(w, "0000000000000000000000000000000c", "done");
	assert_totals(w, 2, 0, 0, 0);
	assert_int_equal(lost(w), 1);
}

/* The file system comes after luod. */
static void test_lost_found_late(void **state)
{
	_cleanup_free_ char *aside = NULL;
	struct world *w = *state;

	jump(w, ID_A);
	aside = strprintf("%s/aside", w->top);
	assert_int_equal(rename(w->folder, aside), 0);
	nothing_came(w);
	assert_non_null(w->m.lost_timer);
	assert_int_equal(rename(aside, w->folder), 0);
	while (w->m.lost_timer)
		assert_true(sd_event_run(w->m.event, 10 * USEC_PER_SEC) >= 0);
	assert_found(w, "", ID_A, "lost");
	assert_int_equal(lost(w), 1);
}

/* Nothing is written while file systems may be frozen. */
static void test_lost_not_while_frozen(void **state)
{
	struct world *w = *state;
	struct history_entry entry;
	_cleanup_free_ char *path = NULL, *pattern = NULL;
	glob_t found;

	jump(w, ID_A);
	w->m.update.phase = PHASE_FROZEN;
	set_id(&w->m, ID_B);
	nothing_came(w);
	assert_non_null(w->m.lost_timer);
	pattern = strprintf("%s/*.json", w->folder);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(file_read_full(found.gl_pathv[0], HISTORY_ENTRY_SIZE, &path, NULL), 0);
	globfree(&found);
	assert_int_equal(history_parse(path, strlen(path), &entry), 0);
	assert_string_equal(entry.result, "running");
	history_entry_clear(&entry);
	w->m.update.phase = PHASE_IDLE;
	while (w->m.lost_timer)
		assert_true(sd_event_run(w->m.event, 10 * USEC_PER_SEC) >= 0);
	assert_found(w, ID_A, ID_A, "lost");
}

/* Without the record: by the id that the timeline has, or the last that has jumped. */
static void test_recall(void **state)
{
	struct world *w = *state;
	struct update_info info = {};

	assert_int_equal(history_recall(&w->m, "", &info), -ENOENT);
	jump(w, ID_A);
	update(w, ID_B, "done");
	assert_int_equal(history_recall(&w->m, ID_B, &info), -ENOENT);
	assert_int_equal(history_recall(&w->m, "", &info), 0);
	assert_string_equal(info.id, ID_A);
	assert_string_equal(info.to, "new");
	assert_int_equal(history_recall(&w->m, ID_A, &info), 0);
	assert_string_equal(info.reason, "because");
	update_info_clear(&info);
}

/* Only the id was known when luod settled; the disk was not there yet. */
static void test_end_completes(void **state)
{
	struct world *w = *state;
	struct history_entry entry;

	jump(w, ID_A);
	update(w, ID_A, "degraded");
	forget(w);
	assert_int_equal(history_find(&w->m, ID_A, &entry), 0);
	assert_string_equal(entry.info.reason, "because");
	assert_string_equal(entry.result, "degraded");
	history_entry_clear(&entry);
	assert_int_equal(count(w, "*.json"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_end_replaces_begin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_not_written_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_found_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_not_while_frozen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recall, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_completes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

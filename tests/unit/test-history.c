/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history: an update is found by its whole id and by nothing else, and is written under its own. What
 * an older luod wrote is read. All updates are counted, also those that are not kept any more.
 */
#include "history-world.h"

#define LONGER	"0123456789abcdef0123456789abcdef0"
#define EARLIER "00123456789abcdef0123456789abcdef"

static void test_found_by_whole_id(void **state)
{
	static const char *const wrong[] = {
		"0",	 "01",	 "0123456789abcdef", "abcdef", "f", LONGER, EARLIER,
		".json", "json", "0000000000000000"
	};
	struct world *w = *state;

	update(w, ID_A, "done");
	update(w, ID_B, "failed");
	forget(w);
	assert_found(w, ID_A, ID_A, "done");
	assert_found(w, ID_B, ID_B, "failed");
	assert_found(w, "", ID_B, "failed");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct history_entry entry;

		assert_int_equal(history_find(&w->m, wrong[i], &entry), -ENOENT);
	}
}

/* Nothing can be written where there is a file in place of the folder. */
static void block(struct world *w)
{
	_cleanup_free_ char *path = strprintf("%s/var", w->top);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void unblock(struct world *w)
{
	_cleanup_free_ char *path = strprintf("%s/var", w->top);

	assert_int_equal(unlink(path), 0);
}

/* What is written late is written under the id that it is of, not of the update at hand. */
static void test_written_late(void **state)
{
	struct world *w = *state;

	block(w);
	update(w, ID_A, "done");
	assert_non_null(w->m.history_timer);
	update_clear(&w->m.update);
	set_id(&w->m, ID_B);
	unblock(w);
	while (w->m.history_timer)
		assert_true(sd_event_run(w->m.event, 10 * USEC_PER_SEC) >= 0);
	assert_int_equal(count(w, "*-" ID_A ".json"), 1);
	assert_int_equal(count(w, "*-" ID_B ".json"), 0);
}

/* The next one is over before the one before could be written: both are. */
static void test_two_late(void **state)
{
	struct world *w = *state;

	block(w);
	update(w, ID_A, "done");
	unblock(w);
	update(w, ID_B, "failed");
	assert_null(w->m.history_timer);
	assert_int_equal(count(w, "*-" ID_A ".json"), 1);
	assert_int_equal(count(w, "*-" ID_B ".json"), 1);
	assert_found(w, ID_A, ID_A, "done");
}

static void test_who_and_when(void **state)
{
	struct world *w = *state;
	struct history_entry entry;
	uint64_t before = now_usec(CLOCK_REALTIME);

	update(w, ID_A, "done");
	w->m.update.info.has_uid = true;
	w->m.update.info.uid = 1000;
	w->m.update.info.unit = strdup("ops.service");
	w->m.update.info.reason = strdup("because");
	w->m.update.info.forced = strdup("device-vf");
	w->m.update.info.began_usec = before - 5;
	history_store(&w->m, "failed", "of this");
	forget(w);
	assert_int_equal(history_find(&w->m, "", &entry), 0);
	assert_true(entry.info.has_uid);
	assert_int_equal(entry.info.uid, 1000);
	assert_string_equal(entry.info.unit, "ops.service");
	assert_string_equal(entry.info.reason, "because");
	assert_string_equal(entry.info.forced, "device-vf");
	assert_string_equal(entry.error, "of this");
	assert_int_equal(entry.info.began_usec, before - 5);
	assert_true(entry.ended_usec >= before);
	assert_int_equal(entry.n_marks, 1);
	history_entry_clear(&entry);
}

/* Without its timeline an update is remembered all the same. */
static void test_no_timeline(void **state)
{
	struct world *w = *state;
	struct history_entry entry;

	set_id(&w->m, ID_B);
	history_store(&w->m, "degraded", "1 sessions lost");
	forget(w);
	assert_int_equal(history_find(&w->m, ID_B, &entry), 0);
	assert_int_equal(entry.n_marks, 0);
	assert_false(entry.info.has_uid);
	assert_false(entry.has_blackout);
	history_entry_clear(&entry);
}

static char *seed(const char *name)
{
	_cleanup_free_ char *path =
		strprintf("%s/tests/fuzz/seeds/history/%s", getenv("SRC") ?: ".", name);
	char *text;

	if (file_read_full(path, HISTORY_ENTRY_SIZE, &text, NULL) < 0)
		fail_msg("cannot read %s", path);
	return text;
}

/* Puts a file of another luod into the folder. */
static void plant(struct world *w, const char *name, const char *file)
{
	_cleanup_free_ char *text = seed(name), *path = strprintf("%s/%s", w->folder, file);
	_cleanup_free_ char *var = strprintf("%s/var", w->top);

	mkdir(var, 0755);
	mkdir(w->folder, 0755);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644), 0);
}

static void test_first_version(void **state)
{
	_cleanup_free_ char *text = seed("first.json");
	struct history_entry entry;

	assert_int_equal(history_parse(text, strlen(text), &entry), 0);
	assert_false(entry.info.has_uid);
	assert_string_equal(entry.info.unit, "");
	assert_string_equal(entry.info.forced, "");
	assert_false(entry.has_totals);
	assert_int_equal(entry.info.began_usec, 1795219200000000);
	assert_int_equal(entry.ended_usec, 1795219204100000);
	assert_int_equal(entry.blackout_usec, 2500000);
	assert_int_equal(entry.n_marks, 5);
	history_entry_clear(&entry);
}

/* Of a luod that did not count each file is one; the newest that counts has those before it. */
static void test_counting(void **state)
{
	struct world *w = *state;

	assert_totals(w, 0, 0, 0, 0);
	plant(w, "first.json", "0000000000000001-" ID_A ".json");
	plant(w, "first.json", "0000000000000002-" ID_A ".json");
	assert_totals(w, 2, 0, 0, 0);
	plant(w, "counted.json", "0000000000000003-" ID_A ".json");
	assert_totals(w, 12, 1, 3, 4);
	plant(w, "first.json", "0000000000000004-" ID_A ".json");
	assert_totals(w, 13, 1, 3, 4);
	update(w, ID_B, "failed");
	assert_totals(w, 13, 1, 4, 4);
	plant(w, "nonsense.json", "0000000000000005-" ID_A ".json");
	forget(w);
	assert_totals(w, 13, 1, 4, 4);
}

/* The network was complete only when the update was long over. */
static void test_mark_afterwards(void **state)
{
	struct world *w = *state;
	struct history_entry entry;
	unsigned int n;

	update(w, ID_A, "done");
	update(w, ID_B, "failed");
	update_clear(&w->m.update);
	for (unsigned int i = 0; i < 2; i++) {
		history_add_mark(&w->m, ID_B, MARK_NETWORK_RESTORED);
		assert_int_equal(history_find(&w->m, ID_B, &entry), 0);
		n = entry.n_marks;
		assert_int_equal(n, 2);
		assert_int_equal(entry.marks[n - 1].mark, MARK_NETWORK_RESTORED);
		assert_true(entry.marks[n - 1].realtime_usec >= entry.ended_usec);
		assert_in_range(entry.marks[n - 1].usec, entry.marks[0].usec, 60 * USEC_PER_SEC);
		history_entry_clear(&entry);
		assert_found(w, "", ID_B, "failed");
		forget(w);
	}
	/* Of others nobody asks any more. */
	history_add_mark(&w->m, "", MARK_NETWORK_RESTORED);
	history_add_mark(&w->m, ID_A, MARK_NETWORK_RESTORED);
	assert_int_equal(history_find(&w->m, ID_A, &entry), 0);
	assert_int_equal(entry.n_marks, 1);
	history_entry_clear(&entry);
	assert_totals(w, 1, 0, 1, 0);
}

/* The counts go on when the oldest files are dropped, and in a luod that knows from disk only. */
static void test_dropped_are_counted(void **state)
{
	struct world *w = *state;
	struct history_entry *entries;
	size_t n;

	for (unsigned int i = 0; i < HISTORY_KEPT + 20; i++) {
		char id[33];

		snprintf(id, sizeof(id), "%032x", i);
		update(w, id, i % 3 ? "done" : "cancelled");
	}
	assert_int_equal(count(w, "*.json"), HISTORY_KEPT);
	assert_totals(w, 80, 0, 0, 40);
	forget(w);
	assert_totals(w, 80, 0, 0, 40);
	assert_int_equal(history_list(&w->m, SIZE_MAX, &entries, &n), 0);
	assert_int_equal(n, HISTORY_KEPT);
	assert_string_equal(entries[0].info.id, "00000000000000000000000000000077");
	assert_string_equal(entries[n - 1].info.id, "00000000000000000000000000000014");
	history_entries_free(entries, n);
	assert_int_equal(history_list(&w->m, 3, &entries, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(entries[2].info.id, "00000000000000000000000000000075");
	history_entries_free(entries, n);
}

/* The one at hand first, then one that could not be written yet; that one is counted too. */
static void test_list_before_disk(void **state)
{
	struct world *w = *state;
	struct history_entry *entries;
	size_t n;

	assert_int_equal(history_list(&w->m, SIZE_MAX, &entries, &n), 0);
	assert_int_equal(n, 0);
	history_entries_free(entries, n);
	block(w);
	update(w, ID_A, "done");
	assert_totals(w, 1, 0, 0, 0);
	set_id(&w->m, ID_B);
	w->m.update.phase = PHASE_PREPARING;
	assert_int_equal(history_list(&w->m, SIZE_MAX, &entries, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(entries[0].info.id, ID_B);
	assert_string_equal(entries[0].result, "running");
	assert_int_equal(entries[0].ended_usec, 0);
	assert_string_equal(entries[1].info.id, ID_A);
	history_entries_free(entries, n);
	assert_int_equal(history_list(&w->m, 1, &entries, &n), 0);
	assert_int_equal(n, 1);
	history_entries_free(entries, n);
	unblock(w);
	w->m.update.phase = PHASE_IDLE;
	while (w->m.history_timer)
		assert_true(sd_event_run(w->m.event, 10 * USEC_PER_SEC) >= 0);
	assert_totals(w, 1, 0, 0, 0);
}

/* Each of these is one more than the last, whatever the clock says. */
static void test_clock_goes_back(void **state)
{
	struct world *w = *state;

	plant(w, "counted.json", "9000000000000000-" ID_A ".json");
	update(w, ID_B, "done");
	assert_totals(w, 13, 1, 3, 4);
	update(w, "0000000000000000000000000000000c", "failed");
	forget(w);
	assert_totals(w, 13, 1, 4, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found_by_whole_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_written_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mark_afterwards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_and_when, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_timeline, setup, teardown),
		cmocka_unit_test(test_first_version),
		cmocka_unit_test_setup_teardown(test_counting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_before_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_goes_back, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

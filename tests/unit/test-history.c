/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history: an update is found by its whole id and by nothing else, and is written under its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>

#include "luod/history.h"
#include "luod/manager.h"

#define ID_A	"0123456789abcdef0123456789abcdef"
#define LONGER	"0123456789abcdef0123456789abcdef0"
#define EARLIER "00123456789abcdef0123456789abcdef"
#define ID_B	"ffffffffffffffff0000000000000000"

struct world {
	struct manager m;
	char top[32];
	char *folder; /* in it; not made yet */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->top, "/tmp/luod-history-XXXXXX");
	assert_non_null(mkdtemp(w->top));
	w->folder = strprintf("%s/var/history", w->top);
	w->m.paths.history = w->folder;
	w->m.kernel_fd = -EBADF;
	assert_int_equal(sd_event_new(&w->m.event), 0);
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_,
		      struct FTW *ftw _unused_)
{
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	update_clear(&w->m.update);
	sd_event_source_disable_unref(w->m.history_timer);
	sd_event_unref(w->m.event);
	free(w->m.last_history);
	nftw(w->top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w->folder);
	free(w);
	return 0;
}

/* An update of that id, from its begin to its end. */
static void update(struct world *w, const char *id, const char *result)
{
	struct manager *m = &w->m;

	update_clear(&m->update);
	strcpy(m->update.info.id, id);
	assert_int_equal(timeline_new(&m->update.timeline), 0);
	history_store(m, result, NULL);
}

static void assert_found(struct world *w, const char *id, const char *found, const char *result)
{
	struct history_entry entry;

	assert_int_equal(history_find(&w->m, id, &entry), 0);
	assert_string_equal(entry.info.id, found);
	assert_string_equal(entry.result, result);
	history_entry_clear(&entry);
}

static size_t count(struct world *w, const char *pattern)
{
	_cleanup_free_ char *path = strprintf("%s/%s", w->folder, pattern);
	glob_t found;
	size_t n = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	globfree(&found);
	return n;
}

static void test_found_by_whole_id(void **state)
{
	static const char *const wrong[] = {
		"0",	 "01",	 "0123456789abcdef", "abcdef", "f", LONGER, EARLIER,
		".json", "json", "0000000000000000"
	};
	struct world *w = *state;

	update(w, ID_A, "done");
	update(w, ID_B, "failed");
	/* As a luod that was started anew, which knows from disk only. */
	free(w->m.last_history);
	w->m.last_history = NULL;
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
	strcpy(w->m.update.info.id, ID_B);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found_by_whole_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_written_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_late, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

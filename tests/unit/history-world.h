/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history-world - a manager with a folder of history of its own, for tests, and what is in that. */
#ifndef TESTS_HISTORY_WORLD_H
#define TESTS_HISTORY_WORLD_H

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

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "ffffffffffffffff0000000000000000"

struct world {
	struct manager m;
	char top[32];
	char *folder; /* in it; not made yet */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->top, sizeof(w->top), "/tmp/luod-history-XXXXXX");
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
	sd_event_source_disable_unref(w->m.lost_timer);
	sd_event_unref(w->m.event);
	free(w->m.last_history);
	nftw(w->top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w->folder);
	free(w);
	return 0;
}

static void set_id(struct manager *m, const char *id)
{
	snprintf(m->update.info.id, sizeof(m->update.info.id), "%s", id);
}

/* An update of that id, from its begin to its end. */
static void update(struct world *w, const char *id, const char *result)
{
	struct manager *m = &w->m;

	update_clear(&m->update);
	set_id(m, id);
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

/* As a luod that was started anew, which knows from disk only. */
static void forget(struct world *w)
{
	free(w->m.last_history);
	w->m.last_history = NULL;
}

static void assert_totals(struct world *w, uint64_t done, uint64_t degraded, uint64_t failed,
			  uint64_t cancelled)
{
	struct history_totals totals;

	history_count(&w->m, &totals);
	assert_int_equal(totals.of[HISTORY_DONE], done);
	assert_int_equal(totals.of[HISTORY_DEGRADED], degraded);
	assert_int_equal(totals.of[HISTORY_FAILED], failed);
	assert_int_equal(totals.of[HISTORY_CANCELLED], cancelled);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history - how updates went: one JSON file per update in /var/lib/luod/history, named by time
 * and id. The newest one is also kept in memory, for when the disk cannot be written yet.
 *
 * An update that is about to jump is written down as "running", and its end replaces that. Whose end
 * nobody wrote, although luod has looked for what came through the jump, is lost: the next kernel
 * never came up, or without it.
 *
 * Only the last updates are kept. Each file of an update that has ended also counts all of them,
 * itself included, so that the counts never go down when an old file is dropped.
 */
#ifndef LUOD_HISTORY_H
#define LUOD_HISTORY_H

#include "timeline.h"
#include "update.h"

#define HISTORY_KEPT	   100
#define HISTORY_ENTRY_SIZE (4U << 20) /* all sessions may be left behind */

struct manager;

/* What updates come to; their names are what an entry's result says, besides "running". */
enum history_result {
	HISTORY_DONE,
	HISTORY_DEGRADED,
	HISTORY_FAILED,
	HISTORY_CANCELLED,
	HISTORY_LOST, /* it jumped, and no luod of a next kernel found anything of it */
	HISTORY_RESULT_MAX,
};

const char *history_result_to_string(enum history_result result);
int history_result_from_string(const char *word);

struct history_totals {
	uint64_t of[HISTORY_RESULT_MAX];
};

struct history_mark {
	enum mark mark;
	uint64_t usec; /* since the first mark */
	uint64_t realtime_usec;
};

struct history_entry {
	struct update_info info;
	char *result;	     /* a history_result's name, or "running" */
	char *error;	     /* what went wrong, a sentence; or "" */
	char *delivered;     /* how the sessions crossed: "", "fdstore", "name" */
	uint64_t ended_usec; /* wall clock; 0: not yet */
	bool has_blackout;
	uint64_t blackout_usec;
	struct history_mark marks[TIMELINE_MARKS];
	unsigned int n_marks;
	bool has_totals; /* false: a luod that did not count yet wrote it */
	struct history_totals totals;
};

void history_entry_clear(struct history_entry *entry);
void history_entries_free(struct history_entry *entries, size_t n);

/* An entry as the text of its file, which the caller frees; NULL when out of memory. */
char *history_format(const struct history_entry *entry);
/* -EBADMSG: not an entry, or one without what every version wrote. */
int history_parse(const char *text, size_t size, struct history_entry *ret);

/* Remembers how the update at hand ended. What fails is logged. */
void history_store(struct manager *m, const char *result, const char *error);

/*
 * What has come after the end of the update of this id, as long as that is the last one. One that has
 * the mark keeps it.
 */
void history_add_mark(struct manager *m, const char *id, enum mark mark);

/*
 * The update at hand jumps: whatever becomes of it, it is on disk. What fails is logged; an update
 * must not fail because of a full disk.
 */
void history_begin(struct manager *m);

/* luod has settled: says which updates are lost and writes that down, as soon as the disk lets it. */
void history_settle(struct manager *m);

/*
 * What the disk says of an update that has jumped: of this id, or "" for the last that did. For when
 * the handover record does not say it. *ret must be valid, it is replaced. -ENOENT.
 */
int history_recall(struct manager *m, const char *id, struct update_info *ret);

/* The update of this id, or the last one for "". -ENOENT: there is none. */
int history_find(struct manager *m, const char *id, struct history_entry *ret);

/* The newest @limit updates, the newest first, the one at hand included. */
int history_list(struct manager *m, size_t limit, struct history_entry **ret, size_t *ret_n);

/* The last update that has ended. -ENOENT: there is none. */
int history_last(struct manager *m, struct history_entry *ret);

/* How many have ended how, ever. */
void history_count(struct manager *m, struct history_totals *ret);

#endif

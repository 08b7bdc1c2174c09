/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history - how updates went: one JSON file per update in /var/lib/luod/history, named by time
 * and id. The newest one is also kept in memory, for when the disk cannot be written yet.
 */
#ifndef LUOD_HISTORY_H
#define LUOD_HISTORY_H

#include "timeline.h"
#include "update.h"

struct manager;

struct history_mark {
	enum mark mark;
	uint64_t usec; /* since the first mark */
	uint64_t realtime_usec;
};

struct history_entry {
	struct update_info info;
	char *result;	 /* "done", "degraded", "failed", "cancelled", "running" */
	char *error;	 /* what went wrong, a sentence; or "" */
	char *delivered; /* how the sessions crossed: "", "fdstore", "name" */
	bool has_blackout;
	uint64_t blackout_usec;
	struct history_mark marks[TIMELINE_MARKS];
	unsigned int n_marks;
};

void history_entry_clear(struct history_entry *entry);

/* The update at hand, as far as it has got. */
int history_current(struct manager *m, const char *result, const char *error,
		    struct history_entry *ret);

/* Remembers how the update at hand ended. What fails is logged. */
void history_store(struct manager *m, const char *result, const char *error);

/* The update of this id, or the last one for "". -ENOENT: there is none. */
int history_find(struct manager *m, const char *id, struct history_entry *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics - TextFile= of lu.conf: a file that node_exporter's textfile collector reads.
 *
 * The text is OpenMetrics, kept to what the collector's parser takes as well, which knows the
 * older Prometheus format only: comments but HELP and TYPE are passed over by it (UNIT, EOF), a
 * type that it does not know (info, stateset) and a time behind a value make it refuse the whole
 * file, and a counter whose samples end in _total is untyped to it, which loses nothing.
 *
 * Counters come from the history, so they survive luod and the jump. The file is replaced as a
 * whole, some time after something has changed and for all that has changed by then; never while
 * guests are paused for a jump, when its file system may be frozen.
 */
#ifndef LUOD_METRICS_H
#define LUOD_METRICS_H

#include "history.h"
#include "session.h"

#define METRICS_SESSION_STATES (SESSION_LOST + 1)

struct manager;

enum metrics_device {
	METRICS_DEVICE_UNUSED,
	METRICS_DEVICE_UNCOVERED, /* in use, and no session covers it */
	METRICS_DEVICE_COVERED,
	METRICS_DEVICE_STATES,
};

/* All that the file tells. */
struct metrics_facts {
	const char *version, *kernel; /* of luod; the running kernel's release */
	const char *state;	      /* as the manager's State property says it */
	struct history_totals totals;
	const struct history_entry *last; /* that has ended; NULL: there was none */
	unsigned int sessions[METRICS_SESSION_STATES];
	uint64_t preserved_bytes;
	unsigned int devices[METRICS_DEVICE_STATES][2]; /* not preservable, preservable */
};

/* The text; the caller frees it. NULL when out of memory. */
char *metrics_format(const struct metrics_facts *facts);

/* Something that the file tells may have changed: it is written before long. */
void metrics_changed(struct manager *m);

/* lu.conf was read: the file moves from @before to where it is now; either may be "". */
void metrics_configured(struct manager *m, const char *before);

#endif

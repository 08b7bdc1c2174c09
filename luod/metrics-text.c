/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics-text - facts in, text out: one table, a row for each family of metrics. Names and labels
 * are an interface, luod(8) documents them.
 */
#include <stdio.h>

#include "metrics.h"

/* One that only this luod knows is "unknown" to nobody: all states are listed, one of them is 1. */
static const char *const states[] = {
	"idle", "loaded", "preparing", "frozen", "aborting", "restoring", "finishing", "degraded",
};

/* A label's value: backslash, quote and line break are escaped, as both formats have it. */
static void put_escaped(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', f);
		if (*text == '\n')
			fputs("\\n", f);
		else
			fputc(*text, f);
	}
}

/* "name{label="value"} " */
static void put_name(FILE *f, const char *name, const char *label, const char *value)
{
	fprintf(f, "%s{%s=\"", name, label);
	put_escaped(f, value);
	fputs("\"} ", f);
}

static void put_number(FILE *f, uint64_t number)
{
	fprintf(f, "%llu\n", (unsigned long long)number);
}

static void put_seconds(FILE *f, uint64_t usec)
{
	fprintf(f, "%llu.%06llu\n", (unsigned long long)(usec / USEC_PER_SEC),
		(unsigned long long)(usec % USEC_PER_SEC));
}

static void put_build(FILE *f, const char *name, const struct metrics_facts *facts)
{
	fprintf(f, "%s{version=\"", name);
	put_escaped(f, strempty(facts->version));
	fputs("\",kernel=\"", f);
	put_escaped(f, strempty(facts->kernel));
	fputs("\"} 1\n", f);
}

static void put_state(FILE *f, const char *name, const struct metrics_facts *facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		put_name(f, name, "state", states[i]);
		put_number(f, streq(states[i], facts->state));
	}
}

static void put_updates(FILE *f, const char *name, const struct metrics_facts *facts)
{
	for (enum history_result i = 0; i < HISTORY_RESULT_MAX; i++) {
		fprintf(f, "%s_total{result=\"%s\"} ", name, history_result_to_string(i));
		put_number(f, facts->totals.of[i]);
	}
}

static void put_result(FILE *f, const char *name, const struct metrics_facts *facts)
{
	for (enum history_result i = 0; facts->last && i < HISTORY_RESULT_MAX; i++) {
		put_name(f, name, "result", history_result_to_string(i));
		put_number(f, streq(history_result_to_string(i), facts->last->result));
	}
}

static void put_time(FILE *f, const char *name, uint64_t usec)
{
	if (!usec)
		return;
	fprintf(f, "%s ", name);
	put_seconds(f, usec);
}

static void put_began(FILE *f, const char *name, const struct metrics_facts *facts)
{
	put_time(f, name, facts->last ? facts->last->info.began_usec : 0);
}

static void put_ended(FILE *f, const char *name, const struct metrics_facts *facts)
{
	put_time(f, name, facts->last ? facts->last->ended_usec : 0);
}

static void put_blackout(FILE *f, const char *name, const struct metrics_facts *facts)
{
	if (!facts->last || !facts->last->has_blackout)
		return;
	fprintf(f, "%s ", name);
	put_seconds(f, facts->last->blackout_usec);
}

static void put_left_behind(FILE *f, const char *name, const struct metrics_facts *facts)
{
	if (!facts->last)
		return;
	fprintf(f, "%s ", name);
	put_number(f, facts->last->info.left_behind.n);
}

static int by_time(const void *a, const void *b)
{
	const struct history_mark *x = a, *y = b;

	if (x->usec != y->usec)
		return x->usec < y->usec ? -1 : 1;
	return x->mark < y->mark ? -1 : x->mark > y->mark;
}

/* A phase is what lies between two marks, and has the name of the one that ends it. */
static void put_phases(FILE *f, const char *name, const struct metrics_facts *facts)
{
	struct history_mark marks[TIMELINE_MARKS];
	unsigned int n = facts->last ? facts->last->n_marks : 0;

	if (!n)
		return;
	memcpy(marks, facts->last->marks, n * sizeof(*marks));
	qsort(marks, n, sizeof(*marks), by_time);
	for (unsigned int i = 1; i < n; i++) {
		put_name(f, name, "phase", mark_to_string(marks[i].mark));
		put_seconds(f, marks[i].usec - marks[i - 1].usec);
	}
}

static void put_sessions(FILE *f, const char *name, const struct metrics_facts *facts)
{
	for (enum session_state i = 0; i < METRICS_SESSION_STATES; i++) {
		put_name(f, name, "state", session_state_to_string(i));
		put_number(f, facts->sessions[i]);
	}
}

static void put_devices(FILE *f, const char *name, const struct metrics_facts *facts)
{
	static const char *const uses[METRICS_DEVICE_STATES] = {
		[METRICS_DEVICE_UNUSED] = "unused",
		[METRICS_DEVICE_UNCOVERED] = "uncovered",
		[METRICS_DEVICE_COVERED] = "covered",
	};

	for (size_t i = 0; i < METRICS_DEVICE_STATES; i++)
		for (int preservable = 0; preservable < 2; preservable++) {
			fprintf(f, "%s{state=\"%s\",preservable=\"%s\"} ", name, uses[i],
				preservable ? "yes" : "no");
			put_number(f, facts->devices[i][preservable]);
		}
}

static void put_bytes(FILE *f, const char *name, const struct metrics_facts *facts)
{
	fprintf(f, "%s ", name);
	put_number(f, facts->preserved_bytes);
}

static const struct family {
	const char *name;
	const char *type; /* one that both formats have */
	const char *unit; /* the end of the name, or NULL */
	const char *help;
	void (*put)(FILE *f, const char *name, const struct metrics_facts *facts);
} families[] = {
	{ "luod_build_info", "gauge", NULL, "The versions of luod and of the running kernel.",
	  put_build },
	{ "luod_state", "gauge", NULL, "1 for the state that luod is in.", put_state },
	{ "luod_updates", "counter", NULL, "Updates that have ended, by their result.",
	  put_updates },
	{ "luod_last_update_result", "gauge", NULL, "1 for the result of the last update.",
	  put_result },
	{ "luod_last_update_start_timestamp_seconds", "gauge", "seconds",
	  "When the last update was begun.", put_began },
	{ "luod_last_update_end_timestamp_seconds", "gauge", "seconds",
	  "When the last update was over.", put_ended },
	{ "luod_last_update_blackout_seconds", "gauge", "seconds",
	  "From the first owner's Ready to the last owner's Resumed in the last update.",
	  put_blackout },
	{ "luod_last_update_left_behind_sessions", "gauge", NULL,
	  "Sessions that the last update went without.", put_left_behind },
	{ "luod_last_update_phase_seconds", "gauge", "seconds",
	  "How long each phase of the last update took, by the mark that ended it.", put_phases },
	{ "luod_sessions", "gauge", NULL, "Sessions by their state.", put_sessions },
	{ "luod_devices", "gauge", NULL,
	  "Devices of VFIO by what they are used for, and whether they could be handed over.",
	  put_devices },
	{ "luod_preserved_bytes", "gauge", "bytes",
	  "What all sessions together carry over in an update.", put_bytes },
};

char *metrics_format(const struct metrics_facts *facts)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const struct family *family = &families[i];

		fprintf(f, "# TYPE %s %s\n", family->name, family->type);
		if (family->unit)
			fprintf(f, "# UNIT %s %s\n", family->name, family->unit);
		fprintf(f, "# HELP %s %s\n", family->name, family->help);
		family->put(f, family->name, facts);
	}
	fputs("# EOF\n", f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

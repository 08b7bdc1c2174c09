/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output - how things look: tables, durations, sizes, and text from strangers.
 *
 * Much of what luctl prints was chosen by a client of luod (names, reasons). luctl_safe() makes
 * such text harmless for a terminal; tables do the same by themselves. Colour and bars are used
 * only where the stream is a terminal and the locale can show them.
 */
#ifndef LUCTL_OUTPUT_H
#define LUCTL_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "luctl/luctl.h"

/* "412.3 ms", "1.2 s", "3 min 2 s", "infinity". Caller frees; NULL when out of memory. */
char *luctl_format_duration(uint64_t usec);

/* "256.0 MiB", "512 B". Caller frees; NULL when out of memory. */
char *luctl_format_bytes(uint64_t bytes);

/* "2026-11-21 00:41:22", local time. Caller frees; NULL when out of memory. */
char *luctl_format_time(uint64_t realtime_usec);

/*
 * "30", "30s", "500ms", "2min", "1h", "infinity" to microseconds; -EINVAL for anything else. A
 * bare number is seconds.
 */
int luctl_parse_duration(const char *text, uint64_t *ret);

/*
 * A copy of @text in which everything that a terminal could take for a command is written as
 * \xNN: control characters, and bytes that are no UTF-8. NULL is "". Caller frees.
 */
char *luctl_safe(const char *text);

bool luctl_is_utf8(void);
bool luctl_is_terminal(FILE *f);

enum luctl_color {
	LUCTL_PLAIN,
	LUCTL_GREEN,
	LUCTL_YELLOW,
	LUCTL_RED,
	LUCTL_BOLD,
};

/* The sequence that begins @color on @f, or "" where no colour is wanted; LUCTL_PLAIN ends it. */
const char *luctl_color(FILE *f, enum luctl_color color);

/* The colour of a state, severity or result by its name. */
enum luctl_color luctl_color_of(const char *word);

struct luctl_column {
	const char *title;
	bool right;
	bool wrap;
	bool colored; /* each cell in the colour of its word */
};

struct luctl_table;

/* @columns must outlive the table. NULL when out of memory. */
struct luctl_table *luctl_table_new(const struct luctl *luctl, const struct luctl_column *columns,
				    size_t n_columns);
void luctl_table_free(struct luctl_table *table);
DEFINE_CLEANUP(struct luctl_table *, luctl_table_free)

/*
 * Adds a row of as many @cells as there are columns; they are copied. NULL cells are empty. Errors
 * are kept until luctl_table_print().
 */
void luctl_table_add(struct luctl_table *table, const char *const cells[]);

/* Prints the table to the output stream; a negative errno when anything has failed. */
int luctl_table_print(struct luctl_table *table);

/* A copy of @text with line breaks between words, so that no line is longer than @width if it can. */
char *luctl_fold(const char *text, size_t width);

/*
 * Prints one JSON document, indented, or on one line when @line is set. Takes @json, which may be
 * NULL for "could not be built". Returns an exit code.
 */
int luctl_print_json(struct luctl *luctl, json_t *json, bool line);

#endif

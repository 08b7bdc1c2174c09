/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table - tables by libsmartcols, made safe and foldable.
 *
 * Cells are written through luctl_safe(). On a terminal the one column that may wrap is folded
 * between words: left to itself, libsmartcols breaks a line wherever it is full.
 */
#include <libsmartcols.h>
#include <sys/ioctl.h>
#include <wchar.h>

#include "luctl/output.h"

/* A column narrower than this is not worth folding. */
#define FOLD_MIN 24

struct luctl_table {
	struct libscols_table *scols;
	const struct luctl_column *columns;
	size_t n_columns;
	FILE *out;
	bool terminal;
	bool colors;
	int error;
};

static int add_columns(struct luctl_table *table)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		const struct luctl_column *c = &table->columns[i];
		bool wrap = c->wrap && table->terminal;
		int flags = (c->right ? SCOLS_FL_RIGHT : 0) | (wrap ? SCOLS_FL_WRAP : 0);
		struct libscols_column *column =
			scols_table_new_column(table->scols, c->title, 0, flags);

		if (!column)
			return -ENOMEM;
		if (!wrap)
			continue;
		scols_column_set_safechars(column, "\n");
		scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
					  NULL);
	}
	return 0;
}

struct luctl_table *luctl_table_new(const struct luctl *luctl, const struct luctl_column *columns,
				    size_t n_columns)
{
	_cleanup_(luctl_table_freep) struct luctl_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->n_columns = n_columns;
	table->out = luctl->out;
	table->terminal = luctl_is_terminal(luctl->out);
	table->colors = *luctl_color(luctl->out, LUCTL_PLAIN) != '\0';
	table->scols = scols_new_table();
	if (!table->scols)
		return NULL;
	scols_table_set_stream(table->scols, luctl->out);
	scols_table_set_termforce(table->scols,
				  table->terminal ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
	scols_table_enable_noheadings(table->scols, luctl->options.no_legend);
	scols_table_enable_colors(table->scols, table->colors);
	/* luctl_table_add() has made the cells safe. */
	scols_table_enable_noencoding(table->scols, true);
	return add_columns(table) < 0 ? NULL : TAKE_PTR(table);
}

void luctl_table_free(struct luctl_table *table)
{
	if (!table)
		return;
	scols_unref_table(table->scols);
	free(table);
}

static void color_cell(struct libscols_line *line, size_t column, const char *word)
{
	static const char *const names[] = {
		[LUCTL_PLAIN] = NULL, [LUCTL_GREEN] = "green", [LUCTL_YELLOW] = "brown",
		[LUCTL_RED] = "red",  [LUCTL_BOLD] = "bold",
	};
	const char *name = names[luctl_color_of(word)];

	if (name)
		scols_cell_set_color(scols_line_get_cell(line, column), name);
}

void luctl_table_add(struct luctl_table *table, const char *const cells[])
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	if (!line) {
		table->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < table->n_columns; i++) {
		_cleanup_free_ char *safe = luctl_safe(cells[i]);

		if (!safe || scols_line_set_data(line, i, safe) < 0)
			table->error = -ENOMEM;
		else if (table->columns[i].colored && table->colors)
			color_cell(line, i, safe);
	}
}

/* --- folding ------------------------------------------------------------------------------------ */

/* Cells of a terminal that @text takes; its bytes when the locale does not know it. */
static size_t text_width(const char *text)
{
	size_t n = mbstowcs(NULL, text, 0);
	_cleanup_free_ wchar_t *wide = NULL;
	int width;

	if (n == (size_t)-1)
		return strlen(text);
	wide = calloc(n + 1, sizeof(*wide));
	if (!wide)
		return strlen(text);
	mbstowcs(wide, text, n);
	width = wcswidth(wide, n);
	return width < 0 ? strlen(text) : (size_t)width;
}

char *luctl_fold(const char *text, size_t width)
{
	char *folded = strdup(text), *line = folded;

	if (!folded)
		return NULL;
	for (char *blank = strchr(folded, ' '); blank; blank = strchr(blank + 1, ' ')) {
		char *next = blank + 1 + strcspn(blank + 1, " ");
		char end = *next;
		bool too_long;

		*next = '\0';
		too_long = text_width(line) > width;
		*next = end;
		if (!too_long)
			continue;
		*blank = '\n';
		line = blank + 1;
	}
	return folded;
}

/* What is left for column @column when all others have their widths. */
static size_t room_for(const struct luctl_table *table, size_t column)
{
	struct winsize size;
	size_t used = 0;

	if (ioctl(fileno(table->out), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		size.ws_col = 80;
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t width = text_width(table->columns[i].title);

		if (i == column)
			continue;
		for (size_t l = 0; l < scols_table_get_nlines(table->scols); l++) {
			struct libscols_line *line = scols_table_get_line(table->scols, l);
			struct libscols_cell *cell = scols_line_get_cell(line, i);
			size_t w = text_width(strempty(scols_cell_get_data(cell)));

			if (w > width)
				width = w;
		}
		used += width + 1;
	}
	return used + FOLD_MIN <= size.ws_col ? size.ws_col - used : FOLD_MIN;
}

static int fold_column(struct luctl_table *table, size_t column)
{
	size_t room = room_for(table, column);

	for (size_t l = 0; l < scols_table_get_nlines(table->scols); l++) {
		struct libscols_line *line = scols_table_get_line(table->scols, l);
		struct libscols_cell *cell = scols_line_get_cell(line, column);
		_cleanup_free_ char *folded = luctl_fold(strempty(scols_cell_get_data(cell)), room);

		if (!folded || scols_cell_set_data(cell, folded) < 0)
			return -ENOMEM;
	}
	return 0;
}

int luctl_table_print(struct luctl_table *table)
{
	int r = table->error;

	for (size_t i = 0; i < table->n_columns && r == 0; i++)
		if (table->columns[i].wrap && table->terminal)
			r = fold_column(table, i);
	if (r == 0)
		r = scols_print_table(table->scols);
	return r > 0 ? -r : r;
}

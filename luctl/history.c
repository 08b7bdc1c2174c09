/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history - the verb of that name, and how an update is named: by the beginning of its id.
 *
 * The table shows as much of each id as tells all of them apart, eight digits at least; luctl makes
 * the whole of it again before it asks luod, which knows whole ids only.
 */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

#define ID_LENGTH    32
#define ID_SHOWN_MIN 8

char *luctl_requester(const struct luctl_timeline *update)
{
	if (update->uid == UINT32_MAX)
		return strdup(isempty(update->unit) ? "?" : update->unit);
	return strprintf("uid %u%s%s", update->uid, isempty(update->unit) ? "" : ", ",
			 strempty(update->unit));
}

/* --- ids ---------------------------------------------------------------------------------------- */

static bool begins_with(const struct luctl_timeline *update, const char *id)
{
	return strncmp(strempty(update->update_id), id, strlen(id)) == 0;
}

int luctl_whole_id(struct luctl *luctl, const char *id, char **ret)
{
	_cleanup_(luctl_updates_clear) struct luctl_updates updates = {};
	const char *whole = NULL;
	size_t n = 0;

	/* A luod that cannot list its updates is asked for the id as it is, and one that is not there
	 * is found missing then. */
	if (*id && strlen(id) < ID_LENGTH && luctl_connect(luctl) >= 0)
		luctl_bus_get_updates(luctl->bus, &updates, &luctl->error);
	for (size_t i = 0; i < updates.count; i++) {
		if (!begins_with(&updates.items[i], id))
			continue;
		whole = updates.items[i].update_id;
		n++;
	}
	if (n > 1) {
		luctl_complain(luctl, "'%s' is the beginning of %zu updates' ids. Give more of it.",
			       id, n);
		return LUCTL_USAGE;
	}
	*ret = strdup(whole ?: id);
	return *ret ? LUCTL_OK : LUCTL_FAILED;
}

static size_t common_length(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

/* How much of the ids tells them apart. */
static size_t shown_length(const struct luctl_updates *updates)
{
	size_t shown = ID_SHOWN_MIN;

	for (size_t i = 0; i < updates->count; i++)
		for (size_t j = 0; j < i; j++) {
			size_t n = common_length(strempty(updates->items[i].update_id),
						 strempty(updates->items[j].update_id));

			if (n >= shown && n < ID_LENGTH)
				shown = n + 1;
		}
	return shown;
}

/* --- the table ---------------------------------------------------------------------------------- */

/* "3 left behind"; NULL when nobody was. */
static char *left_behind(const struct luctl_timeline *update)
{
	return update->left_behind.count ? strprintf("%zu left behind", update->left_behind.count)
					 : NULL;
}

/* Why it was begun; of one that did not go well what came in its way; and whom it went without. */
static char *why(const struct luctl_timeline *update)
{
	_cleanup_free_ char *left = left_behind(update);
	_cleanup_free_ char *forced =
		isempty(update->forced) ? NULL : strprintf("forced (%s)", update->forced);
	char *words[] = { update->reason, forced, update->error, left };
	char *given[ARRAY_SIZE(words) + 1] = {};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!isempty(words[i]))
			given[n++] = words[i];
	return luctl_strv_join(given, ": ");
}

static void add_row(struct luctl_table *table, const struct luctl_timeline *u, size_t shown)
{
	_cleanup_free_ char *id = strndup(strempty(u->update_id), shown);
	_cleanup_free_ char *who = luctl_requester(u), *text = why(u);
	_cleanup_free_ char *when = NULL, *blackout = NULL;

	if (u->began != USEC_INFINITY)
		when = luctl_format_time(u->began);
	if (u->blackout != USEC_INFINITY)
		blackout = luctl_format_duration(u->blackout);
	luctl_table_add(table, (const char *const[]){ when ?: "?", isempty(id) ? "?" : id, who,
						      u->from, u->to, u->result, blackout, text });
}

static int print_table(struct luctl *luctl, const struct luctl_updates *updates, size_t shown)
{
	static const struct luctl_column columns[] = {
		{ "WHEN" },
		{ "ID" },
		{ "WHO" },
		{ "FROM" },
		{ "TO" },
		{ "RESULT", .colored = true },
		{ "BLACKOUT", .right = true },
		{ "WHY", .wrap = true },
	};
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, ARRAY_SIZE(columns));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < updates->count; i++)
		add_row(table, &updates->items[i], shown);
	return luctl_table_print(table);
}

int luctl_verb_history(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_updates_clear) struct luctl_updates updates = {};
	size_t shown;
	int r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_get_updates(luctl->bus, &updates, &luctl->error);
	if (r < 0)
		return luctl_fail(luctl, "Cannot list the updates");
	/* Of all, that it be the same id with and without --limit. */
	shown = shown_length(&updates);
	while (updates.count > luctl->options.limit)
		luctl_timeline_clear(&updates.items[--updates.count]);
	if (luctl->options.json)
		return luctl_print_json(
			luctl, luctl_json_single("updates", luctl_json_updates(&updates)), false);
	if (updates.count == 0) {
		luctl_remark(luctl, "There has been no update yet.");
		return LUCTL_OK;
	}
	return print_table(luctl, &updates, shown) < 0 ? LUCTL_FAILED : LUCTL_OK;
}

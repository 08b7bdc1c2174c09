/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history-json - an entry of the history and the text of its file. Files outlive the luod that
 * wrote them: what an older one did not write is taken from the marks or stays unknown, and what a
 * newer one wrote besides is passed over.
 */
#include <jansson.h>

#include "history.h"
#include "limits.h"

static const char *const history_result_table[] = {
	[HISTORY_DONE] = "done",     [HISTORY_DEGRADED] = "degraded",
	[HISTORY_FAILED] = "failed", [HISTORY_CANCELLED] = "cancelled",
	[HISTORY_LOST] = "lost",
};
DEFINE_STRING_TABLE(history_result, enum history_result)

void history_entry_clear(struct history_entry *entry)
{
	update_info_clear(&entry->info);
	free(entry->result);
	free(entry->error);
	free(entry->delivered);
	*entry = (struct history_entry){};
}

/* --- writing ---------------------------------------------------------------------------------- */

static json_t *marks_to_json(const struct history_entry *entry)
{
	json_t *marks = json_array();

	for (unsigned int i = 0; i < entry->n_marks; i++)
		json_array_append_new(marks,
				      json_pack("{s:s, s:I, s:I}", "name",
						mark_to_string(entry->marks[i].mark), "usec",
						(json_int_t)entry->marks[i].usec, "realtime-usec",
						(json_int_t)entry->marks[i].realtime_usec));
	return marks;
}

static json_t *totals_to_json(const struct history_totals *totals)
{
	json_t *object = json_object();

	for (enum history_result i = 0; i < HISTORY_RESULT_MAX; i++)
		json_object_set_new(object, history_result_to_string(i),
				    json_integer((json_int_t)totals->of[i]));
	return object;
}

static void set_integer(json_t *root, const char *key, bool known, uint64_t value)
{
	if (known)
		json_object_set_new(root, key, json_integer((json_int_t)value));
}

char *history_format(const struct history_entry *entry)
{
	json_t *root;
	char *text;

	root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "update-id",
			 entry->info.id, "from", strempty(entry->info.from), "to",
			 strempty(entry->info.to), "jump", conf_jump_to_string(entry->info.jump),
			 "reason", strempty(entry->info.reason), "unit", strempty(entry->info.unit),
			 "forced", strempty(entry->info.forced), "result", strempty(entry->result),
			 "error", strempty(entry->error), "delivered", strempty(entry->delivered),
			 "marks", marks_to_json(entry));
	if (!root)
		return NULL;
	set_integer(root, "uid", entry->info.has_uid, entry->info.uid);
	set_integer(root, "began-usec", entry->info.began_usec, entry->info.began_usec);
	set_integer(root, "ended-usec", entry->ended_usec, entry->ended_usec);
	set_integer(root, "blackout-usec", entry->has_blackout, entry->blackout_usec);
	if (entry->info.left_behind.n)
		json_object_set_new(root, "left-behind",
				    left_behinds_to_json(&entry->info.left_behind));
	if (entry->has_totals)
		json_object_set_new(root, "totals", totals_to_json(&entry->totals));
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_text(json_t *root, const char *key, char **ret)
{
	return free_and_strdup(ret, strempty(json_string_value(json_object_get(root, key))));
}

/* False when it is not there or cannot be such a number. */
static bool read_number(json_t *root, const char *key, uint64_t *ret)
{
	json_t *value = json_object_get(root, key);
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0)
		return false;
	*ret = (uint64_t)n;
	return true;
}

static void read_mark(json_t *o, struct history_entry *entry)
{
	const char *name = json_string_value(json_object_get(o, "name"));
	int mark = name ? mark_from_string(name) : -EINVAL;
	struct history_mark *m = &entry->marks[entry->n_marks];

	/* A mark of a newer luod is not shown by an older one. */
	if (mark < 0 || entry->n_marks == TIMELINE_MARKS)
		return;
	*m = (struct history_mark){ .mark = (enum mark)mark };
	read_number(o, "usec", &m->usec);
	read_number(o, "realtime-usec", &m->realtime_usec);
	entry->n_marks++;
}

static void read_uid(json_t *root, struct update_info *info)
{
	uint64_t uid;

	if (!read_number(root, "uid", &uid) || uid >= UINT32_MAX)
		return;
	info->uid = (uid_t)uid;
	info->has_uid = true;
}

/* Nobody knows when, or not yet. */
static bool has_no_end(const struct history_entry *entry)
{
	return streq(entry->result, "running") ||
	       streq(entry->result, history_result_to_string(HISTORY_LOST));
}

/* An older luod wrote down when only with the marks. */
static void read_times(json_t *root, struct history_entry *entry)
{
	read_number(root, "began-usec", &entry->info.began_usec);
	read_number(root, "ended-usec", &entry->ended_usec);
	entry->has_blackout = read_number(root, "blackout-usec", &entry->blackout_usec);
	for (unsigned int i = 0; i < entry->n_marks; i++) {
		const struct history_mark *m = &entry->marks[i];

		if (m->mark == MARK_BEGIN && !entry->info.began_usec)
			entry->info.began_usec = m->realtime_usec;
	}
	if (entry->ended_usec || has_no_end(entry))
		return;
	for (unsigned int i = 0; i < entry->n_marks; i++)
		if (entry->marks[i].realtime_usec > entry->ended_usec)
			entry->ended_usec = entry->marks[i].realtime_usec;
}

static void read_totals(json_t *root, struct history_entry *entry)
{
	json_t *totals = json_object_get(root, "totals");

	entry->has_totals = json_is_object(totals);
	for (enum history_result i = 0; i < HISTORY_RESULT_MAX; i++)
		read_number(totals, history_result_to_string(i), &entry->totals.of[i]);
}

static int entry_from_json(json_t *root, struct history_entry *ret)
{
	const char *id = json_string_value(json_object_get(root, "update-id"));
	const char *jump = json_string_value(json_object_get(root, "jump"));
	json_t *marks = json_object_get(root, "marks"), *o;
	struct history_entry entry = {};
	size_t i;

	if (!id || strlen(id) >= sizeof(entry.info.id) || !jump ||
	    conf_jump_from_string(jump, &entry.info.jump) < 0)
		return -EBADMSG;
	memcpy(entry.info.id, id, strlen(id) + 1);
	if (read_text(root, "from", &entry.info.from) < 0 ||
	    read_text(root, "to", &entry.info.to) < 0 ||
	    read_text(root, "reason", &entry.info.reason) < 0 ||
	    read_text(root, "unit", &entry.info.unit) < 0 ||
	    read_text(root, "forced", &entry.info.forced) < 0 ||
	    read_text(root, "result", &entry.result) < 0 ||
	    read_text(root, "error", &entry.error) < 0 ||
	    read_text(root, "delivered", &entry.delivered) < 0) {
		history_entry_clear(&entry);
		return -ENOMEM;
	}
	/* Of what is no such list nothing is shown; the rest is worth as much as before. */
	if (left_behinds_from_json(json_object_get(root, "left-behind"), &entry.info.left_behind) ==
	    -ENOMEM) {
		history_entry_clear(&entry);
		return -ENOMEM;
	}
	json_array_foreach(marks, i, o)
		read_mark(o, &entry);
	read_uid(root, &entry.info);
	read_times(root, &entry);
	read_totals(root, &entry);
	*ret = entry;
	return 0;
}

int history_parse(const char *text, size_t size, struct history_entry *ret)
{
	json_t *root = json_loadb(text, size, 0, NULL);
	int r = root ? entry_from_json(root, ret) : -EBADMSG;

	json_decref(root);
	return r;
}

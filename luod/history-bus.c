/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history-bus - the history on the bus: GetTimeline tells all of one update, ListUpdates the same
 * dictionary of many, without their marks. Anybody may ask. A reply is bounded by what is kept on
 * disk.
 */
#include "history.h"
#include "manager-bus.h"

static int append_string(sd_bus_message *reply, const char *key, const char *value)
{
	return sd_bus_message_append(reply, "{sv}", key, "s", strempty(value));
}

static int append_texts(sd_bus_message *reply, const struct history_entry *e)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "update-id", e->info.id },   { "from", e->info.from },
		{ "to", e->info.to },	       { "jump", conf_jump_to_string(e->info.jump) },
		{ "reason", e->info.reason },  { "unit", e->info.unit },
		{ "result", e->result },       { "error", e->error },
		{ "delivered", e->delivered }, { "forced", e->info.forced },
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(texts); i++)
		r = append_string(reply, texts[i].key, texts[i].value);
	return r;
}

static int append_known(sd_bus_message *reply, const char *key, bool known, uint64_t usec)
{
	return known ? sd_bus_message_append(reply, "{sv}", key, "t", usec) : 0;
}

static int append_left_behind(sd_bus_message *reply, const struct left_behinds *l)
{
	int r;

	if ((r = sd_bus_message_open_container(reply, 'e', "sv")) < 0 ||
	    (r = sd_bus_message_append(reply, "s", "left-behind")) < 0 ||
	    (r = sd_bus_message_open_container(reply, 'v', "a(usss)")) < 0 ||
	    (r = sd_bus_message_open_container(reply, 'a', "(usss)")) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < l->n; i++)
		r = sd_bus_message_append(reply, "(usss)", l->items[i].uid, l->items[i].name,
					  l->items[i].unit, l->items[i].why);
	for (size_t i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(reply);
	return r;
}

/* a{sv} */
static int append_info(sd_bus_message *reply, const struct history_entry *e)
{
	int r;

	if ((r = sd_bus_message_open_container(reply, 'a', "{sv}")) < 0 ||
	    (r = append_texts(reply, e)) < 0 ||
	    (e->info.has_uid &&
	     (r = sd_bus_message_append(reply, "{sv}", "uid", "u", (uint32_t)e->info.uid)) < 0) ||
	    (r = append_known(reply, "began-usec", e->info.began_usec, e->info.began_usec)) < 0 ||
	    (r = append_known(reply, "ended-usec", e->ended_usec, e->ended_usec)) < 0 ||
	    (r = append_known(reply, "blackout-usec", e->has_blackout, e->blackout_usec)) < 0 ||
	    (r = append_left_behind(reply, &e->info.left_behind)) < 0)
		return r;
	return sd_bus_message_close_container(reply);
}

static int append_marks(sd_bus_message *reply, const struct history_entry *e)
{
	int r = sd_bus_message_open_container(reply, 'a', "(stx)");

	for (unsigned int i = 0; r >= 0 && i < e->n_marks; i++)
		r = sd_bus_message_append(reply, "(stx)", mark_to_string(e->marks[i].mark),
					  e->marks[i].usec, (int64_t)e->marks[i].realtime_usec);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int method_get_timeline(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct history_entry entry;
	const char *id;
	int r = sd_bus_message_read(m, "s", &id);

	if (r < 0)
		return r;
	/* The id becomes part of a file's name. */
	if (strspn(id, "0123456789abcdef") != strlen(id) || history_find(userdata, id, &entry) < 0)
		return sd_bus_error_setf(error, LUOD_ERROR("NoSuchUpdate"),
					 "Nothing is known of %s%.*s.",
					 *id ? "update " : "any update", FIT(id, 40));
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = append_info(reply, &entry);
	if (r >= 0)
		r = append_marks(reply, &entry);
	history_entry_clear(&entry);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

struct list_options {
	uint64_t limit;
};

static const struct option_spec list_specs[] = {
	{ "limit", 't', offsetof(struct list_options, limit), NULL },
};

static int reply_updates(sd_bus_message *m, const struct history_entry *entries, size_t n)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	if ((r = sd_bus_message_new_method_return(m, &reply)) < 0 ||
	    (r = sd_bus_message_open_container(reply, 'a', "a{sv}")) < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = append_info(reply, &entries[i]);
	if (r < 0 || (r = sd_bus_message_close_container(reply)) < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

int method_list_updates(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct list_options o = { .limit = UINT64_MAX };
	struct history_entry *entries;
	size_t n;
	int r;

	if ((r = options_read(m, list_specs, ARRAY_SIZE(list_specs), &o, error)) < 0 ||
	    (r = history_list(userdata, o.limit, &entries, &n)) < 0)
		return r;
	r = reply_updates(m, entries, n);
	history_entries_free(entries, n);
	return r;
}

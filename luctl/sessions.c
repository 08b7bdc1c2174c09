/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sessions - the verb of that name: a table of all sessions, or all about the named ones; and close,
 * which gives sessions up.
 */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

/* "0/vm1", as an argument names it too. Caller frees. */
static char *full_name(const struct luctl_session *session)
{
	return strprintf("%u/%s", session->uid, strempty(session->name));
}

/* "name" stands for every owner's session of that name. */
static bool matches(const struct luctl_session *session, const char *wanted)
{
	_cleanup_free_ char *full = full_name(session);

	return streq(strempty(session->name), wanted) || (full && streq(full, wanted));
}

/*
 * Moves what @wanted names to the front, in luod's order, and drops the rest. Complains about a
 * name that nothing has.
 */
static int select_sessions(struct luctl *luctl, struct luctl_sessions *sessions, char **wanted)
{
	int result = LUCTL_OK;
	size_t kept = 0;

	if (!*wanted)
		return LUCTL_OK;
	for (char **name = wanted; *name; name++) {
		bool found = false;

		for (size_t i = 0; i < sessions->count && !found; i++)
			found = matches(&sessions->items[i], *name);
		if (found)
			continue;
		luctl_complain(luctl, "There is no session %s. 'luctl sessions' lists them.",
			       *name);
		result = LUCTL_FAILED;
	}
	for (size_t i = 0; i < sessions->count; i++) {
		bool keep = false;

		for (char **name = wanted; *name && !keep; name++)
			keep = matches(&sessions->items[i], *name);
		if (!keep) {
			luctl_session_clear(&sessions->items[i]);
			continue;
		}
		if (kept != i) {
			sessions->items[kept] = sessions->items[i];
			sessions->items[i] = (struct luctl_session){};
		}
		kept++;
	}
	sessions->count = kept;
	return result;
}

/* "0000:00:03.0, 0000:00:04.0"; caller frees. */
static char *join_addresses(const struct luctl_covers *covers)
{
	char *text = strdup("");

	for (size_t i = 0; text && i < covers->count; i++) {
		char *longer = strprintf("%s%s%s", text, i ? ", " : "",
					 strempty(covers->items[i].address));

		free(text);
		text = longer;
	}
	return text;
}

static void add_row(struct luctl_table *table, const struct luctl_session *s)
{
	_cleanup_free_ char *name = full_name(s), *count = strprintf("%zu", s->resources.count);
	_cleanup_free_ char *bytes = luctl_format_bytes(s->preserved_bytes);
	_cleanup_free_ char *devices = join_addresses(&s->covers);
	/* Not nothing: scripts count columns. */
	const char *unit = isempty(s->unit) ? "-" : s->unit;
	const char *reason = s->reason;

	if (isempty(reason) && !s->owner_connected)
		reason = "its owner is not connected";
	luctl_table_add(table, (const char *const[]){ name, unit, s->mode, s->policy, count,
						      isempty(devices) ? "-" : devices, bytes,
						      s->state, reason });
}

static int print_table(struct luctl *luctl, const struct luctl_sessions *sessions)
{
	static const struct luctl_column columns[] = {
		{ "SESSION" },
		{ "UNIT" },
		{ "MODE" },
		{ "POLICY" },
		{ "RESOURCES", .right = true },
		{ "DEVICES", .wrap = true },
		{ "PRESERVED", .right = true },
		{ "STATE", .colored = true },
		{ "REASON", .wrap = true },
	};
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, ARRAY_SIZE(columns));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < sessions->count; i++)
		add_row(table, &sessions->items[i]);
	return luctl_table_print(table);
}

static void print_line(struct luctl *luctl, const char *label, const char *text)
{
	_cleanup_free_ char *safe = luctl_safe(text);

	if (!isempty(safe))
		fprintf(luctl->out, "%14s: %s\n", label, safe);
}

static int print_resources(struct luctl *luctl, const struct luctl_session *s)
{
	static const struct luctl_column columns[] = {
		{ "RESOURCE" },
		{ "KIND" },
		{ "TOKEN", .right = true },
		{ "SIZE", .right = true },
		{ "DEVICE OR LINK" },
	};
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, ARRAY_SIZE(columns));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < s->resources.count; i++) {
		const struct luctl_resource *r = &s->resources.items[i];
		const char *address = luctl_session_device(s, r->label)
					      ?: luctl_session_link(s, r->label);
		_cleanup_free_ char *token = strprintf("%llu", (unsigned long long)r->token);
		_cleanup_free_ char *bytes = luctl_format_bytes(r->bytes);

		luctl_table_add(table, (const char *const[]){ r->label, r->kind, token, bytes,
							      isempty(address) ? "-" : address });
	}
	return luctl_table_print(table);
}

static int print_one(struct luctl *luctl, const struct luctl_session *s)
{
	_cleanup_free_ char *name = full_name(s), *bytes = luctl_format_bytes(s->preserved_bytes);
	_cleanup_free_ char *timeout = luctl_format_duration(s->claim_timeout);
	_cleanup_free_ char *ready = luctl_format_duration(s->ready_timeout);
	_cleanup_free_ char *links = luctl_strv_join(s->links, ", ");
	_cleanup_free_ char *unclaimed = NULL;

	unclaimed = strprintf("%s after %s", strempty(s->unclaimed_policy), strempty(timeout));
	print_line(luctl, "Session", name);
	print_line(luctl, "State", s->state);
	print_line(luctl, "Reason", s->reason);
	print_line(luctl, "Unit", s->unit);
	print_line(luctl, "Owner", s->owner_connected ? "connected" : "not connected");
	print_line(luctl, "Mode", s->mode);
	print_line(luctl, "Policy", s->policy);
	print_line(luctl, "Claim policy", s->claim_policy);
	print_line(luctl, "If unclaimed", unclaimed);
	print_line(luctl, "Ready within", s->ready_timeout ? ready : NULL);
	print_line(luctl, "Kernel session", s->kernel_name);
	print_line(luctl, "Delivered by", s->delivered_by);
	print_line(luctl, "Update", s->update_id);
	print_line(luctl, "Preserved", bytes);
	print_line(luctl, "Links", links);
	if (!s->resources.count)
		return 0;
	fputc('\n', luctl->out);
	return print_resources(luctl, s);
}

static int print_each(struct luctl *luctl, const struct luctl_sessions *sessions)
{
	int r = 0;

	for (size_t i = 0; i < sessions->count && r >= 0; i++) {
		if (i)
			fputc('\n', luctl->out);
		r = print_one(luctl, &sessions->items[i]);
	}
	return r;
}

static int print_json(struct luctl *luctl, const struct luctl_sessions *sessions)
{
	json_t *list = luctl_json_sessions(sessions);

	return luctl_print_json(luctl, luctl_json_single("sessions", list), false);
}

int luctl_verb_sessions(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_sessions_clear) struct luctl_sessions sessions = {};
	int result, r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_get_sessions(luctl->bus, &sessions, &luctl->error);
	if (r < 0)
		return luctl_fail(luctl, "Cannot list the sessions");
	result = select_sessions(luctl, &sessions, argv);
	if (luctl->options.json)
		return print_json(luctl, &sessions) ?: result;
	if (*argv)
		r = print_each(luctl, &sessions);
	else if (sessions.count)
		r = print_table(luctl, &sessions);
	else if (!luctl->options.no_legend)
		luctl_remark(luctl, "There are no sessions.");
	return r < 0 ? LUCTL_FAILED : result;
}

/* Does each name mean one session? One that could mean several is none to close something by. */
static bool unambiguous(struct luctl *luctl, const struct luctl_sessions *sessions, char **names)
{
	for (char **name = names; *name; name++) {
		size_t n = 0;

		for (size_t i = 0; i < sessions->count; i++)
			n += matches(&sessions->items[i], *name);
		if (n < 2)
			continue;
		luctl_complain(luctl, "%zu owners have a session %s: say which one by UID/%s.", n,
			       *name, *name);
		return false;
	}
	return true;
}

/* All names are looked at before anything is closed. */
int luctl_verb_close(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_sessions_clear) struct luctl_sessions sessions = {};
	int r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_get_sessions(luctl->bus, &sessions, &luctl->error);
	if (r < 0)
		return luctl_fail(luctl, "Cannot list the sessions");
	if (!unambiguous(luctl, &sessions, argv) ||
	    select_sessions(luctl, &sessions, argv) != LUCTL_OK)
		return LUCTL_FAILED;
	for (size_t i = 0; i < sessions.count; i++) {
		_cleanup_free_ char *name = full_name(&sessions.items[i]);

		r = luctl_bus_close_session(luctl->bus, sessions.items[i].path, &luctl->error);
		if (r < 0)
			return luctl_fail(luctl, "Cannot close session %s", strempty(name));
		luctl_remark(luctl, "Session %s is closed.", strempty(name));
	}
	if (!luctl->options.json)
		return LUCTL_OK;
	return luctl_print_json(luctl, luctl_json_single("closed", luctl_json_sessions(&sessions)),
				false);
}

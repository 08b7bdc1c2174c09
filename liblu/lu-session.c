/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-session - the handle of a session: made by creating or claiming it, kept up to date by luod's
 * signals, and its answers to luod. What it carries across the update is lu-resource.c's.
 *
 * Signals are subscribed to before the call that makes luod send them, so none is missed: the
 * object's path follows from uid and name. On a message bus anybody may send anybody a signal;
 * only those of luod's own connection count.
 */
#include <stdio.h>

#include "lu-private.h"

static const char *const policy_words[] = {
	[LU_POLICY_REQUIRED] = "required",
	[LU_POLICY_BEST_EFFORT] = "best-effort",
};

static const char *const mode_words[] = {
	[LU_MODE_CUSTODY] = "custody",
	[LU_MODE_DELEGATION] = "delegation",
};

static const char *const claim_policy_words[] = {
	[LU_CLAIM_POLICY_UNIT] = "unit",
	[LU_CLAIM_POLICY_UID] = "uid",
};

static const char *const unclaimed_policy_words[] = {
	[LU_UNCLAIMED_HOLD] = "hold",
	[LU_UNCLAIMED_FINISH] = "finish",
};

/* Appends one of @words under @key; value 0 is the default, which is not sent. */
#define APPEND_WORD(m, key, words, value) append_word(m, key, words, LU_ARRAY_SIZE(words), value)

static int append_word(sd_bus_message *m, const char *key, const char *const words[], size_t n,
		       unsigned int value)
{
	if (value == 0)
		return 0;
	if (value >= n)
		return -EINVAL;
	return lu_append_option(m, key, "s", words[value]);
}

static int append_session_options(sd_bus_message *m, const struct lu_session_options *o)
{
	int r;

	r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = APPEND_WORD(m, "mode", mode_words, o->mode);
	if (r >= 0)
		r = APPEND_WORD(m, "policy", policy_words, o->policy);
	if (r >= 0)
		r = APPEND_WORD(m, "claim-policy", claim_policy_words, o->claim_policy);
	if (r >= 0)
		r = APPEND_WORD(m, "unclaimed-policy", unclaimed_policy_words, o->unclaimed_policy);
	if (r >= 0 && o->claim_timeout_usec)
		r = lu_append_option(m, "claim-timeout", "t", o->claim_timeout_usec);
	if (r >= 0 && o->ready_timeout_usec)
		r = lu_append_option(m, "ready-timeout", "t", o->ready_timeout_usec);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int on_session_signal(sd_bus_message *m, void *userdata,
			     sd_bus_error *error __attribute__((unused)))
{
	struct lu_session *s = userdata;
	const char *update_id, *reason;
	uint64_t timeout_usec;

	if (!lu_link_trusts(s->lu, m))
		return 0;
	if (sd_bus_message_is_signal(m, LU_SESSION_INTERFACE, "PrepareForUpdate")) {
		if (sd_bus_message_read(m, "st", &update_id, &timeout_usec) < 0)
			return 0;
		lu_event_push(s->lu, LU_EVENT_PREPARE, s, update_id, NULL, timeout_usec);
		free(s->announced);
		s->announced = strdup(update_id);
	} else if (sd_bus_message_is_signal(m, LU_SESSION_INTERFACE, "Preserved")) {
		if (sd_bus_message_read(m, "s", &update_id) < 0)
			return 0;
		lu_event_push(s->lu, LU_EVENT_PRESERVED, s, update_id, NULL, 0);
	} else if (sd_bus_message_is_signal(m, LU_SESSION_INTERFACE, "Cancelled")) {
		if (sd_bus_message_read(m, "ss", &update_id, &reason) < 0)
			return 0;
		lu_session_cancelled(s, update_id, reason);
	}
	return 0;
}

static int on_properties_changed(sd_bus_message *m, void *userdata,
				 sd_bus_error *error __attribute__((unused)))
{
	struct lu_session *s = userdata;
	const char *interface;

	if (!lu_link_trusts(s->lu, m) || sd_bus_message_read(m, "s", &interface) < 0)
		return 0;
	if (strcmp(interface, LU_SESSION_INTERFACE) == 0)
		(void)lu_session_read_properties(s, m, true);
	return 0;
}

int lu_session_subscribe(struct lu_session *s)
{
	const char *sender = s->lu->on_bus ? LU_BUS_NAME : NULL;
	int r;

	lu_session_unsubscribe(s);
	r = sd_bus_match_signal_async(s->lu->bus, &s->signal_slot, sender, s->path,
				      LU_SESSION_INTERFACE, NULL, on_session_signal, NULL, s);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(s->lu->bus, &s->properties_slot, sender, s->path,
				      LU_PROPERTIES_INTERFACE, "PropertiesChanged",
				      on_properties_changed, NULL, s);
	return r < 0 ? r : 0;
}

void lu_session_unsubscribe(struct lu_session *s)
{
	s->signal_slot = sd_bus_slot_unref(s->signal_slot);
	s->properties_slot = sd_bus_slot_unref(s->properties_slot);
	s->reclaim_slot = sd_bus_slot_unref(s->reclaim_slot);
}

static int session_new(struct lu *lu, const char *name, struct lu_session **ret)
{
	char label[LU_SESSION_NAME_MAX + sizeof("4294967295/")];
	struct lu_session *s;

	if (strlen(name) > LU_SESSION_NAME_MAX)
		return -EINVAL;
	snprintf(label, sizeof(label), "%u/%s", geteuid(), name);
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->n_ref = 1;
	s->mode = LU_MODE_CUSTODY;
	s->kernel_fd = -EBADF;
	s->lu = lu_ref(lu);
	TAILQ_INSERT_TAIL(&lu->sessions, s, entry);
	s->name = strdup(name);
	if (s->name && sd_bus_path_encode(LU_SESSION_PATH, label, &s->path) >= 0) {
		*ret = s;
		return 0;
	}
	lu_session_unref(s);
	return -ENOMEM;
}

/* The path that luod answered; in a user namespace it is not the one that was guessed. */
int lu_session_take_path(struct lu_session *s, sd_bus_message *reply)
{
	const char *path;
	char *copy;

	if (sd_bus_message_read(reply, "o", &path) < 0)
		return lu_fail(s->lu, -EPROTO, "luod's answer has no session in it");
	if (strcmp(path, s->path) == 0)
		return 0;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	free(s->path);
	s->path = copy;
	return lu_session_subscribe(s);
}

int lu_session_fetch(struct lu_session *s, bool announce)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	int r;

	r = lu_call_new(s->lu, s->path, LU_PROPERTIES_INTERFACE, "GetAll", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", LU_SESSION_INTERFACE);
	if (r >= 0)
		r = lu_call(s->lu, m, &reply);
	if (r < 0)
		return r;
	r = lu_session_read_properties(s, reply, announce);
	return r < 0 ? lu_fail(s->lu, r, "luod's answer to GetAll cannot be read") : 0;
}

/* Sends @m, which creates or claims @s; @s is given to the caller or, on failure, dropped. */
static int session_open(struct lu_session *s, sd_bus_message *m, struct lu_session **ret)
{
	lu_cleanup(lu_messagep) sd_bus_message *reply = NULL;
	int r;

	r = lu_session_subscribe(s);
	if (r >= 0)
		r = lu_call(s->lu, m, &reply);
	if (r >= 0)
		r = lu_session_take_path(s, reply);
	if (r >= 0)
		r = lu_session_fetch(s, false);
	if (r < 0) {
		lu_session_unref(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int not_connected(struct lu *lu, const char *member)
{
	return lu_fail(lu, -ENOTCONN, "%s: luod cannot be reached now", member);
}

int lu_session_create(struct lu *lu, const char *name, const struct lu_session_options *options,
		      struct lu_session **ret)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	struct lu_session_options o = { .size = sizeof(o) };
	struct lu_session *s;
	int r;

	if (options) {
		r = lu_struct_in(options, options->size, sizeof(o), &o, sizeof(o));
		if (r < 0)
			return lu_fail(lu, r,
				       "struct lu_session_options is of a size or version "
				       "that this library does not know");
	}
	if (lu->link != LU_LINK_UP)
		return not_connected(lu, "CreateSession");
	r = lu_call_new(lu, LU_ROOT_PATH, LU_MANAGER_INTERFACE, "CreateSession", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = append_session_options(m, &o);
	if (r >= 0)
		r = session_new(lu, name, &s);
	if (r < 0)
		return lu_fail(lu, r, "CreateSession: %s",
			       r == -EINVAL ? "bad name or option" : lu_errno_text(r));
	return session_open(s, m, ret);
}

int lu_session_claim(struct lu *lu, const char *name, struct lu_session **ret)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	struct lu_session *s;
	int r;

	if (lu->link != LU_LINK_UP)
		return not_connected(lu, "ClaimSession");
	r = lu_call_new(lu, LU_ROOT_PATH, LU_MANAGER_INTERFACE, "ClaimSession", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "sa{sv}", name, 0);
	if (r >= 0)
		r = session_new(lu, name, &s);
	if (r < 0)
		return lu_fail(lu, r, "ClaimSession: %s",
			       r == -EINVAL ? "bad name" : lu_errno_text(r));
	return session_open(s, m, ret);
}

struct lu_session *lu_session_ref(struct lu_session *session)
{
	session->n_ref++;
	return session;
}

struct lu_session *lu_session_unref(struct lu_session *session)
{
	struct lu *lu;

	if (!session || --session->n_ref > 0)
		return NULL;
	lu = session->lu;
	TAILQ_REMOVE(&lu->sessions, session, entry);
	lu_event_forget_session(lu, session);
	lu_session_unsubscribe(session);
	lu_session_drop_resources(session);
	lu_close_fd(session->kernel_fd);
	free(session->name);
	free(session->path);
	free(session->reason);
	free(session->update_id);
	free(session->announced);
	free(session);
	/* It may have been the last one that a reconnect waited for. */
	lu_link_watch(lu);
	lu_unref(lu);
	return NULL;
}

struct lu *lu_session_get_lu(struct lu_session *session)
{
	return session->lu;
}

const char *lu_session_name(struct lu_session *session)
{
	return session->name;
}

enum lu_state lu_session_state(struct lu_session *session)
{
	return session->state;
}

enum lu_mode lu_session_mode(struct lu_session *session)
{
	return session->mode;
}

const char *lu_session_reason(struct lu_session *session)
{
	return lu_strempty(session->reason);
}

const char *lu_session_update_id(struct lu_session *session)
{
	return lu_strempty(session->update_id);
}

int lu_session_set_links(struct lu_session *session, const char *const *links, size_t n)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	int r;

	r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, "SetLinks", &m);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append_basic(m, 's', links[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r < 0)
		return lu_fail(session->lu, r, "SetLinks: cannot make the call: %s",
			       lu_errno_text(r));
	return lu_call(session->lu, m, &reply);
}

int lu_session_ready(struct lu_session *session)
{
	return lu_session_call(session, "Ready", NULL);
}

int lu_session_veto(struct lu_session *session, const char *reason)
{
	return lu_session_call(session, "Veto", "s", lu_strempty(reason));
}

int lu_session_resumed(struct lu_session *session)
{
	return lu_session_call(session, "Resumed", NULL);
}

int lu_session_done(struct lu_session *session)
{
	session->kernel_fd = lu_close_fd(session->kernel_fd);
	return lu_session_call(session, "Done", NULL);
}

int lu_session_close(struct lu_session *session)
{
	int r;

	r = lu_session_call(session, "Close", NULL);
	if (r < 0)
		return r;
	session->forgotten = true;
	lu_session_unsubscribe(session);
	lu_session_drop_resources(session);
	session->kernel_fd = lu_close_fd(session->kernel_fd);
	return 0;
}

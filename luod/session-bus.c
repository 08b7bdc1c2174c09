/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session-bus - org.luod1.Session; documented in org.luod1(5). */
#include <sys/stat.h>

#include "limits.h"
#include "log.h"
#include "manager-bus.h"
#include "memfd.h"
#include "restore.h"

#define REASON_MAX 512

static int wrong_state(const struct session *s, const char *what, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("WrongState"), "%s: session '%s' is %s%s%s.",
				 what, s->name, session_state_to_string(s->state),
				 isempty(s->reason) ? "" : ", ", strempty(s->reason));
}

static int require_mode(const struct session *s, enum session_mode mode, sd_bus_error *error)
{
	if (s->mode == mode)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("WrongState"),
				 "Session '%s' was created with mode '%s'; this is for '%s'.",
				 s->name, session_mode_to_string(s->mode),
				 session_mode_to_string(mode));
}

/* What belongs to a session is fixed while an update has it. */
static int require_idle(const struct session *s, sd_bus_error *error)
{
	if (s->state == SESSION_IDLE && s->manager->update.phase != PHASE_PREPARING &&
	    s->manager->update.phase != PHASE_FROZEN)
		return 0;
	return sd_bus_error_setf(
		error, LUOD_ERROR("Busy"),
		"Session '%s' is part of an update (%s); try again when it is over.", s->name,
		session_state_to_string(s->state));
}

static bool claimed(const struct session *s)
{
	return s->state == SESSION_CLAIMED || s->state == SESSION_RESUMED;
}

static bool came_through_jump(const struct session *s)
{
	return s->state == SESSION_UNCLAIMED || claimed(s);
}

static void resources_changed(struct session *s)
{
	session_emit(s->manager, s, "Resources", "PreservedBytes");
	manager_save(s->manager);
}

/* --- resources -------------------------------------------------------------------------------- */

static int require_label(struct session *s, const char *label, sd_bus_error *error)
{
	if (session_label_valid(label))
		return 0;
	return sd_bus_error_setf(
		error, LUOD_ERROR("InvalidArgument"),
		"A label has 1 to %d printable ASCII characters without '#' and ':' "
		"(session '%s').",
		SESSION_LABEL_MAX, s->name);
}

static unsigned int count_resources(const struct manager *m)
{
	const struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		n += s->n_resources;
	return n;
}

static int require_room(struct session *s, sd_bus_error *error)
{
	if (s->n_resources >= s->manager->conf.max_resources_per_session)
		return sd_bus_error_setf(
			error, LUOD_ERROR("QuotaExceeded"),
			"Session '%s' has %u resources already (MaxResourcesPerSession= in "
			"lu.conf).",
			s->name, s->n_resources);
	if (count_resources(s->manager) >= LIMIT_RESOURCES)
		return sd_bus_error_setf(
			error, LUOD_ERROR("QuotaExceeded"),
			"All sessions together have %d resources already, and luod hands over no "
			"more.",
			LIMIT_RESOURCES);
	return 0;
}

static int require_store(struct session *s, sd_bus_error *error)
{
	if (custody_has_room(s->manager))
		return 0;
	return sd_bus_error_set(error, LUOD_ERROR("QuotaExceeded"),
				"luod holds as many files as its fd store takes "
				"(FileDescriptorStoreMax= of luod.service).");
}

static int resource_exists(struct session *s, const char *label, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("ResourceExists"),
				 "Session '%s' has the label '%s' or its token already.", s->name,
				 label);
}

/* The kernel preserves a file once; the second owner would only find out during the update. */
static const char *held_by(struct manager *m, int fd)
{
	struct resource *resource;
	struct stat a, b;
	struct session *s;

	if (fstat(fd, &a) < 0)
		return NULL;
	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->fd >= 0 && fstat(resource->fd, &b) == 0 &&
			    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
				return s->name;
	return NULL;
}

static int require_preservable(struct session *s, int fd, struct memfd_info *ret,
			       sd_bus_error *error)
{
	const char *holder, *why = NULL;
	int r = memfd_inspect(fd, ret);

	if (r < 0)
		return r;
	holder = held_by(s->manager, fd);
	if (ret->kind == MEMFD_OTHER)
		why = "it is not a memfd; use memfd_create(2)";
	else if (ret->kind == MEMFD_HUGETLB)
		why = "it is made of huge pages (MFD_HUGETLB), which the kernel does not preserve";
	else if (ret->bytes == 0)
		why = "it is empty; set its size first";
	else if (holder)
		why = "it is attached already";
	if (!why)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("NotPreservable"),
				 "This file cannot be preserved: %s%s%s.", why,
				 holder ? ", to session " : "", strempty(holder));
}

static int method_attach_memory(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_close_ int copy = -EBADF;
	struct session *s = userdata;
	struct resource *resource;
	struct memfd_info info;
	const char *label;
	int fd, r;

	if ((r = sd_bus_message_read(m, "sh", &label, &fd)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = require_mode(s, SESSION_CUSTODY, error)) < 0 || (r = require_idle(s, error)) < 0 ||
	    (r = require_label(s, label, error)) < 0 || (r = require_room(s, error)) < 0 ||
	    (r = require_store(s, error)) < 0 || (r = require_preservable(s, fd, &info, error)) < 0)
		return r;
	copy = fd_dup(fd);
	if (copy < 0)
		return copy;
	r = session_add_resource(s, label, RESOURCE_MEMORY, s->next_token, info.bytes, copy,
				 &resource);
	if (r == -EEXIST)
		return resource_exists(s, label, error);
	if (r < 0)
		return r;
	TAKE_FD(copy);
	custody_number(s, resource);
	resources_changed(s);
	custody_store(s, resource);
	return sd_bus_reply_method_return(m, "t", resource->token);
}

static int find_resource(struct session *s, const char *label, struct resource **ret,
			 sd_bus_error *error)
{
	*ret = session_find_resource(s, label);
	if (*ret)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("NoSuchResource"),
				 "Session '%s' has no resource '%.*s'.", s->name, FIT(label, 64));
}

static int method_detach(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	int r;

	if ((r = sd_bus_message_read(m, "s", &label)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = find_resource(s, label, &resource, error)) < 0 || (r = require_idle(s, error)) < 0)
		return r;
	custody_forget(s, resource);
	session_remove_resource(s, resource);
	resources_changed(s);
	return sd_bus_reply_method_return(m, NULL);
}

static int method_get_resource(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	int r;

	if ((r = sd_bus_message_read(m, "s", &label)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = require_mode(s, SESSION_CUSTODY, error)) < 0 ||
	    (r = find_resource(s, label, &resource, error)) < 0)
		return r;
	if (s->state == SESSION_UNCLAIMED || s->state == SESSION_LOST)
		return wrong_state(s, "Call ClaimSession first", error);
	r = custody_fd(s, resource);
	if (r < 0)
		return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
					 "The kernel does not give '%s' back: %s.", label,
					 strerror(-r));
	return sd_bus_reply_method_return(m, "hstt", resource->fd,
					  resource_kind_to_string(resource->kind), resource->token,
					  resource->bytes);
}

static int method_get_session_fd(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	int r;

	if ((r = session_require_owner(s, m, error)) < 0 ||
	    (r = require_mode(s, SESSION_DELEGATION, error)) < 0)
		return r;
	if (s->kernel_fd < 0 || s->state == SESSION_UNCLAIMED)
		return wrong_state(s, "There is no kernel session to give out", error);
	return sd_bus_reply_method_return(m, "h", s->kernel_fd);
}

/* Said again for a label it replaces what was said before: an owner that starts over repeats. */
static int declare(struct session *s, const char *label, enum resource_kind kind, uint64_t token,
		   uint64_t bytes, sd_bus_error *error)
{
	struct resource *old = session_find_resource(s, label);
	int r;

	if (old) {
		r = session_redeclare_resource(s, old, kind, token, bytes);
	} else {
		r = require_room(s, error);
		if (r < 0)
			return r;
		r = session_add_resource(s, label, kind, token, bytes, -EBADF, NULL);
	}
	return r == -EEXIST ? resource_exists(s, label, error) : r;
}

static int method_declare_resource(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *label, *kind_word;
	struct session *s = userdata;
	uint64_t token, bytes;
	int kind, r;

	if ((r = sd_bus_message_read(m, "sstt", &label, &kind_word, &token, &bytes)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = require_mode(s, SESSION_DELEGATION, error)) < 0 ||
	    (r = require_label(s, label, error)) < 0)
		return r;
	kind = resource_kind_from_string(kind_word);
	if (kind < 0 || token > INT64_MAX || bytes > INT64_MAX)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
					 "Resource '%s': the kind is not known or a number is too "
					 "large.",
					 label);
	if (s->state != SESSION_PREPARING)
		return wrong_state(s, "Resources are declared while an update is prepared", error);
	r = declare(s, label, (enum resource_kind)kind, token, bytes, error);
	if (r < 0)
		return r;
	resources_changed(s);
	return sd_bus_reply_method_return(m, NULL);
}

/* --- the update ------------------------------------------------------------------------------- */

static int method_ready(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct manager *manager = s->manager;
	int r = session_require_owner(s, m, error);

	if (r < 0)
		return r;
	if (s->state != SESSION_PREPARING || !manager->update.announced)
		return wrong_state(s, "Nobody asked for an answer", error);
	timeline_mark_once(&manager->update.timeline, MARK_FIRST_READY);
	manager_set_session_state(manager, s, SESSION_READY, NULL);
	update_continue(manager);
	return sd_bus_reply_method_return(m, NULL);
}

static int method_veto(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_free_ char *text = NULL;
	struct session *s = userdata;
	struct manager *manager = s->manager;
	const char *reason;
	int r;

	if ((r = sd_bus_message_read(m, "s", &reason)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0)
		return r;
	if (s->state != SESSION_PREPARING && s->state != SESSION_READY)
		return wrong_state(s, "There is no update to veto", error);
	if (manager->update.phase != PHASE_PREPARING)
		return wrong_state(s, "It is too late, the jump has begun", error);
	text = isempty(reason) ? strdup("no reason given")
			       : strprintf("%.*s", FIT(reason, REASON_MAX));
	if (!text)
		return -ENOMEM;
	manager_set_session_state(manager, s, SESSION_VETOED, text);
	update_continue(manager);
	return sd_bus_reply_method_return(m, NULL);
}

static int method_resumed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct manager *manager = s->manager;
	int r = session_require_owner(s, m, error);

	if (r < 0)
		return r;
	if (s->state != SESSION_CLAIMED)
		return wrong_state(s, "There is nothing to resume from", error);
	timeline_mark_once(&manager->update.timeline, MARK_FIRST_RESUMED);
	timeline_mark(&manager->update.timeline, MARK_LAST_RESUMED);
	manager_set_session_state(manager, s, SESSION_RESUMED, NULL);
	return sd_bus_reply_method_return(m, NULL);
}

static int kernel_keeps(const struct session *s, int why, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
				 "The kernel does not finish session '%s': %s. Nothing is lost; "
				 "call Done again, or Close to give up what is in it.",
				 s->name, strerror(-why));
}

static int method_done(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	int r = session_require_owner(s, m, error);

	if (r < 0)
		return r;
	if (!claimed(s))
		return wrong_state(s, "There is nothing to finish", error);
	r = restore_finish_session(s->manager, s);
	if (r < 0)
		return kernel_keeps(s, r, error);
	return sd_bus_reply_method_return(m, NULL);
}

/* root may clear away what an owner left that will not come back: it gives nobody anything. */
static int require_owner_or_root(struct session *s, sd_bus_message *m, sd_bus_error *error)
{
	const struct identity *caller;
	int r = bus_set_identify(&s->manager->buses, m, &caller, error);

	if (r < 0 || caller->uid == 0)
		return r;
	return session_require_owner(s, m, error);
}

static int method_close(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct manager *manager = s->manager;
	int r = require_owner_or_root(s, m, error);

	if (r < 0)
		return r;
	if (came_through_jump(s)) {
		r = restore_give_up(manager, s);
		if (r < 0)
			return kernel_keeps(s, r, error);
		return sd_bus_reply_method_return(m, NULL);
	}
	if (session_in_update(s))
		return require_idle(s, error);
	manager_remove_session(manager, s);
	return sd_bus_reply_method_return(m, NULL);
}

/* --- properties ------------------------------------------------------------------------------- */

#define WORD_GETTER(field)                                         \
	PROPERTY_GETTER(get_##field)                               \
	{                                                          \
		const struct session *s = userdata;                \
                                                                   \
		return sd_bus_message_append(reply, "s", WORD(s)); \
	}

#define WORD(s) session_mode_to_string((s)->mode)
WORD_GETTER(mode)
#undef WORD
#define WORD(s) session_policy_to_string((s)->policy)
WORD_GETTER(policy)
#undef WORD
#define WORD(s) claim_policy_to_string((s)->claim_policy)
WORD_GETTER(claim_policy)
#undef WORD
#define WORD(s) unclaimed_policy_to_string((s)->unclaimed_policy)
WORD_GETTER(unclaimed_policy)
#undef WORD
#define WORD(s) session_state_to_string((s)->state)
WORD_GETTER(state)
#undef WORD
#define WORD(s) delivery_to_string((s)->delivery)
WORD_GETTER(delivery)
#undef WORD
#define WORD(s) (session_in_update(s) ? (s)->manager->update.info.id : "")
WORD_GETTER(update_id)
#undef WORD

PROPERTY_GETTER(get_kernel_name)
{
	return sd_bus_message_append(reply, "s", ((struct session *)userdata)->kernel_name);
}

PROPERTY_GETTER(get_resources)
{
	const struct session *s = userdata;
	const struct resource *resource;
	int r = sd_bus_message_open_container(reply, 'a', "(sstt)");

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (r >= 0)
			r = sd_bus_message_append(reply, "(sstt)", resource->label,
						  resource_kind_to_string(resource->kind),
						  resource->token, resource->bytes);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(get_owner_connected)
{
	return sd_bus_message_append(reply, "b", session_owner_connected(userdata));
}

PROPERTY_GETTER(get_preserved_bytes)
{
	return sd_bus_message_append(reply, "t", session_preserved_bytes(userdata));
}

#define CONST	SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define ANYBODY SD_BUS_VTABLE_UNPRIVILEGED /* the handlers ask who it is */

static const sd_bus_vtable session_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", NULL, offsetof(struct session, name), CONST),
	SD_BUS_PROPERTY("Uid", "u", NULL, offsetof(struct session, uid), CONST),
	SD_BUS_PROPERTY("Unit", "s", NULL, offsetof(struct session, unit), CHANGES),
	SD_BUS_PROPERTY("OwnerConnected", "b", get_owner_connected, 0, CHANGES),
	SD_BUS_PROPERTY("KernelName", "s", get_kernel_name, 0, CONST),
	SD_BUS_PROPERTY("Mode", "s", get_mode, 0, CONST),
	SD_BUS_PROPERTY("Policy", "s", get_policy, 0, CONST),
	SD_BUS_PROPERTY("ClaimPolicy", "s", get_claim_policy, 0, CONST),
	SD_BUS_PROPERTY("UnclaimedPolicy", "s", get_unclaimed_policy, 0, CONST),
	SD_BUS_PROPERTY("ClaimTimeout", "t", NULL, offsetof(struct session, claim_timeout_usec),
			CONST),
	SD_BUS_PROPERTY("ReadyTimeout", "t", NULL, offsetof(struct session, ready_timeout_usec),
			CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("Reason", "s", NULL, offsetof(struct session, reason), CHANGES),
	SD_BUS_PROPERTY("Resources", "a(sstt)", get_resources, 0, CHANGES),
	SD_BUS_PROPERTY("PreservedBytes", "t", get_preserved_bytes, 0, CHANGES),
	SD_BUS_PROPERTY("DeliveredBy", "s", get_delivery, 0, CHANGES),
	SD_BUS_PROPERTY("UpdateId", "s", get_update_id, 0, CHANGES),
	SD_BUS_METHOD_WITH_ARGS("AttachMemory",
				SD_BUS_ARGS("s", label, "h", memfd, "a{sv}", options),
				SD_BUS_RESULT("t", token), method_attach_memory, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Detach", SD_BUS_ARGS("s", label), SD_BUS_NO_RESULT, method_detach,
				ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetResource", SD_BUS_ARGS("s", label),
				SD_BUS_RESULT("h", fd, "s", kind, "t", token, "t", bytes),
				method_get_resource, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetSessionFD", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", fd),
				method_get_session_fd, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("DeclareResource",
				SD_BUS_ARGS("s", label, "s", kind, "t", token, "t", bytes),
				SD_BUS_NO_RESULT, method_declare_resource, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Ready", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_ready, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Veto", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method_veto,
				ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Resumed", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_resumed,
				ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Done", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_done, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Close", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_close, ANYBODY),
	SD_BUS_SIGNAL_WITH_ARGS("PrepareForUpdate", SD_BUS_ARGS("s", update_id, "t", timeout_usec),
				0),
	SD_BUS_SIGNAL_WITH_ARGS("Cancelled", SD_BUS_ARGS("s", update_id, "s", reason), 0),
	SD_BUS_VTABLE_END,
};

static int find(sd_bus *bus _unused_, const char *path, const char *interface _unused_,
		void *userdata, void **ret, sd_bus_error *error _unused_)
{
	*ret = manager_find_session_by_path(userdata, path);
	return *ret != NULL;
}

int session_paths(struct manager *m, char ***ret)
{
	_cleanup_(strv_freep) char **paths = calloc(m->n_sessions + 1, sizeof(char *));
	struct session *s;
	size_t n = 0;

	if (!paths)
		return -ENOMEM;
	TAILQ_FOREACH(s, &m->sessions, entry) {
		paths[n] = strdup(s->path);
		if (!paths[n++])
			return -ENOMEM;
	}
	*ret = TAKE_PTR(paths);
	return 1;
}

static int enumerate(sd_bus *bus _unused_, const char *prefix _unused_, void *userdata, char ***ret,
		     sd_bus_error *error _unused_)
{
	return session_paths(userdata, ret);
}

int session_attach(sd_bus *bus, struct manager *m)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, LUOD_ROOT "/session", LUOD_SESSION_INTERFACE,
					   session_vtable, find, m);

	return r < 0 ? r
		     : sd_bus_add_node_enumerator(bus, NULL, LUOD_ROOT "/session", enumerate, m);
}

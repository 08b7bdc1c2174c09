/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session-bus - org.luod1.Session; documented in org.luod1(5). */
#include "session-bus.h"

#include "finish.h"
#include "tap.h"

#define REASON_MAX     512
#define LISTED_DEVICES 8

int session_wrong_state(const struct session *s, const char *what, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("WrongState"), "%s: session '%s' is %s%s%s.",
				 what, s->name, session_state_to_string(s->state),
				 isempty(s->reason) ? "" : ", ", strempty(s->reason));
}

int session_require_mode(const struct session *s, enum session_mode mode, sd_bus_error *error)
{
	if (s->mode == mode)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("WrongState"),
				 "Session '%s' was created with mode '%s'; this is for '%s'.",
				 s->name, session_mode_to_string(s->mode),
				 session_mode_to_string(mode));
}

/* What belongs to a session is fixed while an update has it. */
int session_require_idle(const struct session *s, sd_bus_error *error)
{
	if (s->state == SESSION_IDLE && s->manager->update.phase != PHASE_PREPARING &&
	    s->manager->update.phase != PHASE_FROZEN)
		return 0;
	return sd_bus_error_setf(
		error, LUOD_ERROR("Busy"),
		"Session '%s' is part of an update (%s); try again when it is over.", s->name,
		session_state_to_string(s->state));
}

static bool came_through_jump(const struct session *s)
{
	return s->state == SESSION_UNCLAIMED || session_claimed(s);
}

void session_resources_changed(struct session *s)
{
	session_emit(s->manager, s, "Resources", "Devices", "Taps", "PreservedBytes");
	cover_devices(s->manager);
	manager_save(s->manager);
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
		return session_wrong_state(s, "Nobody asked for an answer", error);
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
		return session_wrong_state(s, "There is no update to veto", error);
	if (manager->update.phase != PHASE_PREPARING)
		return session_wrong_state(s, "It is too late, the jump has begun", error);
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
		return session_wrong_state(s, "There is nothing to resume from", error);
	timeline_mark_once(&manager->update.timeline, MARK_FIRST_RESUMED);
	timeline_mark(&manager->update.timeline, MARK_LAST_RESUMED);
	manager_set_session_state(manager, s, SESSION_RESUMED, s->reason);
	return sd_bus_reply_method_return(m, NULL);
}

/* The devices of the session, for a sentence; NULL: it has none. */
static char *list_devices(const struct session *s)
{
	const struct resource *resource;
	unsigned int n = 0;
	char *list = NULL;

	TAILQ_FOREACH(resource, &s->resources, entry) {
		char *longer;

		if (resource->kind != RESOURCE_DEVICE || resource->lost || n++ >= LISTED_DEVICES)
			continue;
		longer = strprintf("%s%s'%s'%s%s", strempty(list), list ? ", " : "",
				   resource->label, resource->device ? " at " : "",
				   strempty(resource->device));
		free(list);
		list = longer;
	}
	return list;
}

static int kernel_keeps(const struct session *s, int why, sd_bus_error *error)
{
	_cleanup_free_ char *devices = why == -EBUSY ? list_devices(s) : NULL;

	if (devices)
		return sd_bus_error_setf(
			error, LUOD_ERROR("Kernel"),
			"The kernel does not finish session '%s': a device of it (%s) still does DMA "
			"on page tables of the previous kernel. Attach each to new ones, yourself or "
			"by Reattach, and call Done again; Close stops them instead.",
			s->name, devices);
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
	if (!session_claimed(s))
		return session_wrong_state(s, "There is nothing to finish", error);
	r = finish_session(s->manager, s);
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
	_cleanup_free_ char *why = NULL;
	int r = require_owner_or_root(s, m, error);

	if (r < 0)
		return r;
	if (came_through_jump(s)) {
		r = finish_give_up(manager, s, &why);
		if (r < 0 && why)
			return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
						 "Session '%s' cannot be given up: %s.", s->name,
						 why);
		if (r < 0)
			return kernel_keeps(s, r, error);
		return sd_bus_reply_method_return(m, NULL);
	}
	if (session_in_update(s))
		return session_require_idle(s, error);
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

static const char *device_of(const struct resource *resource)
{
	return resource->device;
}

static const char *link_of(const struct resource *resource)
{
	return resource->tap ? resource->tap->link : NULL;
}

/* Of each resource that is something of the host's: its label, and what that is. */
static int append_named(sd_bus_message *reply, const struct session *s,
			const char *(*name_of)(const struct resource *resource))
{
	const struct resource *resource;
	int r = sd_bus_message_open_container(reply, 'a', "(ss)");

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (r >= 0 && name_of(resource))
			r = sd_bus_message_append(reply, "(ss)", resource->label,
						  name_of(resource));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(get_devices)
{
	return append_named(reply, userdata, device_of);
}

PROPERTY_GETTER(get_taps)
{
	return append_named(reply, userdata, link_of);
}

PROPERTY_GETTER(get_links)
{
	return sd_bus_message_append_strv(reply, ((struct session *)userdata)->links);
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
	SD_BUS_PROPERTY("Devices", "a(ss)", get_devices, 0, CHANGES),
	SD_BUS_PROPERTY("Links", "as", get_links, 0, CHANGES),
	SD_BUS_PROPERTY("Taps", "a(ss)", get_taps, 0, CHANGES),
	SD_BUS_PROPERTY("PreservedBytes", "t", get_preserved_bytes, 0, CHANGES),
	SD_BUS_PROPERTY("DeliveredBy", "s", get_delivery, 0, CHANGES),
	SD_BUS_PROPERTY("UpdateId", "s", get_update_id, 0, CHANGES),
	SD_BUS_METHOD_WITH_ARGS("AttachMemory",
				SD_BUS_ARGS("s", label, "h", memfd, "a{sv}", options),
				SD_BUS_RESULT("t", token), method_attach_memory, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("AttachIommufd",
				SD_BUS_ARGS("s", label, "h", iommufd, "a(ut)", hwpts, "a(uttt)",
					    buffers, "a{sv}", options),
				SD_BUS_RESULT("t", token), method_attach_iommufd, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("AttachDevice",
				SD_BUS_ARGS("s", label, "h", device, "s", iommufd_label, "a{sv}",
					    options),
				SD_BUS_RESULT("t", token), method_attach_device, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("AttachDmaMemory",
				SD_BUS_ARGS("s", label, "h", fd, "a{sv}", options),
				SD_BUS_RESULT("t", token), method_attach_dma_memory, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("AttachTap", SD_BUS_ARGS("s", label, "h", tap, "a{sv}", options),
				SD_BUS_RESULT("t", token), method_attach_tap, ANYBODY),
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
	SD_BUS_METHOD_WITH_ARGS("DeclareDevice",
				SD_BUS_ARGS("s", label, "h", device, "t", token, "t", bytes),
				SD_BUS_NO_RESULT, method_declare_device, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("GetAreas", SD_BUS_ARGS("s", label),
				SD_BUS_RESULT("a(tttttu)", areas), method_get_areas, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Reattach", SD_BUS_ARGS("s", label, "a{sv}", options),
				SD_BUS_RESULT("u", device_id, "u", ioas_id, "u", hwpt_id),
				method_reattach, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("SetLinks", SD_BUS_ARGS("as", links), SD_BUS_NO_RESULT,
				method_set_links, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Ready", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_ready, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Veto", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method_veto,
				ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Resumed", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_resumed,
				ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Done", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_done, ANYBODY),
	SD_BUS_METHOD_WITH_ARGS("Close", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_close, ANYBODY),
	SD_BUS_SIGNAL_WITH_ARGS("PrepareForUpdate", SD_BUS_ARGS("s", update_id, "t", timeout_usec),
				0),
	SD_BUS_SIGNAL_WITH_ARGS("Preserved", SD_BUS_ARGS("s", update_id), 0),
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

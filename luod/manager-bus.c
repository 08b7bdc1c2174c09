/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manager-bus - org.luod1.Manager; documented in org.luod1(5). */
#include "manager-bus.h"

#include <systemd/sd-daemon.h>

#include "barrier.h"
#include "claim.h"
#include "fault.h"
#include "finish.h"
#include "log.h"
#include "polkit-bus.h"

#define REASON_MAX 512

/* A check walks through all processes of the host: strangers cannot have more of them than this. */
#define CHECK_FRESH_USEC USEC_PER_SEC

int append_findings(sd_bus_message *reply, const struct findings *findings)
{
	int r = sd_bus_message_open_container(reply, 'a', "(ssss)");

	for (size_t i = 0; r >= 0 && i < findings->n; i++) {
		const struct finding *f = &findings->items[i];

		r = sd_bus_message_append(reply, "(ssss)", severity_to_string(f->severity), f->code,
					  strempty(f->object), strempty(f->message));
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* --- properties ------------------------------------------------------------------------------- */

PROPERTY_GETTER(get_version)
{
	return sd_bus_message_append(reply, "s", LUOD_VERSION);
}

PROPERTY_GETTER(get_state)
{
	return sd_bus_message_append(reply, "s", manager_state(userdata));
}

PROPERTY_GETTER(get_update_id)
{
	const struct manager *m = userdata;

	return sd_bus_message_append(reply, "s", update_active(m) ? m->update.info.id : "");
}

PROPERTY_GETTER(get_target)
{
	const struct target *t = &((struct manager *)userdata)->target;

	if (!t->loaded)
		return sd_bus_message_append(reply, "a{sv}", 0);
	return sd_bus_message_append(reply, "a{sv}", 6, "release", "s", t->image.release,
				     "command-line", "s", strempty(t->command_line), "kernel", "s",
				     strempty(t->kernel_path), "initrd", "s",
				     strempty(t->initrd_path), "size", "t", t->image.size,
				     "liveupdate", "b", t->image.liveupdate.answer == ANSWER_YES);
}

PROPERTY_GETTER(get_features)
{
	const struct manager *m = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "{sb}");

	for (enum feature f = 0; r >= 0 && f < FEATURE_MAX; f++)
		if (m->features.of[f].answer != ANSWER_UNKNOWN)
			r = sd_bus_message_append(reply, "{sb}", feature_to_string(f),
						  features_has(&m->features, f));
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(get_findings)
{
	return append_findings(reply, &((struct manager *)userdata)->findings);
}

PROPERTY_GETTER(get_jump)
{
	const struct manager *m = userdata;

	return sd_bus_message_append(reply, "s", conf_jump_to_string(m->conf.jump));
}

PROPERTY_GETTER(get_jobs)
{
	_cleanup_(strv_freep) char **paths = NULL;
	const struct job *job;
	int r = job_paths(userdata, &paths);

	if (r < 0)
		return r;
	r = sd_bus_message_open_container(reply, 'a', "o");
	TAILQ_FOREACH(job, &((struct manager *)userdata)->jobs, entry)
		if (r >= 0)
			r = sd_bus_message_append(reply, "o", job->path);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* --- sessions --------------------------------------------------------------------------------- */

struct create_options {
	int mode, policy, claim_policy, unclaimed_policy;
	uint64_t claim_timeout_usec, ready_timeout_usec;
};

static const struct option_spec create_specs[] = {
	{ "mode", 's', offsetof(struct create_options, mode), session_mode_from_string },
	{ "policy", 's', offsetof(struct create_options, policy), session_policy_from_string },
	{ "claim-policy", 's', offsetof(struct create_options, claim_policy),
	  claim_policy_from_string },
	{ "unclaimed-policy", 's', offsetof(struct create_options, unclaimed_policy),
	  unclaimed_policy_from_string },
	{ "claim-timeout", 't', offsetof(struct create_options, claim_timeout_usec), NULL },
	{ "ready-timeout", 't', offsetof(struct create_options, ready_timeout_usec), NULL },
};

/* A unit that starts again under the same name after the jump; a login session's scope does not. */
static bool unit_comes_back(const char *unit)
{
	const char *suffix = strrchr(unit, '.');

	return suffix && streq(suffix, ".service");
}

static int check_quota(struct manager *m, uid_t uid, sd_bus_error *error)
{
	if (m->n_sessions >= LIMIT_OF(uid, m->conf.max_sessions))
		return sd_bus_error_setf(error, LUOD_ERROR("QuotaExceeded"),
					 "There are %u sessions already%s (MaxSessions= in "
					 "lu.conf).",
					 m->n_sessions, uid == 0 ? "" : ", and the rest is root's");
	if (manager_count_sessions(m, uid) >= m->conf.max_sessions_per_user)
		return sd_bus_error_setf(error, LUOD_ERROR("QuotaExceeded"),
					 "Uid %u has %u sessions already (MaxSessionsPerUser= in "
					 "lu.conf).",
					 uid, manager_count_sessions(m, uid));
	return 0;
}

/* Between the begin of an update and its jump the set of sessions is fixed. */
static bool update_prepares(const struct manager *m)
{
	return update_active(m) && m->update.phase != PHASE_RESTORING &&
	       m->update.phase != PHASE_FINISHING;
}

static int not_settled(const struct manager *m, sd_bus_error *error)
{
	return sd_bus_error_setf(
		error, LUOD_ERROR("Busy"),
		"luod does not know yet which sessions there are: %s; try again (see systemctl "
		"status luod luod-keeper).",
		m->settle_why);
}

static int check_creation(struct manager *m, const struct identity *caller, const char *name,
			  sd_bus_error *error)
{
	if (!session_name_valid(name))
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidName"),
					 "'%.*s' cannot be a session's name: 1 to %d characters of "
					 "A-Z a-z 0-9 . _ -, not beginning with a dot.",
					 FIT(name, 64), SESSION_NAME_MAX);
	if (strlen(name) > session_name_max(caller->uid))
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidName"),
					 "'%s' is too long: a session's name has at most %zu "
					 "characters for uid %u, which is part of its name in the "
					 "kernel.",
					 name, session_name_max(caller->uid), caller->uid);
	if (manager_find_session(m, caller->uid, name))
		return sd_bus_error_setf(error, LUOD_ERROR("SessionExists"),
					 "Uid %u has a session '%s' already; ClaimSession takes it "
					 "over.",
					 caller->uid, name);
	if (!m->settled)
		return not_settled(m, error);
	if (update_prepares(m))
		return sd_bus_error_set(error, LUOD_ERROR("Busy"),
					"An update is being prepared; try again when it is over.");
	return check_quota(m, caller->uid, error);
}

/* One that its own owner could not use. */
static int check_claim_policy(int policy, const struct identity *caller, sd_bus_error *error)
{
	if (policy != CLAIM_BY_UNIT || caller->unit_sure)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("InvalidOption"),
				 "Option 'claim-policy' cannot be 'unit' here.%s",
				 identity_way_out(caller));
}

static int method_create_session(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct identity *caller;
	struct create_options o = {
		.claim_policy = -1,
		.unclaimed_policy = (int)manager->conf.unclaimed_policy,
		.claim_timeout_usec = manager->conf.claim_timeout_usec,
	};
	struct session *s;
	const char *name;
	int r;

	if ((r = sd_bus_message_read(m, "s", &name)) < 0 ||
	    (r = options_read(m, create_specs, ARRAY_SIZE(create_specs), &o, error)) < 0 ||
	    (r = bus_set_identify(&manager->buses, m, &caller, error)) < 0 ||
	    (r = check_creation(manager, caller, name, error)) < 0 ||
	    (r = check_claim_policy(o.claim_policy, caller, error)) < 0 ||
	    (r = session_new(name, caller->uid, caller->unit, &s)) < 0)
		return r;
	if (o.claim_policy < 0)
		o.claim_policy = unit_comes_back(s->unit) ? CLAIM_BY_UNIT : CLAIM_BY_UID;
	s->mode = (enum session_mode)o.mode;
	s->policy = (enum session_policy)o.policy;
	s->claim_policy = (enum claim_policy)o.claim_policy;
	s->unclaimed_policy = (enum unclaimed_policy)o.unclaimed_policy;
	s->claim_timeout_usec = o.claim_timeout_usec;
	s->ready_timeout_usec = o.ready_timeout_usec;
	s->manager = manager;
	session_set_owner_connection(s, m, caller);
	log_info("Session %u/%s created by %s (pid %d)", s->uid, s->name,
		 isempty(s->unit) ? "no unit" : s->unit, (int)caller->pid);
	manager_add_session(manager, s);
	return sd_bus_reply_method_return(m, "o", s->path);
}

static const char *unit_in_words(const struct identity *caller)
{
	if (!caller->unit_sure)
		return "an unknown unit";
	return isempty(caller->unit) ? "no unit" : caller->unit;
}

static int refuse_claim(const struct session *s, const struct identity *caller, sd_bus_error *error)
{
	log_message(LOG_WARNING, LUOD_MESSAGE_CLAIM_REFUSED,
		    "Session %u/%s of %s is not given to uid %u, %s (pid %d)", s->uid, s->name,
		    isempty(s->unit) ? "no unit" : s->unit, caller->uid, unit_in_words(caller),
		    (int)caller->pid);
	return sd_bus_error_setf(error, LUOD_ERROR("NotOwner"),
				 "Session '%s' belongs to uid %u in %s; you are uid %u in %s.%s",
				 s->name, s->uid, isempty(s->unit) ? "no unit" : s->unit,
				 caller->uid, unit_in_words(caller), identity_way_out(caller));
}

static void claimed(struct manager *m, struct session *s, const struct identity *caller)
{
	/* With the policy "uid" the session goes along with its owner to another unit. */
	free_and_strdup(&s->unit, caller->unit);
	session_emit(m, s, "Unit", "OwnerConnected");
	manager_save(m);
	if (s->state != SESSION_UNCLAIMED)
		return;
	FAULT(m, "claim:begin");
	claim_done(s);
	timeline_mark_once(&m->update.timeline, MARK_FIRST_CLAIM);
	timeline_mark(&m->update.timeline, MARK_LAST_CLAIM);
	manager_set_session_state(m, s, SESSION_CLAIMED, s->reason);
	FAULT(m, "claim:done");
	finish_check(m);
}

static int method_claim_session(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct manager *manager = userdata;
	const struct identity *caller;
	struct session *s;
	const char *name;
	int r;

	if ((r = sd_bus_message_read(m, "s", &name)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = bus_set_identify(&manager->buses, m, &caller, error)) < 0)
		return r;
	s = manager_find_session(manager, caller->uid, name);
	if (!manager->settled)
		return not_settled(manager, error);
	if (!s)
		return sd_bus_error_setf(error, LUOD_ERROR("NoSuchSession"),
					 "Uid %u has no session '%.*s'; CreateSession makes one.",
					 caller->uid, FIT(name, 64));
	if (!session_admits(s, caller->uid, identity_unit(caller)))
		return refuse_claim(s, caller, error);
	session_set_owner_connection(s, m, caller);
	claimed(manager, s, caller);
	barrier_remind(manager, s);
	return sd_bus_reply_method_return(m, "o", s->path);
}

/* --- the update ------------------------------------------------------------------------------- */

int manager_refuse_while_active(struct manager *m, sd_bus_error *error)
{
	if (!m->settled)
		return not_settled(m, error);
	if (!update_active(m))
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("UpdateRunning"),
				 "Update %s is not over yet (%s).", m->update.info.id,
				 phase_to_string(m->update.phase));
}

static bool check_is_fresh(const struct manager *m)
{
	return m->checked_usec && now_usec(CLOCK_MONOTONIC) - m->checked_usec < CHECK_FRESH_USEC;
}

static int check_failed(int r, sd_bus_error *error)
{
	return sd_bus_error_set_errnof(error, r, "The check could not be made: %s; try again.",
				       strerror(-r));
}

static int method_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct manager *manager = userdata;
	const struct identity *caller;
	int r;

	if ((r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = bus_set_identify(&manager->buses, m, &caller, error)) < 0)
		return r;
	if ((caller->uid == 0 || !check_is_fresh(manager)) && (r = manager_check(manager)) < 0)
		return check_failed(r, error);
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = append_findings(reply, &manager->findings);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

struct update_options {
	int jump;
	int force;
	const char *reason;
};

static int jump_from_string(const char *word)
{
	enum conf_jump jump;
	int r = conf_jump_from_string(word, &jump);

	return r < 0 ? r : (int)jump;
}

static const struct option_spec update_specs[] = {
	{ "jump", 's', offsetof(struct update_options, jump), jump_from_string },
	{ "force", 'b', offsetof(struct update_options, force), NULL },
	{ "reason", 's', offsetof(struct update_options, reason), NULL },
};

static int check_update(struct manager *m, const struct update_options *o, sd_bus_error *error)
{
	int r = manager_refuse_while_active(m, error);

	if (r < 0)
		return r;
	if (strlen(strempty(o->reason)) > REASON_MAX)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidOption"),
					 "Option 'reason' is longer than %d bytes.", REASON_MAX);
	if (!features_has(&m->features, FEATURE_LIVEUPDATE_ENABLED))
		return sd_bus_error_set(
			error, LUOD_ERROR("NotSupported"),
			"The running kernel cannot do live updates; luctl check says "
			"what is missing.");
	if (!m->target.loaded)
		return sd_bus_error_set(error, LUOD_ERROR("NoKernel"),
					"luod has loaded no kernel to jump into; see luctl load.");
	r = manager_check(m);
	if (r < 0)
		return check_failed(r, error);
	if (r == 0 && !o->force)
		return sd_bus_error_set(error, LUOD_ERROR("CheckFailed"),
					"The check found what stands in the way; see luctl check.");
	return 0;
}

static int make_info(struct manager *m, const struct update_options *o,
		     const struct identity *caller, struct update_info *ret)
{
	struct update_info info = {
		.jump = (enum conf_jump)o->jump,
		.has_uid = true,
		.uid = caller->uid,
	};
	sd_id128_t id;
	int r = sd_id128_randomize(&id);

	if (r < 0)
		return r;
	sd_id128_to_string(id, info.id);
	if (free_and_strdup(&info.from, m->kernel_release) < 0 ||
	    free_and_strdup(&info.to, target_release(&m->target)) < 0 ||
	    free_and_strdup(&info.reason, strempty(o->reason)) < 0 ||
	    free_and_strdup(&info.unit, strempty(caller->unit)) < 0) {
		update_info_clear(&info);
		return -ENOMEM;
	}
	*ret = info;
	return 0;
}

static int update_granted(struct manager *manager, sd_bus_message *m, sd_bus_error *error)
{
	struct update_options o = { .jump = (int)manager->conf.jump };
	const struct identity *caller;
	struct update_info info;
	struct job *job;
	int r;

	if ((r = sd_bus_message_rewind(m, true)) < 0 ||
	    (r = options_read(m, update_specs, ARRAY_SIZE(update_specs), &o, error)) < 0 ||
	    (r = check_update(manager, &o, error)) < 0 ||
	    (r = bus_set_identify(&manager->buses, m, &caller, error)) < 0 ||
	    (r = make_info(manager, &o, caller, &info)) < 0)
		return r;
	r = job_new(manager, info.id, &job);
	if (r < 0) {
		update_info_clear(&info);
		return r;
	}
	manager->job = job;
	r = update_start(manager, &info, o.force);
	if (r < 0) {
		update_info_clear(&info);
		manager->job = NULL;
		job_end(job, JOB_FAILED, "The update could not be begun.");
		return r;
	}
	/* It may have failed already; the job then says why. */
	return sd_bus_reply_method_return(m, "o", job->path);
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.update", update_granted, error);
}

static int cancel_granted(struct manager *manager, sd_bus_message *m, sd_bus_error *error)
{
	_cleanup_free_ char *why = NULL;
	const struct identity *caller;
	const char *reason;
	int r;

	if ((r = sd_bus_message_rewind(m, true)) < 0 ||
	    (r = sd_bus_message_read(m, "s", &reason)) < 0 ||
	    (r = bus_set_identify(&manager->buses, m, &caller, error)) < 0)
		return r;
	if (manager->update.phase != PHASE_PREPARING)
		return sd_bus_error_setf(error, LUOD_ERROR("WrongState"),
					 "There is nothing to call off: the state is %s.",
					 manager_state(manager));
	why = strprintf("Cancelled by uid %u%s%s%s%.*s", caller->uid,
			isempty(caller->unit) ? "" : " of ", strempty(caller->unit),
			isempty(reason) ? "." : ": ", FIT(reason, REASON_MAX));
	update_cancel(manager, strempty(why));
	return sd_bus_reply_method_return(m, NULL);
}

static int method_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.cancel", cancel_granted, error);
}

static int reload_granted(struct manager *manager, sd_bus_message *m, sd_bus_error *error)
{
	if (update_keeps_still(manager))
		return sd_bus_error_set(error, LUOD_ERROR("Busy"),
					"The machine is about to jump; nothing is read any more.");
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)now_usec(CLOCK_MONOTONIC));
	manager_load_conf(manager);
	sd_notify(0, "READY=1");
	return sd_bus_reply_method_return(m, NULL);
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	return polkit_check(userdata, m, "org.luod1.reload", reload_granted, error);
}

/* --- the vtable ------------------------------------------------------------------------------- */

#define PROPERTY(name, type, getter, flags) SD_BUS_PROPERTY(name, type, getter, 0, flags)
#define CHANGES				    SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	PROPERTY("Version", "s", get_version, SD_BUS_VTABLE_PROPERTY_CONST),
	PROPERTY("State", "s", get_state, CHANGES),
	PROPERTY("UpdateId", "s", get_update_id, CHANGES),
	SD_BUS_PROPERTY("KernelRelease", "s", NULL, offsetof(struct manager, kernel_release),
			SD_BUS_VTABLE_PROPERTY_CONST),
	PROPERTY("Target", "a{sv}", get_target, CHANGES),
	PROPERTY("Features", "a{sb}", get_features, CHANGES),
	PROPERTY("Findings", "a(ssss)", get_findings, CHANGES),
	PROPERTY("Jump", "s", get_jump, CHANGES),
	SD_BUS_PROPERTY("Sessions", "u", NULL, offsetof(struct manager, n_sessions), CHANGES),
	PROPERTY("Jobs", "ao", get_jobs, CHANGES),
	SD_BUS_METHOD_WITH_ARGS("CreateSession", SD_BUS_ARGS("s", name, "a{sv}", options),
				SD_BUS_RESULT("o", session), method_create_session,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ClaimSession", SD_BUS_ARGS("s", name, "a{sv}", options),
				SD_BUS_RESULT("o", session), method_claim_session,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Load", SD_BUS_ARGS("h", kernel, "a{sv}", options),
				SD_BUS_NO_RESULT, method_load, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Unload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_unload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("a{sv}", options),
				SD_BUS_RESULT("a(ssss)", findings), method_check,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Update", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("o", job),
				method_update, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("s", reason), SD_BUS_NO_RESULT, method_cancel,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetTimeline", SD_BUS_ARGS("s", update_id),
				SD_BUS_RESULT("a{sv}", info, "a(stx)", marks), method_get_timeline,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListUpdates", SD_BUS_ARGS("a{sv}", options),
				SD_BUS_RESULT("aa{sv}", updates), method_list_updates,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("GetNetwork", SD_BUS_ARGS("s", source),
				SD_BUS_RESULT("s", update_id, "s", record), method_get_network,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("CompareNetwork", SD_BUS_ARGS("s", record),
				SD_BUS_RESULT("a(sssss)", differences), method_compare_network,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ReplayNetwork", SD_BUS_ARGS("s", record),
				SD_BUS_RESULT("a(ssss)", results), method_replay_network,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int manager_attach(sd_bus *bus, void *userdata)
{
	struct manager *m = userdata;
	int r;

	if ((r = sd_bus_add_object_vtable(bus, NULL, LUOD_ROOT, LUOD_MANAGER_INTERFACE,
					  manager_vtable, m)) < 0 ||
	    (r = sd_bus_add_object_manager(bus, NULL, LUOD_ROOT)) < 0 ||
	    (r = session_attach(bus, m)) < 0 || (r = device_attach(bus, m)) < 0 ||
	    (sd_bus_is_bus_client(bus) > 0 && (r = inhibit_attach(bus, m)) < 0))
		return r;
	return job_attach(bus, m);
}

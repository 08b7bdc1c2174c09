/* SPDX-License-Identifier: GPL-2.0-or-later */
/* restore - see restore.h. */
#include "restore.h"

#include "claim.h"
#include "fault.h"
#include "finish.h"
#include "handover.h"
#include "history.h"
#include "kdev-luo.h"
#include "log.h"
#include "network.h"
#include "network-late.h"
#include "network-note.h"
#include "quiesce.h"
#include "retrieve.h"
#include "state.h"
#include "step.h"

/* For /dev/liveupdate, which is held for milliseconds by whoever uses it. */
#define ASK_TRIES      20
#define ASK_PAUSE_USEC (50 * USEC_PER_MSEC)

static enum delivery delivery_of(uint32_t origin)
{
	switch (origin) {
	case KEEPER_ORIGIN_FDSTORE:
		return DELIVERY_FDSTORE;
	case KEEPER_ORIGIN_NAME:
		return DELIVERY_NAME;
	default:
		return DELIVERY_NONE;
	}
}

/* --- what the keeper has ---------------------------------------------------------------------- */

/*
 * Fetched as a whole before anything is decided: a keeper that is slow for a moment must not look
 * like a session that is lost.
 */
struct arrivals {
	struct fdstore_list *list;
	int *fds; /* one for each entry; -EBADF: luod put it in, in this kernel, or it was taken */
};

static void arrivals_clear(struct arrivals *a)
{
	for (size_t i = 0; a->fds && i < a->list->count; i++)
		close_fd(a->fds[i]);
	free(a->fds);
	free(a->list);
	*a = (struct arrivals){};
}

static int arrivals_fetch(struct manager *m, struct arrivals *a)
{
	int r = fdstore_list(m->fdstore, &a->list);

	if (r < 0)
		return r;
	if (a->list->flags & KEEPER_FLAG_RETRIEVING)
		return -EBUSY;
	a->fds = malloc((a->list->count + 1) * sizeof(*a->fds));
	if (!a->fds)
		return -ENOMEM;
	for (size_t i = 0; i < a->list->count; i++)
		a->fds[i] = -EBADF;
	for (size_t i = 0; i < a->list->count; i++) {
		const struct keeper_entry *entry = &a->list->entries[i];

		r = entry->origin == KEEPER_ORIGIN_PUT
			    ? 0
			    : fdstore_get(m->fdstore, entry->name, &a->fds[i]);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

/* Without its list of names the keeper cannot know of a session that the record knows of. */
static int ask_keeper(struct manager *m, const char *name, int *ret_fd)
{
	int r = -EBUSY;

	for (unsigned int i = 0; i < ASK_TRIES && r == -EBUSY; i++) {
		if (i > 0)
			usleep(ASK_PAUSE_USEC);
		r = fdstore_retrieve(m->fdstore, name);
	}
	return r < 0 ? r : fdstore_get(m->fdstore, name, ret_fd);
}

/* The caller owns *ret_fd. */
static int take_listed(struct arrivals *a, const char *name, int *ret_fd,
		       enum delivery *ret_delivery)
{
	for (size_t i = 0; i < a->list->count; i++)
		if (a->fds[i] >= 0 && streq(a->list->entries[i].name, name)) {
			*ret_fd = TAKE_FD(a->fds[i]);
			*ret_delivery = delivery_of(a->list->entries[i].origin);
			return 0;
		}
	return -ENOENT;
}

/* Likewise. */
static int arrivals_take(struct manager *m, struct arrivals *a, const char *name, int *ret_fd,
			 enum delivery *ret_delivery)
{
	int r = take_listed(a, name, ret_fd, ret_delivery);

	if (r >= 0)
		return 0;
	r = ask_keeper(m, name, ret_fd);
	if (r >= 0)
		*ret_delivery = DELIVERY_NAME;
	return r;
}

/* --- the sessions that came through the jump ------------------------------------------------- */

static void lose(struct session *s, int error)
{
	log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED,
		    "Session %u/%s did not come through the jump: %s", s->uid, s->name,
		    strerror(-error));
	session_set_state(s, SESSION_LOST, "the keeper does not have its kernel session");
}

/*
 * Gets the kernel session from the keeper; a session without one is lost, and said to be. An error: luod lacked
 * an fd or memory, and nothing is known of it yet.
 */
static int attach_kernel_session(struct manager *m, struct session *s, struct arrivals *a)
{
	int r = arrivals_take(m, a, s->kernel_name, &s->kernel_fd, &s->delivery);

	if (errno_is_shortage(r))
		return r;
	if (r < 0)
		lose(s, r);
	return 0;
}

/* Before luod knows any of them: when it lacks something, it can begin anew. */
static int attach_kernel_sessions(struct manager *m, struct session_list *sessions,
				  struct arrivals *a)
{
	struct session *s;
	int r = 0;

	TAILQ_FOREACH(s, sessions, entry)
		if (r >= 0 && session_in_update(s))
			r = attach_kernel_session(m, s, a);
	return r;
}

/* What was there to be said against it before, it keeps: a link that is missing. */
static void take_up(struct manager *m, struct session *s)
{
	if (s->state != SESSION_LOST)
		claim_watch(m, s);
	manager_add_session(m, s);
}

/* A session that the record does not tell of: its name says whose it is, and that must do. */
static void take_up_unrecorded(struct manager *m, size_t index, struct arrivals *a)
{
	struct session *s;
	const char *name;
	uid_t uid;
	int r;

	if (session_parse_kernel_name(a->list->entries[index].name, &uid, &name) < 0 ||
	    manager_find_session(m, uid, name) ||
	    left_behinds_have(&m->update.info.left_behind, uid, name))
		return;
	if (session_new(name, uid, NULL, &s) < 0) {
		log_oom();
		return;
	}
	log_warning("Session %u/%s is not in the handover record; any process of uid %u may claim "
		    "it, resources are known by token only",
		    uid, name, uid);
	s->mode = SESSION_DELEGATION;
	s->claim_policy = CLAIM_BY_UID;
	s->state = SESSION_UNCLAIMED;
	r = attach_kernel_session(m, s, a);
	if (r < 0)
		lose(s, r);
	take_up(m, s);
}

/* *ret_error: what is wrong in words, where an errno would not say it. */
static int fetch_record(struct manager *m, struct handover *ret, char **ret_error)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	bool final;
	size_t size;
	int r;

	if (m->kernel_fd < 0) {
		*ret_error = strdup("luod's own session did not come through the jump");
		return -ENOENT;
	}
	r = retrieve_file(m->kernel_fd, HANDOVER_TOKEN_RECORD, &fd, &final);
	if (r < 0 && final) {
		*ret_error = r == -ENOENT ? strdup("there is none in luod's session")
					  : strprintf("the kernel has lost it: %s", strerror(-r));
		return -ENOENT;
	}
	if (r >= 0)
		r = fd_read_full(fd, HANDOVER_SIZE_MAX, &text, &size);
	return r < 0 ? r : handover_read(text, size, ret, ret_error);
}

static int read_record(struct manager *m, struct handover *ret)
{
	_cleanup_free_ char *error = NULL;
	int r = fetch_record(m, ret, &error);

	if (r < 0 && !errno_is_shortage(r))
		log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED,
			    "The handover record is not usable (%s); sessions are known by their "
			    "names only",
			    error ? error : strerror(-r));
	return r;
}

static int open_timeline(struct manager *m)
{
	_cleanup_close_ int fd = -EBADF;
	bool final = true;
	int r = -ENOENT;

	if (m->update.timeline.page)
		return 0;
	if (m->kernel_fd >= 0)
		r = retrieve_file(m->kernel_fd, HANDOVER_TOKEN_TIMELINE, &fd, &final);
	if (r >= 0) {
		final = false;
		r = timeline_open(fd, &m->update.timeline);
	}
	if (errno_is_shortage(r) && !final)
		return r;
	if (r < 0)
		log_warning_errno(r, "There is no timeline of this update: %m");
	else
		TAKE_FD(fd);
	return 0;
}

/* That, and what is in it but the record. Fails for want of fds or memory only. */
static int take_own_session(struct manager *m, struct arrivals *a)
{
	int r = 0;

	if (m->kernel_fd < 0)
		r = arrivals_take(m, a, HANDOVER_SESSION, &m->kernel_fd, &m->delivery);
	return errno_is_shortage(r) ? r : open_timeline(m);
}

/* Without the record: the timeline says which update it is, and the disk who began it and why. */
static void recall_update(struct manager *m)
{
	const char *id = timeline_id(&m->update.timeline);

	if (history_recall(m, id, &m->update.info) < 0)
		snprintf(m->update.info.id, sizeof(m->update.info.id), "%s", id);
}

static void adopt_sessions(struct manager *m, struct session_list *sessions)
{
	struct session *s;

	while ((s = TAILQ_FIRST(sessions))) {
		TAILQ_REMOVE(sessions, s, entry);
		take_up(m, s);
	}
}

/* Its guest is gone and nobody will come for it: the kernel is to have the memory back at once. */
static void finish_one_left_behind(struct manager *m, struct arrivals *a,
				   const struct left_behind *one)
{
	_cleanup_free_ char *name = strprintf(SESSION_PREFIX "%u/%s", one->uid, one->name);
	_cleanup_close_ int fd = -EBADF;
	enum delivery delivery;
	int r;

	if (!name || arrivals_take(m, a, name, &fd, &delivery) < 0)
		return;
	r = kdev_luo_session_finish(fd);
	if (r < 0) {
		log_error_errno(r,
				"The kernel does not finish session %u/%s, which was left "
				"behind: %m",
				one->uid, one->name);
		return;
	}
	fdstore_drop(m->fdstore, name);
	log_notice("Session %u/%s was left behind with its kernel session still open; that is "
		   "finished and its memory freed",
		   one->uid, one->name);
}

static void finish_left_behind(struct manager *m, struct arrivals *a)
{
	for (size_t i = 0; i < m->update.info.left_behind.n; i++)
		finish_one_left_behind(m, a, &m->update.info.left_behind.items[i]);
}

/* The record, and the kernel sessions of those that it tells of. */
static int read_sessions(struct manager *m, struct arrivals *a, struct handover *ret)
{
	struct session *s;
	int r = read_record(m, ret);

	if (r < 0)
		return r;
	log_set_update_id(ret->update.id);
	TAILQ_FOREACH(s, &ret->sessions, entry)
		session_set_state(s, SESSION_UNCLAIMED, s->reason);
	r = attach_kernel_sessions(m, &ret->sessions, a);
	if (r < 0)
		handover_clear(ret);
	return r;
}

/* A shortage is nobody's loss: it is all begun anew then. */
static int restore_after_jump(struct manager *m, struct arrivals *a)
{
	struct handover h;
	int r;

	FAULT(m, "restore:begin");
	r = take_own_session(m, a);
	if (r >= 0)
		r = read_sessions(m, a, &h);
	if (errno_is_shortage(r))
		return r;
	timeline_mark_at(&m->update.timeline, MARK_KEEPER, a->list->tsc_start);
	timeline_mark_at(&m->update.timeline, MARK_LUOD, m->start_counter);
	m->update.record_lost = r < 0;
	if (r < 0)
		recall_update(m);
	else
		update_info_copy(&h.update, &m->update.info);
	log_set_update_id(m->update.info.id);
	if (r >= 0) {
		if (h.skipped)
			log_error("The handover record is not usable as a whole: %s", h.skipped);
		network_restore(m, &h.network, h.network_error, &h.sessions);
		FAULT(m, "restore:network");
		adopt_sessions(m, &h.sessions);
		handover_clear(&h);
	}
	finish_left_behind(m, a);
	for (size_t i = 0; i < a->list->count; i++)
		take_up_unrecorded(m, i, a);
	timeline_mark(&m->update.timeline, MARK_RESTORED);
	log_message(LOG_NOTICE, LUOD_MESSAGE_RESTORED,
		    "Update %s: this is %s, %u sessions came through (%s)",
		    *m->update.info.id ? m->update.info.id : "?", m->kernel_release, m->n_sessions,
		    delivery_to_string(m->delivery));
	update_set_phase(m, PHASE_RESTORING);
	finish_check(m);
	return 0;
}

/* --- after a luod that was killed in this kernel --------------------------------------------- */

/* What this kernel's luod had put in and no update needs: the leftovers of a kill. */
static void drop_orphans(struct manager *m, const struct fdstore_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].origin == KEEPER_ORIGIN_PUT)
			fdstore_drop(m->fdstore, list->entries[i].name);
}

static unsigned int step_index(const char *name)
{
	for (unsigned int i = 0; i < update_n_steps; i++)
		if (name && streq(update_steps[i].name, name))
			return i;
	return update_n_steps - 1;
}

static const struct session *find_by_kernel_name(const struct manager *m, const char *name)
{
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (streq(s->kernel_name, name))
			return s;
	return NULL;
}

/* That a session is finished is written down before the keeper is told; a kill may come between. */
static void drop_finished(struct manager *m, const struct fdstore_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->entries[i].name;
		const struct session *s = find_by_kernel_name(m, name);
		bool needed = s ? session_in_update(s) || s->state == SESSION_LOST
				: streq(name, HANDOVER_SESSION) && m->kernel_fd >= 0;

		if (!needed)
			fdstore_drop(m->fdstore, name);
	}
}

/* The sessions between the jump and their FINISH are as they were; their fds have been fetched anew. */
static void resume_restoring(struct manager *m, enum phase phase, struct arrivals *a)
{
	struct session *s;

	/* Nor is the owner of one that was claimed connected to this luod yet. */
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (session_in_update(s))
			claim_watch(m, s);
	/* Of which state.json tells nothing that could be read. */
	for (size_t i = 0; i < a->list->count; i++)
		if (a->fds[i] >= 0)
			take_up_unrecorded(m, i, a);
	update_set_phase(m, PHASE_RESTORING);
	if (phase == PHASE_FINISHING)
		update_set_phase(m, PHASE_FINISHING);
	drop_finished(m, a->list);
	finish_check(m);
}

static bool is_after_jump(enum phase phase)
{
	return phase == PHASE_RESTORING || phase == PHASE_FINISHING;
}

/* What the luod before this one knew, and the fds that go with it. -ENOENT: there was none. */
static int load(struct manager *m, struct arrivals *a, struct handover *ret)
{
	int r = state_load(m, ret);

	if (r < 0 || !is_after_jump(ret->phase))
		return r;
	log_set_update_id(ret->update.id);
	r = take_own_session(m, a);
	if (r >= 0)
		r = attach_kernel_sessions(m, &ret->sessions, a);
	if (r < 0)
		handover_clear(ret);
	return r;
}

static void resume(struct manager *m, struct handover *h, struct arrivals *a)
{
	struct session *s;

	update_info_copy(&h->update, &m->update.info);
	m->update.record_lost = h->record_lost;
	m->target = h->target;
	h->target = (struct target)TARGET_EMPTY;
	while ((s = TAILQ_FIRST(&h->sessions))) {
		TAILQ_REMOVE(&h->sessions, s, entry);
		manager_add_session(m, s);
	}
	if (phase_is_active(h->phase))
		log_set_update_id(m->update.info.id);
	log_notice("Going on where the luod before me was: %s, %u sessions",
		   phase_to_string(h->phase), m->n_sessions);
	switch (h->phase) {
	case PHASE_PREPARING:
	case PHASE_FROZEN:
	case PHASE_ABORTING:
		update_rollback_inherited(m, step_index(h->step));
		drop_orphans(m, a->list);
		break;
	case PHASE_RESTORING:
	case PHASE_FINISHING:
		resume_restoring(m, h->phase, a);
		break;
	case PHASE_DEGRADED:
		/* No transition: nothing has happened since. */
		m->update.phase = PHASE_DEGRADED;
		drop_finished(m, a->list);
		break;
	case PHASE_IDLE:
	case PHASE_MAX:
		drop_finished(m, a->list);
		break;
	}
}

static bool came_through_jump(const struct fdstore_list *list)
{
	if (list->flags & KEEPER_FLAG_INCOMPLETE)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].origin != KEEPER_ORIGIN_PUT)
			return true;
	return false;
}

static int take_up_all(struct manager *m, struct arrivals *a)
{
	struct handover h;
	int r = load(m, a, &h);

	if (r >= 0) {
		resume(m, &h, a);
		handover_clear(&h);
		return 0;
	}
	/* Taken for none it would be written anew, without any session. */
	if (errno_is_shortage(r))
		return r;
	if (came_through_jump(a->list))
		return restore_after_jump(m, a);
	drop_orphans(m, a->list);
	return 0;
}

/* What it waits for, of which it speaks when that changes. */
static int wait_for(struct manager *m, int error)
{
	const char *why = errno_is_shortage(error) ? "luod lacks file descriptors or memory"
						   : "luod-keeper is not ready";

	log_debug_errno(error, "%s: %m", why);
	if (!streq(strempty(m->settle_why), why))
		log_warning("What there is of sessions is not known yet: %s", why);
	m->settle_why = why;
	return STEP_RETRY;
}

int restore_settle(struct manager *m)
{
	_cleanup_(arrivals_clear) struct arrivals a = {};
	int r = arrivals_fetch(m, &a);

	if (r >= 0)
		r = take_up_all(m, &a);
	if (r < 0)
		return wait_for(m, r);
	m->settled = true;
	FAULT(m, "restore:known");
	manager_save(m);
	FAULT(m, "restore:done");
	quiesce_settle(m);
	network_note_drop(m->paths.run);
	network_late_resume(m);
	history_settle(m);
	return 0;
}

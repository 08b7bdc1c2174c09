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

/* Gets the kernel session from the keeper; a session without one is lost, and said to be. */
static void attach_kernel_session(struct manager *m, struct session *s, struct arrivals *a)
{
	int r = arrivals_take(m, a, s->kernel_name, &s->kernel_fd, &s->delivery);

	if (r >= 0)
		return;
	log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED,
		    "Session %u/%s did not come through the jump: %s", s->uid, s->name,
		    strerror(-r));
	session_set_state(s, SESSION_LOST, "the keeper does not have its kernel session");
}

/* What was there to be said against it before, it keeps: a link that is missing. */
static void take_up(struct manager *m, struct session *s, struct arrivals *a)
{
	session_set_state(s, SESSION_UNCLAIMED, s->reason);
	attach_kernel_session(m, s, a);
	if (s->state == SESSION_UNCLAIMED)
		claim_watch(m, s);
	manager_add_session(m, s);
}

/* A session that the record does not tell of: its name says whose it is, and that must do. */
static void take_up_unrecorded(struct manager *m, size_t index, struct arrivals *a)
{
	struct session *s;
	const char *name;
	uid_t uid;

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
	take_up(m, s, a);
}

/* *ret_error: what is wrong in words, where an errno would not say it. */
static int fetch_record(struct manager *m, struct handover *ret, char **ret_error)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -EBADF;
	size_t size;
	int r;

	if (m->kernel_fd < 0) {
		*ret_error = strdup("luod's own session did not come through the jump");
		return -ENOENT;
	}
	r = kdev_luo_session_retrieve_fd(m->kernel_fd, HANDOVER_TOKEN_RECORD, &fd);
	if (r == -ENOENT)
		*ret_error = strdup("there is none in luod's session");
	if (r >= 0)
		r = fd_read_full(fd, HANDOVER_SIZE_MAX, &text, &size);
	return r < 0 ? r : handover_read(text, size, ret, ret_error);
}

static int read_record(struct manager *m, struct handover *ret)
{
	_cleanup_free_ char *error = NULL;
	int r = fetch_record(m, ret, &error);

	if (errno_is_shortage(r))
		log_warning_errno(r, "The handover record cannot be read now, trying again: %m");
	else if (r < 0)
		log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED,
			    "The handover record is not usable (%s); sessions are known by their "
			    "names only",
			    error ? error : strerror(-r));
	return r;
}

static void open_timeline(struct manager *m)
{
	_cleanup_close_ int fd = -EBADF;
	int r = -ENOENT;

	if (m->kernel_fd >= 0)
		r = kdev_luo_session_retrieve_fd(m->kernel_fd, HANDOVER_TOKEN_TIMELINE, &fd);
	if (r >= 0)
		r = timeline_open(fd, &m->update.timeline);
	if (r < 0)
		log_warning_errno(r, "There is no timeline of this update: %m");
	else
		TAKE_FD(fd);
}

/* Without the record: the timeline says which update it is, and the disk who began it and why. */
static void recall_update(struct manager *m)
{
	const char *id = timeline_id(&m->update.timeline);

	if (history_recall(m, id, &m->update.info) < 0)
		snprintf(m->update.info.id, sizeof(m->update.info.id), "%s", id);
}

static void adopt_sessions(struct manager *m, struct handover *h, struct arrivals *a)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&h->sessions))) {
		TAILQ_REMOVE(&h->sessions, s, entry);
		take_up(m, s, a);
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

/* STEP_RETRY when luod has no fds or memory for reading the record: that loses nobody's session. */
static int restore_after_jump(struct manager *m, struct arrivals *a)
{
	struct handover h;
	int r;

	FAULT(m, "restore:begin");
	if (m->kernel_fd < 0)
		arrivals_take(m, a, HANDOVER_SESSION, &m->kernel_fd, &m->delivery);
	r = read_record(m, &h);
	if (errno_is_shortage(r))
		return STEP_RETRY;
	open_timeline(m);
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
		adopt_sessions(m, &h, a);
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

/* The sessions between the jump and their FINISH are as they were; only fds are fetched anew. */
static void resume_restoring(struct manager *m, enum phase phase, struct arrivals *a)
{
	struct session *s;

	arrivals_take(m, a, HANDOVER_SESSION, &m->kernel_fd, &m->delivery);
	open_timeline(m);
	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (!session_in_update(s))
			continue;
		attach_kernel_session(m, s, a);
		/* Nor is the owner of one that was claimed connected to this luod yet. */
		if (s->state != SESSION_LOST)
			claim_watch(m, s);
	}
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

int restore_settle(struct manager *m)
{
	_cleanup_(arrivals_clear) struct arrivals a = {};
	struct handover h;
	int r = arrivals_fetch(m, &a);

	if (r < 0) {
		log_debug_errno(r, "luod-keeper is not ready: %m");
		return STEP_RETRY;
	}
	r = state_load(m, &h);
	if (r >= 0) {
		resume(m, &h, &a);
		handover_clear(&h);
	} else if (came_through_jump(a.list)) {
		if (restore_after_jump(m, &a) == STEP_RETRY)
			return STEP_RETRY;
	} else {
		drop_orphans(m, a.list);
	}
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

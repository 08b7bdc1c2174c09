/* SPDX-License-Identifier: GPL-2.0-or-later */
/* step - see step.h. */
#include "step.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "barrier.h"
#include "handover.h"
#include "history.h"
#include "holder.h"
#include "kdev-kexec.h"
#include "kdev-luo.h"
#include "log.h"
#include "network.h"
#include "quiesce.h"
#include "step-device.h"

#define FILL_BYTES (1ULL << 30)

/* --- check ---------------------------------------------------------------------------------- */

/* What is jumped into is what luod has checked, whatever somebody has loaded meanwhile. */
static int load_again(struct manager *m)
{
	int r = target_load_again(&m->target);

	if (r < 0)
		return update_fail(m, r, "The kernel does not load %s any more: %s.",
				   target_release(&m->target), strerror(-r));
	return STEP_DONE;
}

static int check_act(struct manager *m)
{
	int r = manager_check(m);

	if (r < 0)
		return update_fail(m, r, "The check could not be made: %s.", strerror(-r));
	if (r == 0) {
		if (!m->update.force) {
			m->update.cause = CAUSE_CHECK;
			return update_fail(m, -ECANCELED,
					   "The check found what stands in the way; "
					   "see luctl check.");
		}
		free(m->update.info.forced);
		m->update.info.forced = findings_errors(&m->findings);
		if (!m->update.info.forced)
			return -ENOMEM;
		log_warning("The check found errors (%s); going on because the update is forced",
			    m->update.info.forced);
	}
	return load_again(m);
}

/* --- sessions: each gets its kernel session, and the keeper has it before anything is in it -- */

static void drop(struct manager *m, const char *kernel_name, int *fd)
{
	int r = fdstore_drop(m->fdstore, kernel_name);

	*fd = close_fd(*fd);
	if (r < 0 && r != -ENOENT)
		log_error_errno(r, "The keeper does not let go of session '%s': %m", kernel_name);
}

/* What an owner preserved itself was in the kernel session; what is in custody is still here. */
void step_drop_kernel_session(struct manager *m, struct session *s)
{
	struct resource *resource;

	devices_release(s);
	drop(m, s->kernel_name, &s->kernel_fd);
	if (s->mode == SESSION_DELEGATION)
		while ((resource = TAILQ_FIRST(&s->resources)))
			session_remove_resource(s, resource);
	TAILQ_FOREACH(resource, &s->resources, entry) {
		resource->preserved = false;
		resource->filled = 0;
	}
}

/*
 * The keeper may have a session of an earlier update, in whose undo it could not be reached. What came
 * through a jump is another matter.
 */
static void drop_orphan(struct manager *m, const char *name)
{
	_cleanup_free_ struct fdstore_list *list = NULL;

	if (fdstore_list(m->fdstore, &list) < 0)
		return;
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].origin == KEEPER_ORIGIN_PUT &&
		    streq(list->entries[i].name, name))
			fdstore_drop(m->fdstore, name);
}

/*
 * Creates and stores one. A name that still exists is on its way out: worth another try. Of other
 * failures *ret_why says what it was (freed by the caller).
 */
static int create(struct manager *m, int device, const char *name, int *ret_fd, char **ret_why)
{
	_cleanup_close_ int fd = -EBADF;
	int r = kdev_luo_create_session_on(device, name, &fd);

	if (r == -EEXIST) {
		drop_orphan(m, name);
		update_fail(m, r,
			    "Kernel session '%s' of an earlier update still exists: somebody "
			    "holds an fd of it.",
			    name);
		return STEP_RETRY;
	}
	if (r < 0) {
		*ret_why = strprintf("the kernel refused its session: %s", strerror(-r));
		return r;
	}
	r = fdstore_put(m->fdstore, name, fd);
	if (r == -EBUSY)
		return STEP_RETRY;
	if (r < 0) {
		*ret_why = strprintf("luod-keeper did not take its session: %s", strerror(-r));
		return r;
	}
	*ret_fd = TAKE_FD(fd);
	return STEP_DONE;
}

static int create_own(struct manager *m, int device)
{
	_cleanup_free_ char *why = NULL;
	int r = create(m, device, HANDOVER_SESSION, &m->kernel_fd, &why);

	return r < 0 ? update_fail(m, r, "luod itself: %s.", why ? why : strerror(-r)) : r;
}

static int sessions_act(struct manager *m)
{
	_cleanup_close_ int device = kdev_luo_try_open();
	struct session *s;
	bool again = false;
	int r;

	if (device == -EBUSY) {
		update_fail(m, device, "/dev/liveupdate is in use by another process.");
		return STEP_RETRY;
	}
	if (device < 0)
		return update_fail(m, device, "Cannot open /dev/liveupdate: %s.",
				   strerror(-device));
	if (m->kernel_fd < 0) {
		r = create_own(m, device);
		if (r != STEP_DONE)
			return r;
	}
	TAILQ_FOREACH(s, &m->sessions, entry) {
		_cleanup_free_ char *why = NULL;

		if (s->state != SESSION_IDLE)
			continue;
		r = create(m, device, s->kernel_name, &s->kernel_fd, &why);
		if (r == STEP_RETRY) {
			again = true;
			continue;
		}
		if (r < 0) {
			r = barrier_leave_behind(m, s, r, why ? why : strerror(-r));
			if (r < 0)
				return r;
			continue;
		}
		manager_set_session_state(m, s, SESSION_PREPARING, NULL);
	}
	return again ? STEP_RETRY : STEP_DONE;
}

static int leave_held(struct manager *m, struct session *s, const struct holders *holders)
{
	const char *who = holders_of(holders, s->kernel_name);
	_cleanup_free_ char *why =
		strprintf("its kernel session of an earlier update still exists: "
			  "%s has an fd of it",
			  who ? who : "somebody");

	return barrier_leave_behind(m, s, -EEXIST, why ? why : "out of memory");
}

/* Whoever keeps an fd of an earlier update's session must not keep all others from this one. */
static void sessions_expired(struct manager *m)
{
	_cleanup_(holders_clear) struct holders holders = {};
	bool gone_on = m->kernel_fd >= 0;
	struct session *s;

	holders_find(m->paths.root, &holders); /* nobody is named otherwise */
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (gone_on && s->state == SESSION_IDLE)
			gone_on = leave_held(m, s, &holders) >= 0;
	if (gone_on)
		update_continue(m);
	else
		update_abort(m, strempty(m->update.error));
}

static void sessions_undo(struct manager *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		step_drop_kernel_session(m, s);
	drop(m, HANDOVER_SESSION, &m->kernel_fd);
}

/* --- memory: memfds in custody, while the guests run ---------------------------------------- */

static int preserve_timeline(struct manager *m)
{
	int r = kdev_luo_session_preserve_fd(m->kernel_fd, m->update.timeline.fd,
					     HANDOVER_TOKEN_TIMELINE);

	if (r < 0)
		return update_fail(m, r, "The kernel does not preserve the timeline: %s.",
				   strerror(-r));
	m->update.timeline_preserved = true;
	return STEP_AGAIN;
}

/*
 * Preserving fills the holes of a memfd, and of a large one that takes longer than luod may be deaf:
 * so they are filled before, a piece at a time. What cannot be filled is for the kernel to judge.
 */
static bool fill(struct resource *resource, int fd)
{
	uint64_t rest = resource->bytes - resource->filled;
	uint64_t length = rest < FILL_BYTES ? rest : FILL_BYTES;

	if (resource->bytes <= FILL_BYTES || length == 0)
		return false;
	if (fallocate(fd, 0, (off_t)resource->filled, (off_t)length) >= 0)
		resource->filled += length;
	else if (errno != EINTR)
		resource->filled = resource->bytes;
	return true;
}

/* -ESTALE: it has another size than what was counted when it was attached, and filled. */
static int require_size(const struct resource *resource, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size == resource->bytes ? 0 : -ESTALE;
}

/* Its owner may have resized it until the kernel had it, which lets nobody. */
static int preserve_file(struct session *s, struct resource *resource, int fd)
{
	int r = kdev_luo_session_preserve_fd(s->kernel_fd, fd, resource->token);

	return r < 0 ? r : require_size(resource, fd);
}

static int leave_resource(struct manager *m, struct session *s, const struct resource *resource,
			  int error)
{
	_cleanup_free_ char *why =
		error == -ESTALE
			? strprintf(
				  "'%s' does not have the size any more that it was attached with, "
				  "%llu bytes",
				  resource->label, (unsigned long long)resource->bytes)
			: strprintf("the kernel does not preserve '%s': %s", resource->label,
				    strerror(-error));
	int r = barrier_leave_behind(m, s, error, why ? why : "out of memory");

	return r < 0 ? r : STEP_AGAIN;
}

static int preserve_resource(struct manager *m, struct session *s, struct resource *resource)
{
	int fd = custody_fd(s, resource);
	int r = fd < 0 ? fd : require_size(resource, fd);

	update_progress(m);
	if (r >= 0 && fill(resource, fd))
		return STEP_AGAIN;
	if (r >= 0)
		r = preserve_file(s, resource, fd);
	if (r < 0)
		return leave_resource(m, s, resource, r);
	resource->preserved = true;
	return STEP_AGAIN;
}

/* One file, or a piece of one, per turn: luod goes on answering. */
static int memory_act(struct manager *m)
{
	struct resource *resource;
	struct session *s;

	if (!m->update.timeline_preserved)
		return preserve_timeline(m);
	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (s->state != SESSION_PREPARING || s->mode != SESSION_CUSTODY)
			continue;
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->kind == RESOURCE_MEMORY && !resource->preserved)
				return preserve_resource(m, s, resource);
	}
	return devices_try(m);
}

/* --- barrier -------------------------------------------------------------------------------- */

/*
 * The steps before took long enough for somebody to load another kernel. With Jump=direct there are
 * only the guests left now who could, and none is paused yet.
 */
static int load_and_wait_for_owners(struct manager *m)
{
	int r;

	if (!m->update.announced && ((r = load_again(m)) < 0 || (r = devices_check(m)) < 0))
		return r;
	r = barrier_act(m);
	return r == STEP_DONE ? devices_check(m) : r;
}

/* --- record --------------------------------------------------------------------------------- */

static int preserve_sealed(struct manager *m, const char *what, const void *data, size_t size,
			   uint64_t token)
{
	_cleanup_close_ int fd = memfd_new_sealed(what, data, size);
	int r = fd < 0 ? fd : kdev_luo_session_preserve_fd(m->kernel_fd, fd, token);

	return r < 0 ? update_fail(m, r, "Cannot preserve %s: %s.", what, strerror(-r)) : 0;
}

static int record_act(struct manager *m)
{
	_cleanup_free_ char *record = NULL, *names = NULL, *why = NULL;
	size_t names_size;
	int r;

	barrier_find_held(m);
	r = network_settle(m);
	if (r < 0)
		return r;
	r = handover_write_or_say(&m->update.info, &m->sessions, &m->network, NULL, NULL, &record,
				  &why);
	if (r < 0)
		return update_fail(m, r, "The handover record cannot be written: %s.",
				   why ? why : strerror(-r));
	r = handover_names(&m->sessions, &names, &names_size);
	if (r < 0)
		return r;
	if ((r = preserve_sealed(m, "luod-record", record, strlen(record), HANDOVER_TOKEN_RECORD)) <
		    0 ||
	    (names_size > 0 &&
	     (r = preserve_sealed(m, "luod-names", names, names_size, HANDOVER_TOKEN_NAMES)) < 0))
		return r;
	history_begin(m);
	/* Said now: from the next step on the journal's disk may not take anything any more. */
	log_message(LOG_NOTICE, LUOD_MESSAGE_JUMPING,
		    "Update %s: everything is preserved, jumping "
		    "into %s",
		    m->update.info.id, m->update.info.to);
	return STEP_DONE;
}

/* --- filesystems ---------------------------------------------------------------------------- */

static int filesystems_act(struct manager *m)
{
	_cleanup_free_ char *path = NULL;
	int r = host_freeze(&m->host, &path);

	if (r < 0)
		return update_fail(m, r, "Cannot bring the file system at %s to rest: %s.",
				   path ? path : "?", strerror(-r));
	return STEP_DONE;
}

static void filesystems_undo(struct manager *m)
{
	int r = host_thaw(&m->host);

	if (r < 0)
		log_error_errno(r, "Cannot have the file systems thawed: %m");
}

/* --- jump: the point of no return ----------------------------------------------------------- */

static int ask_for_kexec_target(struct manager *m);

/*
 * A connection that is lost says nothing of the shutdown: PID 1 may be executing itself anew, with
 * the job that it took. Asking again does no harm, undoing would.
 */
static void on_kexec_target(int error, const char *text, void *userdata)
{
	struct manager *m = userdata;

	if (error >= 0 || m->update.phase != PHASE_FROZEN)
		return;
	if (error != -ECONNRESET) {
		update_abort(m, text);
		return;
	}
	log_warning("%s The shutdown goes on if it had begun", text);
	ask_for_kexec_target(m);
}

static int ask_for_kexec_target(struct manager *m)
{
	int r = pid1_start_unit(&m->pid1, m->event, "kexec.target", "replace-irreversibly",
				on_kexec_target, m);

	if (r < 0 && r != -EBUSY)
		log_warning_errno(r, "Cannot ask PID 1 for kexec.target: %m");
	return r;
}

static int jump_act(struct manager *m)
{
	_cleanup_free_ char *blame = NULL;
	int r;

	update_set_phase(m, PHASE_FROZEN);
	timeline_calibrate(&m->update.timeline);
	timeline_mark(&m->update.timeline, MARK_JUMP);
	if (m->update.info.jump == CONF_JUMP_SYSTEMD) {
		/* PID 1 finds out after the guests' end, and then boots by way of the firmware. */
		if (kdev_kexec_is_loaded() == 0)
			return update_fail(m, -ENOENT,
					   "Somebody has unloaded the kernel to jump into; see "
					   "luctl load.");
		inhibit_stand_aside(m, true);
		r = ask_for_kexec_target(m);
		return r < 0 ? update_fail(m, r, "PID 1 does not start kexec.target: %s.",
					   strerror(-r))
			     : STEP_WAIT;
	}
	r = kdev_kexec_jump();
	blame = r == -EBUSY ? devices_blame(m) : NULL;
	update_fail(m, r, "The kernel refused the jump: %s%s%s.", strerror(-r), blame ? ": " : "",
		    strempty(blame));
	/* Somebody loads an image right now, a crash kernel for instance. That does not take long. */
	return r == -EBUSY ? STEP_RETRY : r;
}

/* Of a jump that was refused. */
static void jump_undo(struct manager *m)
{
	inhibit_stand_aside(m, false);
}

/*
 * An ordinary shutdown is under way and cannot be taken back: it goes on without luod, which says
 * what it waits for and waits. Unless PID 1 never heard of it. luod's own jump has not happened.
 */
static void jump_expired(struct manager *m)
{
	if (m->update.info.jump == CONF_JUMP_DIRECT) {
		update_abort(m, strempty(m->update.error));
		return;
	}
	log_warning("kexec.target takes long; the shutdown goes on and cannot be taken back");
	ask_for_kexec_target(m);
}

/* --- the table ------------------------------------------------------------------------------ */

static uint64_t step_timeout(const struct manager *m)
{
	return m->conf.step_timeout_usec;
}

static uint64_t quiesce_timeout(const struct manager *m)
{
	return m->conf.quiesce_timeout_usec;
}

const struct step update_steps[] = {
	{ "check", MARK_CHECK, .act = check_act, .timeout = step_timeout },
	{ "sessions", MARK_SESSIONS, .act = sessions_act, .undo = sessions_undo,
	  .timeout = step_timeout, .expired = sessions_expired },
	{ "memory", MARK_MEMORY, .act = memory_act, .timeout = step_timeout },
	{ "network", MARK_NETWORK, .act = network_act, .timeout = step_timeout },
	{ "quiesce", MARK_QUIESCE, .direct_only = true, .act = quiesce_act, .undo = quiesce_undo,
	  .timeout = quiesce_timeout },
	{ "barrier", MARK_BARRIER, .act = load_and_wait_for_owners, .timeout = barrier_timeout,
	  .expired = barrier_expired },
	{ "devices", MARK_DEVICES, .act = devices_act, .undo = devices_undo,
	  .timeout = step_timeout },
	{ "record", MARK_RECORD, .act = record_act, .timeout = step_timeout },
	{ "filesystems", MARK_FILESYSTEMS, .direct_only = true, .act = filesystems_act,
	  .undo = filesystems_undo, .timeout = step_timeout },
	{ "jump", MARK_JUMP, .act = jump_act, .undo = jump_undo, .timeout = step_timeout,
	  .expired = jump_expired },
};

const unsigned int update_n_steps = ARRAY_SIZE(update_steps);

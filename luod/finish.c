/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finish - see finish.h. */
#include "finish.h"

#include "handover.h"
#include "history.h"
#include "kdev-luo.h"
#include "log.h"
#include "step.h"

/* Written down before the keeper lets go: a session that the keeper lacks would count as lost. */
static int let_go(struct manager *m, struct session *s)
{
	int r = kdev_luo_session_finish(s->kernel_fd);

	if (r < 0)
		return r;
	manager_set_session_state(m, s, SESSION_IDLE, NULL);
	step_drop_kernel_session(m, s);
	manager_save(m);
	return 0;
}

/* What is in custody stays in custody: it must be out of the kernel session before FINISH. */
static int retrieve_all(struct session *s)
{
	struct resource *resource;
	int r;

	TAILQ_FOREACH(resource, &s->resources, entry) {
		r = custody_fd(s, resource);
		if (r < 0 && !resource->lost)
			return r;
	}
	return 0;
}

int finish_session(struct manager *m, struct session *s)
{
	int r = s->mode == SESSION_CUSTODY ? retrieve_all(s) : 0;

	if (r >= 0)
		r = let_go(m, s);
	if (r < 0)
		return r;
	log_info("Session %u/%s is finished", s->uid, s->name);
	finish_check(m);
	return 0;
}

static bool has_device(const struct session *s)
{
	const struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->kind == RESOURCE_DEVICE)
			return true;
	return false;
}

/*
 * A kernel session that is closed without FINISH stops the devices that are still on old page
 * tables; FINISH would refuse, so that nobody does that by mistake.
 */
static int abandon(struct manager *m, struct session *s)
{
	log_warning(
		"Session %u/%s is given up with a device on page tables of the previous kernel; "
		"the kernel stops and resets it",
		s->uid, s->name);
	manager_set_session_state(m, s, SESSION_IDLE, NULL);
	step_drop_kernel_session(m, s);
	manager_save(m);
	return 0;
}

int finish_give_up(struct manager *m, struct session *s)
{
	bool device = has_device(s);
	int r = let_go(m, s);

	if (r == -EBUSY && device)
		r = abandon(m, s);
	if (r < 0)
		return log_error_errno(r, "The kernel does not finish session %u/%s: %m", s->uid,
				       s->name);
	manager_remove_session(m, s);
	finish_check(m);
	return 0;
}

static unsigned int count_state(struct manager *m, enum session_state state)
{
	struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		n += s->state == state;
	return n;
}

/* They are their owners' again, to be opened anew: luod has nothing of them. */
static unsigned int drop_lost_resources(struct manager *m)
{
	struct resource *resource, *next;
	struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		for (resource = TAILQ_FIRST(&s->resources); resource; resource = next) {
			next = TAILQ_NEXT(resource, entry);
			if (!resource->lost)
				continue;
			session_remove_resource(s, resource);
			session_emit(m, s, "Resources", "Devices");
			n++;
		}
	cover_devices(m);
	return n;
}

/* What is said of an update that did not end well, or NULL. */
static char *what_is_missing(const struct manager *m, unsigned int sessions, unsigned int devices)
{
	_cleanup_free_ char *also = devices ? strprintf(", %u devices did not come back", devices)
					    : strdup("");

	if (!sessions && !devices && !m->update.record_lost)
		return NULL;
	return strprintf("%u sessions lost%s%s", sessions, strempty(also),
			 m->update.record_lost ? ", handover record not usable" : "");
}

static void say_left_behind(const struct manager *m)
{
	_cleanup_free_ char *text = left_behinds_say(&m->update.info.left_behind);

	if (m->update.info.left_behind.n)
		log_warning("Update %s: %s", m->update.info.id, strempty(text));
}

static void end(struct manager *m)
{
	unsigned int lost = count_state(m, SESSION_LOST);
	unsigned int devices = drop_lost_resources(m);
	bool degraded = lost || devices || m->update.record_lost;
	_cleanup_free_ char *error = what_is_missing(m, lost, devices);
	int r;

	timeline_mark(&m->update.timeline, MARK_FINISHED);
	history_store(m, degraded ? "degraded" : "done", error);
	timeline_close(&m->update.timeline);
	if (m->kernel_fd >= 0) {
		r = kdev_luo_session_finish(m->kernel_fd);
		if (r < 0)
			log_error_errno(r, "The kernel does not finish luod's own session: %m");
		m->kernel_fd = close_fd(m->kernel_fd);
		fdstore_drop(m->fdstore, HANDOVER_SESSION);
	}
	if (degraded)
		log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED, "Update %s: %s", m->update.info.id,
			    strempty(error));
	else
		log_message(LOG_NOTICE, LUOD_MESSAGE_UPDATE_FINISHED,
			    "Update %s is finished: %s runs, every session that came along is "
			    "with its owner",
			    m->update.info.id, m->kernel_release);
	say_left_behind(m);
	update_set_phase(m, degraded ? PHASE_DEGRADED : PHASE_IDLE);
	log_set_update_id(NULL);
}

void finish_check(struct manager *m)
{
	if (m->update.phase != PHASE_RESTORING && m->update.phase != PHASE_FINISHING)
		return;
	if (count_state(m, SESSION_UNCLAIMED))
		return;
	if (count_state(m, SESSION_CLAIMED) || count_state(m, SESSION_RESUMED))
		update_set_phase(m, PHASE_FINISHING);
	else
		end(m);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finish - see finish.h. */
#include "finish.h"

#include "fault.h"
#include "handover.h"
#include "history.h"
#include "holder.h"
#include "kdev-luo.h"
#include "log.h"
#include "step.h"

/* Where luod-keeper runs. */
#define KEEPER_UNIT "luod-keeper.service"

/* So many of what is missing are named; a host may have lost all it had. */
#define NAMED_MAX 8

/* Written down before the keeper lets go: a session that the keeper lacks would count as lost. */
static int let_go(struct manager *m, struct session *s)
{
	int r = kdev_luo_session_finish(s->kernel_fd);

	if (r < 0)
		return r;
	FAULT(m, "finish:finished");
	manager_set_session_state(m, s, SESSION_IDLE, NULL);
	FAULT(m, "finish:written");
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
		if (r < 0)
			custody_lose_tap(s, resource);
		if (r < 0 && !resource->lost)
			return r;
	}
	return 0;
}

int finish_session(struct manager *m, struct session *s)
{
	int r = s->mode == SESSION_CUSTODY ? retrieve_all(s) : 0;

	FAULT(m, "finish:begin");
	if (r >= 0)
		r = let_go(m, s);
	if (r < 0)
		return r;
	log_info("Session %u/%s is finished", s->uid, s->name);
	finish_check(m);
	return 0;
}

/*
 * Who has the kernel session open besides luod and those who hold it for luod; the first of several.
 * NULL: nobody. Freed by the caller.
 */
static int other_holder(const struct manager *m, const struct session *s, char **ret)
{
	_cleanup_(holders_clear) struct holders holders = {};
	int r = holders_find(strempty(m->paths.root), &holders);

	if (r < 0)
		return r;
	for (size_t i = 0; i < holders.n; i++) {
		const struct holder *h = &holders.items[i];

		if (h->session && streq(h->session, s->kernel_name) &&
		    !streq(h->user, KEEPER_UNIT)) {
			*ret = strdup(h->who);
			return *ret ? 0 : -ENOMEM;
		}
	}
	*ret = NULL;
	return 0;
}

/*
 * A kernel session that is closed without FINISH stops the devices that are still on old page
 * tables; FINISH would refuse, so that nobody does that by mistake. But it is closed with its last fd
 * only: when luod let go of its own before, nobody could finish the session any more.
 */
static int abandon(struct manager *m, struct session *s, char **ret_why)
{
	_cleanup_free_ char *who = NULL;
	int r = other_holder(m, s, &who);

	if (r < 0) {
		*ret_why = strprintf("luod cannot look who else has its kernel session open: %s. "
				     "Try again",
				     strerror(-r));
		return -EBUSY;
	}
	if (who) {
		*ret_why = strprintf(
			"A device of it still does DMA on page tables of the previous kernel. That "
			"ends when its kernel session is closed, and %s has that open, too. End "
			"that process, or have it close the session, and try again",
			who);
		return -EBUSY;
	}
	manager_set_session_state(m, s, SESSION_IDLE, NULL);
	step_drop_kernel_session(m, s);
	manager_save(m);
	log_warning("Session %u/%s is given up with a device on page tables of the previous "
		    "kernel, which stops and resets it",
		    s->uid, s->name);
	return 0;
}

int finish_give_up(struct manager *m, struct session *s, char **ret_why)
{
	bool device = session_has_device(s);
	char *why = NULL;
	int r = let_go(m, s);

	if (r == -EBUSY && device)
		r = abandon(m, s, &why);
	if (r < 0) {
		log_error("Session %u/%s cannot be given up: %s", s->uid, s->name,
			  why ? why : strerror(-r));
		*ret_why = why;
		return r;
	}
	log_notice("Session %u/%s is given up; what was in it is the kernel's again", s->uid,
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

/* What did not come through, in words; only the first ones are named. */
struct losses {
	char *names;
	unsigned int n;
	bool session, device, tap;
};

static void losses_clear(struct losses *l)
{
	free(l->names);
}

/* @name is consumed; NULL, when out of memory, counts all the same. */
static void add_loss(struct losses *l, char *name)
{
	char *longer;

	if (l->n++ < NAMED_MAX && name) {
		longer = strprintf("%s%s%s", strempty(l->names), l->names ? ", " : "", name);
		free(l->names);
		l->names = longer;
	}
	free(name);
}

static void add_losses_of(struct losses *l, const struct session *s)
{
	const struct resource *resource;

	if (s->state == SESSION_LOST) {
		l->session = true;
		add_loss(l, strprintf("session %u/%s", s->uid, s->name));
	}
	TAILQ_FOREACH(resource, &s->resources, entry) {
		if (!resource->lost)
			continue;
		if (resource->kind == RESOURCE_TAP)
			l->tap = true;
		else
			l->device = true;
		add_loss(l, strprintf("%s '%s'%s%s of session %u/%s",
				      resource_kind_to_string(resource->kind), resource->label,
				      resource->device ? " at " : "", strempty(resource->device),
				      s->uid, s->name));
	}
}

/* With what to do. */
static char *losses_say(const struct losses *l, bool record_lost)
{
	_cleanup_free_ char *more = l->n > NAMED_MAX ? strprintf(" and %u more", l->n - NAMED_MAX)
						     : strdup("");

	return strprintf(
		"Not everything came through: %s%s%s%s.%s%s%s%s",
		record_lost ? "the handover record" : "", record_lost && l->n ? ", " : "",
		strempty(l->names), strempty(more),
		record_lost ? " Without the record sessions are known by their names only; their "
			      "owners retrieve by token what is in them."
			    : "",
		l->session ? " The guest of a lost session has to be started anew; 'luctl close' "
			     "clears the session away."
			   : "",
		l->device ? " A lost device is stopped, and in no session any more; its owner has "
			    "to open and attach it anew, as after a restart."
			  : "",
		l->tap ? " A lost tap is in no session any more; make its link, open it and attach it "
			 "anew."
		       : "");
}

/* Is anything missing at the end? *ret_error: NULL when not (or when out of memory). */
static bool is_degraded(const struct manager *m, char **ret_error)
{
	_cleanup_(losses_clear) struct losses l = {};
	const struct session *s;
	bool degraded;

	TAILQ_FOREACH(s, &m->sessions, entry)
		add_losses_of(&l, s);
	degraded = l.n || m->update.record_lost;
	*ret_error = degraded ? losses_say(&l, m->update.record_lost) : NULL;
	return degraded;
}

/* They are their owners' again, to be opened anew: luod has nothing of them. */
static void drop_lost_resources(struct manager *m)
{
	struct resource *resource, *next;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		for (resource = TAILQ_FIRST(&s->resources); resource; resource = next) {
			next = TAILQ_NEXT(resource, entry);
			if (!resource->lost)
				continue;
			session_remove_resource(s, resource);
			session_emit(m, s, "Resources", "Devices");
		}
	cover_devices(m);
}

static void say_left_behind(const struct manager *m)
{
	_cleanup_free_ char *text = left_behinds_say(&m->update.info.left_behind);

	if (m->update.info.left_behind.n)
		log_warning("Update %s: %s", m->update.info.id, strempty(text));
}

/*
 * The timeline goes with it: that the update is over must be written down before, or a luod that came
 * after this one would store its history again, without. One that finds it left over closes it, which is
 * FINISH, too.
 */
static void finish_own_session(struct manager *m)
{
	int r;

	if (m->kernel_fd < 0)
		return;
	r = kdev_luo_session_finish(m->kernel_fd);
	if (r < 0)
		log_error_errno(r, "The kernel does not finish luod's own session: %m");
	FAULT(m, "end:finished");
	m->kernel_fd = close_fd(m->kernel_fd);
	fdstore_drop(m->fdstore, HANDOVER_SESSION);
}

static void end(struct manager *m)
{
	_cleanup_free_ char *error = NULL;
	bool degraded = is_degraded(m, &error);

	FAULT(m, "end:begin");
	drop_lost_resources(m);
	timeline_mark(&m->update.timeline, MARK_FINISHED);
	history_store(m, degraded ? "degraded" : "done", error);
	timeline_close(&m->update.timeline);
	FAULT(m, "end:stored");
	update_set_phase(m, degraded ? PHASE_DEGRADED : PHASE_IDLE);
	FAULT(m, "end:written");
	finish_own_session(m);
	if (degraded)
		log_message(LOG_ERR, LUOD_MESSAGE_DEGRADED, "Update %s: %s", m->update.info.id,
			    strempty(error));
	else
		log_message(LOG_NOTICE, LUOD_MESSAGE_UPDATE_FINISHED,
			    "Update %s is finished: %s runs, every session that came along is "
			    "with its owner",
			    m->update.info.id, m->kernel_release);
	say_left_behind(m);
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

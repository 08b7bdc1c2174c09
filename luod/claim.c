/* SPDX-License-Identifier: GPL-2.0-or-later */
/* claim - see claim.h. */
#include "claim.h"

#include "finish.h"
#include "log.h"

#define RETRY_USEC (10 * USEC_PER_SEC)
#define GRACE_USEC (5 * USEC_PER_SEC)

static void set_timer(struct manager *m, struct session *s, uint64_t usec);

static bool is_awaited(const struct session *s)
{
	return s->state == SESSION_UNCLAIMED || (session_claimed(s) && !session_owner_connected(s));
}

static int on_claim_timeout(sd_event_source *source _unused_, uint64_t usec _unused_,
			    void *userdata)
{
	struct session *s = userdata;
	struct manager *m = s->manager;
	_cleanup_free_ char *why = NULL;

	if (!is_awaited(s))
		return 0;
	log_warning("%s session %u/%s within its ClaimTimeout; as its UnclaimedPolicy says its "
		    "devices are to be stopped and its memory freed",
		    s->state == SESSION_UNCLAIMED ? "Nobody claimed" : "No owner came back to",
		    s->uid, s->name);
	if (finish_give_up(m, s, &why) < 0)
		set_timer(m, s, now_usec(CLOCK_MONOTONIC) + RETRY_USEC);
	return 0;
}

static void set_timer(struct manager *m, struct session *s, uint64_t usec)
{
	s->claim_timer = sd_event_source_disable_unref(s->claim_timer);
	if (sd_event_add_time(m->event, &s->claim_timer, CLOCK_MONOTONIC, usec, 0, on_claim_timeout,
			      s) < 0)
		log_error("Cannot watch the ClaimTimeout of session %u/%s; it is held", s->uid,
			  s->name);
}

/* An owner may ask for a time that reaches beyond the clock's end: that is for ever. */
static uint64_t later(uint64_t usec, uint64_t by)
{
	return by > USEC_INFINITY - usec ? USEC_INFINITY : usec + by;
}

static bool is_given_up(const struct session *s)
{
	return s->unclaimed_policy == UNCLAIMED_FINISH && s->claim_timeout_usec != USEC_INFINITY;
}

void claim_watch(struct manager *m, struct session *s)
{
	uint64_t now = now_usec(CLOCK_MONOTONIC);

	if (!is_given_up(s))
		return;
	if (!s->claim_deadline_usec)
		s->claim_deadline_usec = later(now, s->claim_timeout_usec);
	else if (s->claim_deadline_usec < now + GRACE_USEC)
		s->claim_deadline_usec = now + GRACE_USEC;
	set_timer(m, s, s->claim_deadline_usec);
}

void claim_done(struct session *s)
{
	s->claim_timer = sd_event_source_disable_unref(s->claim_timer);
	s->claim_deadline_usec = 0;
}

void claim_owner_gone(struct manager *m, struct session *s)
{
	if (!session_claimed(s))
		return;
	log_warning("The owner of session %u/%s is gone before it said Done; %s", s->uid, s->name,
		    is_given_up(s) ? "without another within its ClaimTimeout it is given up"
				   : "it is kept for another (luctl close gives it up)");
	claim_watch(m, s);
	manager_save(m);
}

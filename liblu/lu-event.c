/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-event - the queue between what luod says and what lu_process() returns.
 *
 * Two queues: events that are found out while the sessions are claimed again are held back, so that
 * the client hears RECONNECTED before it hears what it has missed. A change of state that nobody
 * has taken yet is replaced by the next one: the queue is bounded by what updates can do.
 */
#include "lu-private.h"

void lu_queued_free(struct lu_queued *event)
{
	if (!event)
		return;
	free(event->update_id);
	free(event->reason);
	free(event);
}

static struct lu_queue *queue_of(struct lu *lu)
{
	return lu->link == LU_LINK_RECLAIM ? &lu->held : &lu->events;
}

static struct lu_queued *queued_new(const char *update_id, const char *reason)
{
	struct lu_queued *event = calloc(1, sizeof(*event));

	if (!event)
		return NULL;
	event->update_id = strdup(lu_strempty(update_id));
	event->reason = strdup(lu_strempty(reason));
	if (event->update_id && event->reason)
		return event;
	lu_queued_free(event);
	return NULL;
}

static void drop_superseded(struct lu_queue *queue, enum lu_event_type type,
			    const struct lu_session *s)
{
	struct lu_queued *last = TAILQ_LAST(queue, lu_queue);

	if (type != LU_EVENT_STATE || !last || last->type != type || last->session != s)
		return;
	TAILQ_REMOVE(queue, last, entry);
	lu_queued_free(last);
}

void lu_event_push(struct lu *lu, enum lu_event_type type, struct lu_session *s,
		   const char *update_id, const char *reason, uint64_t timeout_usec)
{
	struct lu_queued *event = queued_new(update_id, reason);

	if (!event) {
		lu_link_break(lu, -ENOMEM);
		return;
	}
	event->type = type;
	event->session = s;
	event->state = s ? s->state : LU_STATE_UNKNOWN;
	event->timeout_usec = timeout_usec;
	drop_superseded(queue_of(lu), type, s);
	TAILQ_INSERT_TAIL(queue_of(lu), event, entry);
}

bool lu_event_pending(const struct lu *lu)
{
	return !TAILQ_EMPTY(&lu->events);
}

int lu_event_take(struct lu *lu, struct lu_event *ret)
{
	struct lu_queued *event = TAILQ_FIRST(&lu->events);
	struct lu_event known;

	if (!event)
		return 0;
	TAILQ_REMOVE(&lu->events, event, entry);
	lu_queued_free(lu->delivered);
	lu->delivered = event;

	known = (struct lu_event){
		.size = sizeof(known),
		.type = event->type,
		.state = event->state,
		.session = event->session,
		.update_id = event->update_id,
		.reason = event->reason,
		.timeout_usec = event->timeout_usec,
	};
	(void)lu_struct_out(ret, ret->size, sizeof(known), &known, sizeof(known));
	return 1;
}

void lu_event_release(struct lu *lu, bool announce)
{
	if (announce)
		lu_event_push(lu, LU_EVENT_RECONNECTED, NULL, NULL, NULL, 0);
	TAILQ_CONCAT(&lu->events, &lu->held, entry);
}

static void forget(struct lu_queue *queue, const struct lu_session *s)
{
	struct lu_queued *event, *next;

	for (event = TAILQ_FIRST(queue); event; event = next) {
		next = TAILQ_NEXT(event, entry);
		if (s && event->session != s)
			continue;
		TAILQ_REMOVE(queue, event, entry);
		lu_queued_free(event);
	}
}

void lu_event_forget_session(struct lu *lu, const struct lu_session *s)
{
	forget(&lu->events, s);
	forget(&lu->held, s);
}

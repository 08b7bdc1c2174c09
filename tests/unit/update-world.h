/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * update-world - luod around the engine of an update: manager.c that saves nothing, and a history that
 * keeps in "stored" what an update came to. How a test begins one, and forgets them all.
 */
#ifndef TESTS_UPDATE_WORLD_H
#define TESTS_UPDATE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/history.h"
#include "luod/manager.h"

static struct {
	unsigned int n;
	char result[32], why[512], timeline[TIMELINE_ID_SIZE + 1];
} stored; /* of the updates so far, and of the last one of them */

const char *manager_state(const struct manager *m)
{
	return phase_to_string(m->update.phase);
}

void manager_save(struct manager *m _unused_)
{
}

void manager_set_session_state(struct manager *m _unused_, struct session *s,
			       enum session_state state, const char *reason)
{
	session_set_state(s, state, reason);
}

void history_store(struct manager *m, const char *result, const char *error)
{
	stored.n++;
	snprintf(stored.result, sizeof(stored.result), "%s", result);
	snprintf(stored.why, sizeof(stored.why), "%s", strempty(error));
	snprintf(stored.timeline, sizeof(stored.timeline), "%s", timeline_id(&m->update.timeline));
}

static void begin_update(struct manager *m, enum conf_jump jump)
{
	struct update_info info = { .id = "0123", .jump = jump };
	struct job *job;

	info.from = strdup("old");
	info.to = strdup("new");
	assert_int_equal(job_new(m, info.id, &job), 0);
	m->job = job;
	assert_int_equal(update_start(m, &info, false), 0);
	assert_null(info.from);
}

/* @m began as zeroes, with empty lists. */
static void forget_updates(struct manager *m)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&m->sessions))) {
		TAILQ_REMOVE(&m->sessions, s, entry);
		session_free(s);
	}
	while (!TAILQ_EMPTY(&m->jobs))
		job_free(TAILQ_FIRST(&m->jobs));
	update_clear(&m->update);
	sd_event_unref(m->event);
	stored = (typeof(stored)){};
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * barrier - the point that all owners must have reached before the jump. Each session is told
 * PrepareForUpdate with a deadline of its own and answers Ready or Veto. A required session that vetoes or
 * says nothing calls the update off; a best-effort one is left behind and the rest goes on.
 *
 * Nothing here assumes that a guest is paused: what Ready means is its owner's business.
 */
#ifndef LUOD_BARRIER_H
#define LUOD_BARRIER_H

#include "manager.h"

/* The step: tells every session, then waits. STEP_DONE when nobody is missing. */
int barrier_act(struct manager *m);

/*
 * Acts on the vetoes there are, before each step: a veto may come at any time until the jump begins.
 * Negative, with update->error set: one of them calls the update off. After the barrier each does:
 * what goes along has been written down by then.
 */
int barrier_count_vetoes(struct manager *m);

/* Tells one session again whose owner may have missed it: it was started anew and has claimed it. */
void barrier_remind(struct manager *m, const struct session *s);

/* How long until the first of those who have not answered is out of time. */
uint64_t barrier_timeout(const struct manager *m);

/* That has passed: decides about those who said nothing. The others still have time. */
void barrier_expired(struct manager *m);

/*
 * Takes a best-effort session out of the running update and tells its owner; for a required one
 * returns a negative errno with update->error set.
 */
int barrier_leave_behind(struct manager *m, struct session *s, int error, const char *why);

/*
 * Before the names are written down, finds who was left behind and still has its kernel session open:
 * a direct jump takes along what an owner keeps open that hangs, and only who knows the name can take
 * it in the next kernel. Unnamed, its memory would be out of reach as long as that kernel runs. With
 * Jump=systemd the owner is gone before.
 */
void barrier_find_held(struct manager *m);

/* Names of the sessions that have not answered yet; NULL-terminated, strv_free(). */
int barrier_waiting(struct manager *m, char ***ret);

#endif

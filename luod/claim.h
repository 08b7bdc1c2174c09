/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * claim - how long a session that came through the jump waits for its owner: ClaimTimeout, when its
 * UnclaimedPolicy is "finish". Afterwards it is given up, and when the kernel refuses that, tried
 * again. The same of one that was claimed, whose owner is gone before it has said Done: that one may
 * have died with a device half taken back.
 *
 * The time counts from the first luod of this kernel on, whose state.json tells the deadline to one
 * that comes after it: it does not begin anew. But owners always have a moment in which luod is there.
 */
#ifndef LUOD_CLAIM_H
#define LUOD_CLAIM_H

#include "manager.h"

/* From now on, or on with the deadline that the session has. */
void claim_watch(struct manager *m, struct session *s);

/* Its owner is there. */
void claim_done(struct session *s);

/* Its owner is gone. What is not claimed, or done with, does not mind. */
void claim_owner_gone(struct manager *m, struct session *s);

#endif

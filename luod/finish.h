/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finish - the way of what came through a jump from there to its owners and to FINISH, and with the
 * last session the end of the update.
 */
#ifndef LUOD_FINISH_H
#define LUOD_FINISH_H

#include "manager.h"

/* A session was claimed, finished or lost: where does that bring the update? */
void finish_check(struct manager *m);

/* FINISH: the owner is done, the kernel lets go. A negative errno leaves everything as it is. */
int finish_session(struct manager *m, struct session *s);

/*
 * Finishes and forgets a session that came through the jump, with what is in it: nobody is to have
 * it any more. A negative errno, which has been logged, leaves everything as it is; *ret_why then has
 * what stands in the way, in words without a full stop (freed by the caller), or NULL. -EBUSY: a
 * device does DMA yet, and another process has the kernel session open.
 */
int finish_give_up(struct manager *m, struct session *s, char **ret_why);

#endif

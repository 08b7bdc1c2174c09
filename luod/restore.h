/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * restore - what a starting luod finds: nothing, the work of a luod that was killed, or the
 * sessions that came through a jump. Their way from there to their owners is in finish.c.
 *
 * Nothing that came through the jump is dropped here unless its owner is done with it or its
 * UnclaimedPolicy says so; a record that cannot be read costs the labels and policies, not the
 * sessions: they are then known by the names the keeper has.
 */
#ifndef LUOD_RESTORE_H
#define LUOD_RESTORE_H

#include "manager.h"

/*
 * Looks at what there is and takes it up: 0, and the manager is settled. STEP_RETRY while the keeper
 * is not there or still waits for /dev/liveupdate, or luod lacks fds or memory: call again; nothing is
 * touched until then.
 */
int restore_settle(struct manager *m);

#endif

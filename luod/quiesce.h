/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quiesce - stops everything on the host but the guests and what a live update needs, while the
 * guests still run, so that a direct jump leaves no service in the middle of something.
 *
 * systemd does it: luod-quiesce.target is isolated, with the units of all sessions (and of whoever
 * asked for the update) pulled in by a drop-in, so that they stay. The units that were active
 * before are remembered until the undo has PID 1's answers that it starts them again: a luod that ends
 * meanwhile leaves that to the next.
 */
#ifndef LUOD_QUIESCE_H
#define LUOD_QUIESCE_H

#include "manager.h"

int quiesce_act(struct manager *m);
void quiesce_undo(struct manager *m);

/* Starts what an update before, or a luod before, has stopped and could not start again; when luod is idle. */
void quiesce_settle(struct manager *m);
/* Makes the timer with which that is tried again. */
int quiesce_prepare(struct manager *m);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state - /run/luod/state.json: what a luod that was killed needs to know to go on. It is written
 * (manager_save) with every change and before anybody is told of it, so that what luod has promised
 * a client holds through a SIGKILL; the fds that belong to it are in the keeper
 * (kernel sessions) and in luod's own fd store (what owners gave into custody).
 */
#ifndef LUOD_STATE_H
#define LUOD_STATE_H

#include "handover.h"
#include "manager.h"

/* -ENOENT: there is none, this is the first luod of this kernel. */
int state_load(struct manager *m, struct handover *ret);

#endif

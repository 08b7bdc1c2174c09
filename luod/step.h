/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step - what the steps of an update do and how each is undone; the order is the table at the end
 * of step.c. There is one point of no return, and it is the last step.
 */
#ifndef LUOD_STEP_H
#define LUOD_STEP_H

#include "manager.h"

/* Ends the kernel session of @s: luod's fd and the keeper's. The owner may still hold one. */
void step_drop_kernel_session(struct manager *m, struct session *s);

#endif

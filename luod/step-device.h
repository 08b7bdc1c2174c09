/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step-device - the step "devices": after every owner has said Ready, and so as late as possible, page
 * tables and DMA buffers in custody are marked, and iommufds and then devices preserved. From then on
 * the kernel refuses whatever would change what a device reaches. What owners preserved themselves is
 * looked after: everything that was declared must be in the kernel session.
 *
 * At its end each session is told Preserved: its owner is not needed any more and may exit.
 */
#ifndef LUOD_STEP_DEVICE_H
#define LUOD_STEP_DEVICE_H

#include "manager.h"

/* The step. One file per turn. */
int devices_act(struct manager *m);
void devices_undo(struct manager *m);

/*
 * Takes devices and iommufds of @s out of its kernel session again, the last first, and the marks
 * away: before the session is dropped, because who else has an fd of it would keep them preserved.
 */
void devices_release(struct session *s);

/* Takes away the marks of an update that was called off when luod did not have the iommufds yet. */
void devices_unmark_leftovers(struct manager *m);

#endif

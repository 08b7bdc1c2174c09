/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step-device - the step "devices": after every owner has said Ready, and so as late as possible, DMA
 * buffers of pci-dmamem are preserved, page tables and buffers of iommufds in custody marked, and
 * iommufds and then devices preserved. From then on the kernel refuses whatever would change what a
 * device reaches. What owners preserved themselves is
 * looked after: everything that was declared must be in the kernel session.
 *
 * At its end each session is told Preserved: its owner is not needed any more and may exit.
 */
#ifndef LUOD_STEP_DEVICE_H
#define LUOD_STEP_DEVICE_H

#include "manager.h"

/*
 * Before owners are asked, and when all have answered: devices come and go, and are opened, whenever
 * somebody likes. A session whose owner forgot one is left behind; what else the check would call an
 * error fails the update, with update->error set, unless it is forced.
 */
int devices_check(struct manager *m);

/*
 * While guests run: marks what is in custody and takes the marks away again, and likewise preserves DMA
 * buffers. That freezes nothing, and an id that is wrong, page tables of the wrong kind, or a device
 * that is translated, are found before anybody is paused. A negative
 * errno, with update->error set, fails the update.
 */
int devices_try(struct manager *m);

/* Which device keeps the kernel from the jump, in words that the caller frees; NULL: none is known. */
char *devices_blame(const struct manager *m);

/* The step. One file per turn. */
int devices_act(struct manager *m);
void devices_undo(struct manager *m);

/*
 * Takes devices, iommufds and DMA buffers of @s out of its kernel session again, the last first, and the marks
 * away, and what its owner preserved itself: before the session is dropped, because who else has an
 * fd of it would keep them preserved.
 */
void devices_release(struct session *s);

/* Takes away the marks of an update that was called off when luod did not have the iommufds yet. */
void devices_unmark_leftovers(struct manager *m);

#endif

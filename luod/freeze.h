/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freeze - file systems that are clean on disk although programs still have files open on them.
 *
 * Right before a direct jump every file system on a block device is frozen (FIFREEZE): the kernel
 * writes out what is dirty, empties the journal and lets nobody write until it is thawed. The next
 * kernel finds them as after an unmount. Unlike remounting them read-only this works while guests
 * have their disks open, and unlike an emergency remount it can be undone without a trace.
 */
#ifndef LUOD_FREEZE_H
#define LUOD_FREEZE_H

#include "util.h"

/*
 * Freezes all, the latest mounted first. On failure everything is thawed again and *ret_path (may
 * be NULL; freed by the caller) names the culprit. File systems that know no freezing are synced
 * and left alone.
 */
int filesystems_freeze(char **ret_path);

/* Thaws whatever is frozen; nothing frozen is no error. */
void filesystems_thaw(void);

#endif

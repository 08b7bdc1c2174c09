/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage-scan - reads an uncompressed vmlinux as it streams past and keeps what says something
 * about live updates: its notes, its embedded configuration, its ABI strings, its release.
 *
 * Private to kimage. Holds a few hundred KiB whatever the kernel's size.
 */
#ifndef LUOD_KIMAGE_SCAN_H
#define LUOD_KIMAGE_SCAN_H

#include <stddef.h>

#include "kimage.h"

struct scan;

int scan_new(struct scan **ret);
struct scan *scan_free(struct scan *s);

/* The next bytes; usable as an unpack_sink_t with the scan as its userdata. */
int scan_feed(const void *data, size_t size, void *scan);

/*
 * All has been fed, or as much as could be: writes the facts into @image. Unless @complete, what
 * was not seen is unknown; otherwise it is not there.
 */
void scan_finish(struct scan *s, bool complete, struct kimage *image);

#endif

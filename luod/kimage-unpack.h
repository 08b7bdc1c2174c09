/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kimage-unpack - the decompressors a kernel image may need, as streams.
 *
 * Private to kimage. libarchive does the work, with its "raw" format and the one filter that the
 * first bytes name. Nothing is held but its window and one block of output.
 */
#ifndef LUOD_KIMAGE_UNPACK_H
#define LUOD_KIMAGE_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "kimage.h"

/* Gets the output block by block; a negative errno ends it and becomes the result. */
typedef int (*unpack_sink_t)(const void *data, size_t size, void *userdata);

/* How the data that begins with these @size bytes is compressed. */
enum kimage_compression unpack_detect(const void *data, size_t size);

/*
 * Unpacks @length bytes of @fd from @offset into @sink, KIMAGE_PAYLOAD_MAX at most. Of an x86
 * payload the size that the kernel's build appends to most formats is left out.
 *   -EOPNOTSUPP  compressed in a way that is not understood
 *   -EBADMSG     the data is broken, or shorter than it says
 *   -EFBIG       more than KIMAGE_PAYLOAD_MAX comes out
 *   -ENODATA     nothing comes out
 */
int unpack_payload(int fd, uint64_t offset, uint64_t length, enum kimage_compression compression,
		   unpack_sink_t sink, void *userdata);

/* Unpacks a gzip stream in memory that may have other bytes behind it; @max as above. */
int unpack_gzip(const void *data, size_t size, uint64_t max, unpack_sink_t sink, void *userdata);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kimage-unpack - see kimage-unpack.h. */
#include "kimage-unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>

#include "util.h"

#define BLOCK (256U << 10)

/*
 * The kernel's build appends the unpacked size, 4 bytes, to every format but gzip, which ends in it
 * by itself (kernel: scripts/Makefile.lib, size_append). A decompressor would call it garbage.
 */
static const struct format {
	enum kimage_compression compression;
	const char *magic;
	size_t length;
	size_t appended;
	int (*filter)(struct archive *a);
} formats[] = {
	{ KIMAGE_COMPRESSION_GZIP, "\x1f\x8b", 2, 0, archive_read_support_filter_gzip },
	{ KIMAGE_COMPRESSION_BZIP2, "BZh", 3, 4, archive_read_support_filter_bzip2 },
	{ KIMAGE_COMPRESSION_LZMA, "\x5d\x00\x00", 3, 4, archive_read_support_filter_lzma },
	{ KIMAGE_COMPRESSION_XZ, "\xfd\x37zXZ", 6, 4, archive_read_support_filter_xz },
	{ KIMAGE_COMPRESSION_LZ4, "\x02\x21\x4c\x18", 4, 4, archive_read_support_filter_lz4 },
	{ KIMAGE_COMPRESSION_ZSTD, "\x28\xb5\x2f\xfd", 4, 4, archive_read_support_filter_zstd },
	{ KIMAGE_COMPRESSION_LZO, "\x89LZO", 4, 4, NULL },
	{ KIMAGE_COMPRESSION_NONE, ELFMAG, SELFMAG, 0, archive_read_support_filter_none },
};

/* Where the packed bytes come from: a file, or memory when @fd is negative. */
struct source {
	int fd;
	const char *memory;
	uint64_t offset, end;
	char buffer[BLOCK];
};

DEFINE_CLEANUP(struct archive *, archive_read_free)

static const struct format *format_of(enum kimage_compression compression)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].compression == compression)
			return &formats[i];
	return NULL;
}

enum kimage_compression unpack_detect(const void *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (size >= formats[i].length &&
		    memcmp(data, formats[i].magic, formats[i].length) == 0)
			return formats[i].compression;
	return KIMAGE_COMPRESSION_UNKNOWN;
}

static la_ssize_t on_read(struct archive *a, void *userdata, const void **ret)
{
	struct source *s = userdata;
	size_t want = s->end - s->offset < BLOCK ? (size_t)(s->end - s->offset) : BLOCK;
	ssize_t n;

	if (!want)
		return 0;
	if (s->fd < 0) {
		*ret = s->memory + s->offset;
		n = (ssize_t)want;
	} else {
		do
			n = pread(s->fd, s->buffer, want, (off_t)s->offset);
		while (n < 0 && errno == EINTR);
		if (n < 0) {
			archive_set_error(a, errno, "read");
			return ARCHIVE_FATAL;
		}
		*ret = s->buffer;
	}
	s->offset += (uint64_t)n;
	return n;
}

/* Hands out what comes out; the caller's limit holds before the block is passed on. */
static int drain(struct archive *a, uint64_t max, unpack_sink_t sink, void *userdata)
{
	_cleanup_free_ char *block = malloc(BLOCK);
	uint64_t total = 0;

	if (!block)
		return -ENOMEM;
	for (;;) {
		la_ssize_t n = archive_read_data(a, block, BLOCK);
		int r;

		if (n < 0)
			return -EBADMSG;
		if (n == 0)
			return total ? 0 : -ENODATA;
		total += (uint64_t)n;
		if (total > max)
			return -EFBIG;
		r = sink(block, (size_t)n, userdata);
		if (r < 0)
			return r;
	}
}

static int unpack(const struct format *format, struct source *source, uint64_t max,
		  unpack_sink_t sink, void *userdata)
{
	_cleanup_(archive_read_freep) struct archive *a = archive_read_new();
	struct archive_entry *entry;

	if (!a)
		return -ENOMEM;
	/* A mere warning would mean that libarchive wants to run a program for it. */
	if (!format->filter || format->filter(a) != ARCHIVE_OK)
		return -EOPNOTSUPP;
	if (archive_read_support_format_raw(a) != ARCHIVE_OK)
		return -EOPNOTSUPP;
	if (archive_read_open(a, source, NULL, on_read, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return -EBADMSG;
	return drain(a, max, sink, userdata);
}

int unpack_payload(int fd, uint64_t offset, uint64_t length, enum kimage_compression compression,
		   unpack_sink_t sink, void *userdata)
{
	_cleanup_free_ struct source *source = NULL;
	const struct format *format = format_of(compression);

	if (!format)
		return -EOPNOTSUPP;
	if (length <= format->appended)
		return -ENODATA;
	source = malloc(sizeof(*source));
	if (!source)
		return -ENOMEM;
	source->fd = fd;
	source->offset = offset;
	source->end = offset + length - format->appended;
	return unpack(format, source, KIMAGE_PAYLOAD_MAX, sink, userdata);
}

int unpack_gzip(const void *data, size_t size, uint64_t max, unpack_sink_t sink, void *userdata)
{
	_cleanup_free_ struct source *source = malloc(sizeof(*source));

	if (!source)
		return -ENOMEM;
	source->fd = -EBADF;
	source->memory = data;
	source->offset = 0;
	source->end = size;
	return unpack(format_of(KIMAGE_COMPRESSION_GZIP), source, max, sink, userdata);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-kernel - makes files that look like kernels to whoever only reads them: a vmlinux with the
 * strings, the note and the configuration that a test asks for, alone or packed into a bzImage.
 */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include <stddef.h>

#include "luod/kimage.h"

struct fake_kernel {
	const char *banner;	/* "Linux version …"; NULL: none */
	const char *strings[8]; /* each between NULs, as in .rodata; up to the first NULL */
	const char *note;	/* lines, each an ABI with a note of its own; NULL: none */
	const char *config;	/* of CONFIG_IKCONFIG; NULL: none */
	size_t padding;		/* zeros before all of that */
	/* of the bzImage */
	enum kimage_compression compression;
	const char *version; /* in the setup header; NULL: none */
	const char *info;    /* as note, in the kernel_info; NULL: there is no kernel_info */
	uint32_t info_cut;   /* so many bytes of its notes are missing */
};

/* Both return memory that the caller frees. */
char *fake_vmlinux(const struct fake_kernel *k, size_t *ret_size);
char *fake_bzimage(const struct fake_kernel *k, size_t *ret_size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memfd - what a client's file is, as far as preserving it goes (kernel: mm/memfd_luo.c).
 *
 * The kernel preserves a file of shared memory (memfd_create(2) without MFD_HUGETLB); it allocates
 * every hole of it, remembers size, position and seals, and refuses anything else. This module
 * tells before the kernel has to. It changes nothing and trusts nothing but the kernel's answers
 * about the fd.
 */
#ifndef LUOD_MEMFD_H
#define LUOD_MEMFD_H

#include <stdbool.h>
#include <stdint.h>

enum memfd_kind {
	MEMFD_OTHER, /* no memfd at all */
	MEMFD_SHMEM,
	MEMFD_HUGETLB,
};

struct memfd_info {
	enum memfd_kind kind;
	uint64_t bytes;	     /* its size */
	uint64_t hole_bytes; /* of it not allocated yet */
	unsigned int seals;  /* F_SEAL_*, 0 for MEMFD_OTHER */
};

/* Negative errno only when @fd itself is bad; a file that is no memfd is MEMFD_OTHER. */
int memfd_inspect(int fd, struct memfd_info *ret);

#endif

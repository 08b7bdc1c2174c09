/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfd - see memfd.h. */
#include "memfd.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "util.h"

/*
 * Seals are what tells a memfd from another file: fcntl(2) answers for files of shmem and hugetlbfs
 * only. The kernel's handler also wants that the file has no name in any folder.
 */
static int kind_of(int fd, const struct stat *st, enum memfd_kind *ret_kind,
		   unsigned int *ret_seals)
{
	struct statfs fs;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 && errno != EINVAL)
		return -errno;
	if (seals < 0 || st->st_nlink) {
		*ret_kind = MEMFD_OTHER;
		*ret_seals = 0;
		return 0;
	}
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	*ret_kind = fs.f_type == HUGETLBFS_MAGIC ? MEMFD_HUGETLB : MEMFD_SHMEM;
	*ret_seals = (unsigned int)seals;
	return 0;
}

int memfd_inspect(int fd, struct memfd_info *ret)
{
	struct memfd_info info = {};
	uint64_t allocated;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = kind_of(fd, &st, &info.kind, &info.seals);
	if (r < 0)
		return r;
	if (S_ISREG(st.st_mode))
		info.bytes = (uint64_t)st.st_size;
	/* Counted in units of 512 bytes whatever the block size; the last page may be a part. */
	allocated = (uint64_t)st.st_blocks * 512;
	if (info.kind != MEMFD_OTHER && allocated < info.bytes)
		info.hole_bytes = info.bytes - allocated;
	*ret = info;
	return 0;
}

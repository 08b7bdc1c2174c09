/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memfd: what the kernel would preserve, told from what it would not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "luod/memfd.h"
#include "luod/util.h"

static void test_shmem(void **state _unused_)
{
	_cleanup_close_ int fd = memfd_new("test");
	long page = sysconf(_SC_PAGESIZE);
	struct memfd_info info;

	assert_int_equal(ftruncate(fd, 16 * page), 0);
	assert_int_equal(memfd_inspect(fd, &info), 0);
	assert_int_equal(info.kind, MEMFD_SHMEM);
	assert_int_equal(info.bytes, 16 * page);
	assert_int_equal(info.hole_bytes, 16 * page);
	assert_int_equal(info.seals, 0);

	assert_int_equal(posix_fallocate(fd, 0, 4 * page), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(memfd_inspect(fd, &info), 0);
	assert_true(info.hole_bytes <= (uint64_t)(12 * page));
	assert_int_equal(info.seals, F_SEAL_SHRINK | F_SEAL_GROW);
}

static void test_partial_page_is_no_hole(void **state _unused_)
{
	_cleanup_close_ int fd = memfd_new("test");
	struct memfd_info info;

	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(memfd_inspect(fd, &info), 0);
	assert_int_equal(info.bytes, 1);
	assert_int_equal(info.hole_bytes, 0);
}

static void test_others(void **state _unused_)
{
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC);
	_cleanup_close_ int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[] = "/tmp/test-memfd.XXXXXX";
	_cleanup_close_ int file = mkostemp(path, O_CLOEXEC);
	const int fds[] = { event, dir, file };

	/* A file with a name is refused even where /tmp is a tmpfs. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		struct memfd_info info = { .kind = MEMFD_SHMEM };

		assert_int_equal(memfd_inspect(fds[i], &info), 0);
		assert_int_equal(info.kind, MEMFD_OTHER);
		assert_int_equal(info.seals, 0);
		assert_int_equal(info.hole_bytes, 0);
	}
	unlink(path);
}

static void test_bad_fd(void **state _unused_)
{
	struct memfd_info info;

	assert_int_equal(memfd_inspect(-EBADF, &info), -EBADF);
}

static void test_hugetlb(void **state _unused_)
{
	_cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC | MFD_HUGETLB);
	struct memfd_info info;

	if (fd < 0)
		skip(); /* a kernel or a sandbox without huge pages */
	assert_int_equal(memfd_inspect(fd, &info), 0);
	assert_int_equal(info.kind, MEMFD_HUGETLB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shmem),	cmocka_unit_test(test_partial_page_is_no_hole),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_bad_fd),
		cmocka_unit_test(test_hugetlb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util: what its header promises, at the edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "luod/util.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_ownership(void **state _unused_)
{
	char *p = strdup("x"), *q = TAKE_PTR(p);
	int fd = memfd_new("test"), taken, copy;

	assert_null(p);
	assert_string_equal(q, "x");
	free(q);

	assert_true(fd >= 0);
	taken = TAKE_FD(fd);
	assert_int_equal(fd, -EBADF);
	assert_true(is_open(taken));
	copy = fd_dup(taken);
	assert_true(copy >= 3);
	assert_true(fcntl(copy, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(close_fd(taken), -EBADF);
	assert_false(is_open(taken));
	{
		_cleanup_close_ int scoped = copy;

		assert_true(is_open(scoped));
	}
	assert_false(is_open(copy));
	assert_int_equal(close_fd(-EBADF), -EBADF);
	assert_int_equal(fd_dup(-EBADF), -EBADF);
}

static void test_close_keeps_errno(void **state _unused_)
{
	int fd = memfd_new("test");

	errno = ENOTTY;
	close_fd(fd);
	close_fd(fd); /* EBADF, and nobody notices */
	assert_int_equal(errno, ENOTTY);
}

static void test_strings(void **state _unused_)
{
	_cleanup_free_ char *s = strprintf("%d-%s", 5, "x"), *p = NULL;

	assert_string_equal(s, "5-x");
	assert_true(isempty(NULL) && isempty("") && !isempty("x"));
	assert_string_equal(strempty(NULL), "");
	assert_int_equal(free_and_strdup(&p, "one"), 0);
	assert_int_equal(free_and_strdup(&p, "two"), 0);
	assert_string_equal(p, "two");
	assert_int_equal(free_and_strdup(&p, p), 0);
	assert_string_equal(p, "two");
	assert_int_equal(free_and_strdup(&p, NULL), 0);
	assert_null(p);
}

static void test_sealed_memfd(void **state _unused_)
{
	_cleanup_close_ int fd = memfd_new_sealed("test", "abc", 3);
	_cleanup_close_ int empty = memfd_new_sealed("test", NULL, 0);
	const int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	_cleanup_free_ char *text = NULL;
	size_t size;

	assert_true(fd >= 0 && empty >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & all, all);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fd_read_full(fd, 100, &text, &size), 0);
	assert_int_equal(size, 3);
	assert_string_equal(text, "abc");
}

static void test_read_bounds(void **state _unused_)
{
	static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 4097, 10000, 65536 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ char *data = calloc(1, sizes[i] + 1), *text = NULL;
		_cleanup_close_ int fd = -EBADF;
		size_t size = 4711;

		memset(data, 'a', sizes[i]);
		fd = memfd_new_sealed("test", data, sizes[i]);
		assert_true(fd >= 0);
		assert_int_equal(fd_read_full(fd, sizes[i], &text, &size), 0);
		assert_int_equal(size, sizes[i]);
		assert_memory_equal(text, data, size + 1);
		/* From the start whatever the offset is, and without moving it. */
		assert_int_equal(lseek(fd, 0, SEEK_CUR), (off_t)sizes[i]);
		if (sizes[i]) {
			char *untouched = NULL;

			assert_int_equal(fd_read_full(fd, sizes[i] - 1, &untouched, NULL), -EFBIG);
			assert_null(untouched);
		}
	}
}

static void test_read_paths(void **state _unused_)
{
	char *text = NULL;

	assert_int_equal(file_read_full("/proc/self/comm", 64, &text, NULL), 0);
	assert_non_null(strchr(text, '\n'));
	free(text);
	text = NULL;
	assert_int_equal(file_read_full("/nonexistent/x", 64, &text, NULL), -ENOENT);
	assert_int_equal(file_read_full("/", 64, &text, NULL), -EISDIR);
	assert_int_equal(fd_read_full(-EBADF, 64, &text, NULL), -EBADF);
	assert_null(text);
}

static void test_write_atomic(void **state _unused_)
{
	char dir[] = "/tmp/test-util.XXXXXX";
	_cleanup_free_ char *path = NULL, *missing = NULL, *text = NULL;
	struct stat st;

	assert_non_null(mkdtemp(dir));
	path = strprintf("%s/file", dir);
	missing = strprintf("%s/no/file", dir);
	assert_int_equal(file_write_atomic(path, "one", 3, 0600), 0);
	assert_int_equal(file_write_atomic(path, "second", 6, 0644), 0);
	assert_int_equal(file_read_full(path, 64, &text, NULL), 0);
	assert_string_equal(text, "second");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_write_atomic(missing, "x", 1, 0644), -ENOENT);

	/* Where the rename fails, nothing stays behind. */
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_true(file_write_atomic(path, "x", 1, 0644) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_readlink(void **state _unused_)
{
	_cleanup_close_ int fd = memfd_new("a name");
	_cleanup_free_ char *link = NULL;

	assert_int_equal(fd_readlink(fd, &link), 0);
	assert_string_equal(link, "/memfd:a name (deleted)");
	assert_int_equal(fd_readlink(-EBADF, &link), -ENOENT);
}

static void test_clock(void **state _unused_)
{
	uint64_t a = now_usec(CLOCK_MONOTONIC), b;

	usleep(1000);
	b = now_usec(CLOCK_MONOTONIC);
	assert_true(b >= a + 1000);
	assert_true(now_usec(CLOCK_REALTIME) > 1600000000 * USEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ownership),    cmocka_unit_test(test_close_keeps_errno),
		cmocka_unit_test(test_strings),	     cmocka_unit_test(test_sealed_memfd),
		cmocka_unit_test(test_read_bounds),  cmocka_unit_test(test_read_paths),
		cmocka_unit_test(test_write_atomic), cmocka_unit_test(test_readlink),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

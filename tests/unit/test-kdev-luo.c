/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-luo: which ioctl is called with what, and what becomes of each errno. A script of expected
 * calls stands in for the kernel: this program's own open() and ioctl() come before libc's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/liveupdate.h>
#include <sys/syscall.h>
#include <time.h>

#include "luod/kdev-luo.h"
#include "luod/util.h"

#define MAX_CALLS 32

struct call {
	unsigned long request; /* 0: open() of the device */
	int error;	       /* errno that it ends with, or 0 */
	const char *name;      /* expected, or given back by GET_NAME */
	int fd;		       /* expected (PRESERVE_FD) or given back */
	uint64_t token;
};

static struct call script[MAX_CALLS];
static unsigned int n_script, n_done;

/* What the script gives out for the device: a real fd, so that closing it can be seen. */
static int device_fd = -EBADF;

static void expect_calls(const struct call *calls, unsigned int n)
{
	assert_true(n <= MAX_CALLS);
	memcpy(script, calls, n * sizeof(*calls));
	n_script = n;
	n_done = 0;
}

#define EXPECT(...)                                        \
	expect_calls((const struct call[]){ __VA_ARGS__ }, \
		     ARRAY_SIZE(((const struct call[]){ __VA_ARGS__ })))

static void assert_script_done(void)
{
	assert_int_equal(n_done, n_script);
}

static struct call *take_call(unsigned long request)
{
	assert_true(n_done < n_script);
	assert_true(script[n_done].request == request);
	return &script[n_done++];
}

static int scripted_open(void)
{
	const struct call *c = take_call(0);

	if (c->error) {
		errno = c->error;
		return -1;
	}
	device_fd = dup(STDERR_FILENO);
	return device_fd;
}

int open(const char *path, int flags, ...);
int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	if (streq(path, KDEV_LUO_DEVICE))
		return scripted_open();
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return (int)syscall(SYS_openat, -100 /* AT_FDCWD */, path, flags, mode);
}

static void play(const struct call *c, void *argument)
{
	struct liveupdate_ioctl_create_session *by_name = argument;
	struct liveupdate_session_preserve_fd *preserve = argument;
	struct liveupdate_session_retrieve_fd *retrieve = argument;
	struct liveupdate_session_finish *finish = argument;
	struct liveupdate_session_get_name *get_name = argument;

	switch (c->request) {
	case LIVEUPDATE_IOCTL_CREATE_SESSION:
	case LIVEUPDATE_IOCTL_RETRIEVE_SESSION:
		assert_int_equal(by_name->size, sizeof(*by_name));
		assert_string_equal((const char *)by_name->name, c->name);
		by_name->fd = c->fd;
		break;
	case LIVEUPDATE_SESSION_PRESERVE_FD:
		assert_int_equal(preserve->size, sizeof(*preserve));
		assert_int_equal(preserve->fd, c->fd);
		assert_true(preserve->token == c->token);
		break;
	case LIVEUPDATE_SESSION_RETRIEVE_FD:
		assert_int_equal(retrieve->size, sizeof(*retrieve));
		assert_true(retrieve->token == c->token);
		retrieve->fd = c->fd;
		break;
	case LIVEUPDATE_SESSION_FINISH:
		assert_int_equal(finish->size, sizeof(*finish));
		assert_int_equal(finish->reserved, 0);
		break;
	case LIVEUPDATE_SESSION_GET_NAME:
		assert_int_equal(get_name->size, sizeof(*get_name));
		assert_int_equal(get_name->reserved, 0);
		/* As strscpy() into the kernel's buffer, but full to the brim. */
		memset(get_name->name, 'x', sizeof(get_name->name));
		memcpy(get_name->name, c->name, strlen(c->name) + 1);
		break;
	default:
		fail();
	}
}

int ioctl(int fd, unsigned long request, ...);
int ioctl(int fd _unused_, unsigned long request, ...)
{
	struct call *c = take_call(request);
	void *argument;
	va_list ap;

	if (c->error) {
		errno = c->error;
		return -1;
	}
	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	play(c, argument);
	return 0;
}

static void assert_device_closed(void)
{
	assert_int_equal(fd_dup(device_fd), -EBADF);
}

static void test_create(void **state _unused_)
{
	int fd = -1;

	EXPECT({ 0 }, { LIVEUPDATE_IOCTL_CREATE_SESSION, .name = "luod/0/vm1", .fd = 77 });
	assert_int_equal(kdev_luo_try_create_session("luod/0/vm1", &fd), 0);
	assert_int_equal(fd, 77);
	assert_script_done();
	assert_device_closed();
}

static void test_retrieve(void **state _unused_)
{
	int fd = -1;

	EXPECT({ 0 }, { LIVEUPDATE_IOCTL_RETRIEVE_SESSION, .name = "luod", .fd = 78 });
	assert_int_equal(kdev_luo_try_retrieve_session("luod", &fd), 0);
	assert_int_equal(fd, 78);
	assert_script_done();
	assert_device_closed();
}

static void test_errors_leave_the_output_alone(void **state _unused_)
{
	static const int errors[] = { EEXIST, ENOENT, EINVAL, ENOMEM, EMFILE };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		int fd = -4711;

		EXPECT({ 0 }, { LIVEUPDATE_IOCTL_CREATE_SESSION, errors[i] });
		assert_int_equal(kdev_luo_try_create_session("a", &fd), -errors[i]);
		EXPECT({ 0 }, { LIVEUPDATE_IOCTL_RETRIEVE_SESSION, errors[i] });
		assert_int_equal(kdev_luo_try_retrieve_session("a", &fd), -errors[i]);
		assert_int_equal(fd, -4711);
		assert_script_done();
		assert_device_closed();
	}
}

static void test_names_are_not_cut(void **state _unused_)
{
	char name[KDEV_LUO_NAME_SIZE + 1];
	int fd = -1;

	memset(name, 'n', sizeof(name));
	name[KDEV_LUO_NAME_MAX + 1] = '\0';
	EXPECT({ 0 });
	assert_int_equal(kdev_luo_try_create_session(name, &fd), -ENAMETOOLONG);
	EXPECT({ 0 });
	assert_int_equal(kdev_luo_try_retrieve_session("", &fd), -EINVAL);
	name[KDEV_LUO_NAME_MAX] = '\0';
	EXPECT({ 0 }, { LIVEUPDATE_IOCTL_CREATE_SESSION, .name = name, .fd = 5 });
	assert_int_equal(kdev_luo_try_create_session(name, &fd), 0);
	assert_script_done();
}

static void test_try_does_not_wait(void **state _unused_)
{
	int fd = -1;

	EXPECT({ 0, EBUSY });
	assert_int_equal(kdev_luo_try_create_session("a", &fd), -EBUSY);
	EXPECT({ 0, ENOENT });
	assert_int_equal(kdev_luo_try_retrieve_session("a", &fd), -ENOENT);
	EXPECT({ 0, EIO });
	assert_int_equal(kdev_luo_try_open(), -EIO);
	assert_script_done();
}

static void test_deadline(void **state _unused_)
{
	uint64_t start = now_usec(CLOCK_MONOTONIC), passed;
	int fd = -1;

	/* 10 + 20 ms of backoff, then the device is free. */
	EXPECT({ 0, EBUSY }, { 0, EBUSY }, { 0 },
	       { LIVEUPDATE_IOCTL_CREATE_SESSION, .name = "a", .fd = 9 });
	assert_int_equal(kdev_luo_create_session("a", start + 10 * USEC_PER_SEC, &fd), 0);
	assert_int_equal(fd, 9);
	assert_script_done();
	assert_true(now_usec(CLOCK_MONOTONIC) - start >= 30 * USEC_PER_MSEC);

	/* One attempt is made when the deadline has passed already. */
	EXPECT({ 0, EBUSY });
	assert_int_equal(kdev_luo_retrieve_session("a", start, &fd), -EBUSY);
	assert_script_done();

	/* Never later than the deadline: 10 ms, then what is left of 15. */
	start = now_usec(CLOCK_MONOTONIC);
	EXPECT({ 0, EBUSY }, { 0, EBUSY }, { 0, EBUSY }, { 0, EBUSY });
	assert_int_equal(kdev_luo_retrieve_session("a", start + 15 * USEC_PER_MSEC, &fd), -EBUSY);
	passed = now_usec(CLOCK_MONOTONIC) - start;
	assert_true(passed >= 15 * USEC_PER_MSEC);

	/* Any other error ends it at once. */
	EXPECT({ 0, EBUSY }, { 0 }, { LIVEUPDATE_IOCTL_RETRIEVE_SESSION, ENOENT });
	assert_int_equal(kdev_luo_retrieve_session("a", UINT64_MAX, &fd), -ENOENT);
	assert_script_done();
}

static void test_backoff(void **state _unused_)
{
	static const uint64_t expected[] = { 10, 20, 40, 80, 160, 200, 200 };
	uint64_t backoff = 0;

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		backoff = kdev_luo_next_backoff(backoff);
		assert_int_equal(backoff, expected[i] * USEC_PER_MSEC);
	}
	assert_int_equal(kdev_luo_next_backoff(UINT64_MAX), 200 * USEC_PER_MSEC);
}

static void test_several_in_one_open(void **state _unused_)
{
	int device, fd = -1;

	EXPECT({ 0 }, { LIVEUPDATE_IOCTL_CREATE_SESSION, .name = "a", .fd = 5 },
	       { LIVEUPDATE_IOCTL_RETRIEVE_SESSION, .name = "b", .fd = 6 });
	device = kdev_luo_try_open();
	assert_true(device >= 0);
	assert_int_equal(kdev_luo_create_session_on(device, "a", &fd), 0);
	assert_int_equal(fd, 5);
	assert_int_equal(kdev_luo_retrieve_session_on(device, "b", &fd), 0);
	assert_int_equal(fd, 6);
	close_fd(device);
	assert_script_done();
}

static void test_session_calls(void **state _unused_)
{
	int fd = -1;

	EXPECT({ LIVEUPDATE_SESSION_PRESERVE_FD, .fd = 12, .token = UINT64_MAX },
	       { LIVEUPDATE_SESSION_PRESERVE_FD, EBUSY },
	       { LIVEUPDATE_SESSION_RETRIEVE_FD, .token = 3, .fd = 13 },
	       { LIVEUPDATE_SESSION_RETRIEVE_FD, ENOENT }, { LIVEUPDATE_SESSION_FINISH },
	       { LIVEUPDATE_SESSION_FINISH, EBUSY });
	assert_int_equal(kdev_luo_session_preserve_fd(1, 12, UINT64_MAX), 0);
	assert_int_equal(kdev_luo_session_preserve_fd(1, 12, 1), -EBUSY);
	assert_int_equal(kdev_luo_session_retrieve_fd(1, 3, &fd), 0);
	assert_int_equal(fd, 13);
	assert_int_equal(kdev_luo_session_retrieve_fd(1, 4, &fd), -ENOENT);
	assert_int_equal(fd, 13);
	assert_int_equal(kdev_luo_session_finish(1), 0);
	assert_int_equal(kdev_luo_session_finish(1), -EBUSY);
	assert_script_done();
}

static void test_get_name(void **state _unused_)
{
	char longest[KDEV_LUO_NAME_SIZE], name[KDEV_LUO_NAME_SIZE] = "before";

	memset(longest, 'y', sizeof(longest));
	longest[KDEV_LUO_NAME_MAX] = '\0';
	EXPECT({ LIVEUPDATE_SESSION_GET_NAME, ENOTTY },
	       { LIVEUPDATE_SESSION_GET_NAME, .name = "luod/1000/vm" },
	       { LIVEUPDATE_SESSION_GET_NAME, .name = longest });
	assert_int_equal(kdev_luo_session_get_name(1, name), -ENOTTY);
	assert_string_equal(name, "before");
	assert_int_equal(kdev_luo_session_get_name(1, name), 0);
	assert_string_equal(name, "luod/1000/vm");
	assert_int_equal(kdev_luo_session_get_name(1, name), 0);
	assert_string_equal(name, longest);
	assert_script_done();
}

/* No ioctl may reach a file that is not known to be a session: the script is empty. */
static void test_is_session_fd(void **state _unused_)
{
	_cleanup_close_ int memfd = memfd_new("[luo_session] x");

	EXPECT({ 0 });
	assert_true(memfd >= 0);
	assert_int_equal(kdev_luo_is_session_fd(memfd), 0);
	assert_int_equal(kdev_luo_is_session_fd(STDERR_FILENO), 0);
	assert_true(kdev_luo_is_session_fd(-EBADF) < 0);
	assert_int_equal(n_done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_retrieve),
		cmocka_unit_test(test_errors_leave_the_output_alone),
		cmocka_unit_test(test_names_are_not_cut),
		cmocka_unit_test(test_try_does_not_wait),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_several_in_one_open),
		cmocka_unit_test(test_session_calls),
		cmocka_unit_test(test_get_name),
		cmocka_unit_test(test_is_session_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

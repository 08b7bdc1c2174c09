/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdstore: against a keeper that follows a script, so that it can do what the real one (see
 * test-keeper.c) never would: be silent, be late, hang up, talk nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "luod/fdstore.h"

#define TIMEOUT_USEC (300 * USEC_PER_MSEC)

/* What the keeper does with one request. After the last line it is silent. */
struct line {
	bool hang_up;
	uint64_t late_usec;
	struct keeper_reply reply; /* .size 0: silence */
	size_t cut;		   /* bytes left out at the end */
	size_t more;		   /* bytes added at the end */
	struct keeper_entry entry;
	bool with_fd;
};

#define REPLY(...)                                               \
	{                                                        \
		.size = sizeof(struct keeper_reply), __VA_ARGS__ \
	}

static struct {
	char directory[64];
	char path[100];
	int listener;
	int wakeup;
	int memfd;
	pthread_t thread;
	const struct line *script;
	size_t n_script;
	size_t n_requests;
	struct keeper_request last;
	bool last_had_fd;
	struct fdstore *store;
} keeper;

static void answer(int socket, const struct line *line)
{
	struct {
		struct keeper_reply reply;
		struct keeper_entry entry;
	} data = { line->reply, line->entry };
	size_t size = sizeof(data.reply) + line->more - line->cut;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = &data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (line->with_fd) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)control;

		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				       .cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(c), &keeper.memfd, sizeof(int));
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
	}
	usleep((useconds_t)line->late_usec);
	sendmsg(socket, &message, MSG_NOSIGNAL);
}

static bool receive(int socket)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = &keeper.last, .iov_len = sizeof(keeper.last) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(socket, &message, 0) != sizeof(keeper.last))
		return false;
	keeper.last_had_fd = CMSG_FIRSTHDR(&message);
	if (keeper.last_had_fd) {
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
		close(fd);
	}
	return true;
}

/* One connection after the other, as luod makes them. */
static void converse(int socket)
{
	struct pollfd fds[] = { { .fd = keeper.wakeup, .events = POLLIN },
				{ .fd = keeper.listener, .events = POLLIN },
				{ .fd = socket, .events = POLLIN } };

	while (poll(fds, 3, -1) > 0 && !fds[0].revents && !fds[1].revents) {
		const struct line *line = &keeper.script[keeper.n_requests];

		if (!receive(socket))
			return;
		if (keeper.n_requests++ >= keeper.n_script)
			continue;
		if (line->hang_up)
			return;
		if (line->reply.size)
			answer(socket, line);
	}
}

static void *run(void *unused)
{
	struct pollfd fds[] = { { .fd = keeper.wakeup, .events = POLLIN },
				{ .fd = keeper.listener, .events = POLLIN } };

	while (poll(fds, 2, -1) > 0 && !fds[0].revents) {
		int socket = accept4(keeper.listener, NULL, NULL, SOCK_CLOEXEC);

		converse(socket);
		close(socket);
	}
	return NULL;
}

static void begin(const struct line *script, size_t n)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, keeper.path, sizeof(keeper.path));
	unlink(keeper.path);
	keeper.script = script;
	keeper.n_script = n;
	keeper.n_requests = 0;
	keeper.wakeup = eventfd(0, EFD_CLOEXEC);
	keeper.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(keeper.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(keeper.listener, 8), 0);
	assert_int_equal(pthread_create(&keeper.thread, NULL, run, NULL), 0);
}

#define BEGIN(...)                                           \
	static const struct line script[] = { __VA_ARGS__ }; \
	begin(script, ARRAY_SIZE(script))

static void end(void)
{
	if (keeper.listener < 0)
		return;
	eventfd_write(keeper.wakeup, 1);
	pthread_join(keeper.thread, NULL);
	close(keeper.wakeup);
	keeper.listener = close_fd(keeper.listener);
}

static int setup(void **state _unused_)
{
	snprintf(keeper.directory, sizeof(keeper.directory), "/tmp/test-fdstore.XXXXXX");
	assert_non_null(mkdtemp(keeper.directory));
	snprintf(keeper.path, sizeof(keeper.path), "%s/keeper", keeper.directory);
	keeper.listener = -EBADF;
	keeper.memfd = memfd_new("session");
	assert_int_equal(fdstore_open(keeper.path, &keeper.store), 0);
	fdstore_set_timeout(keeper.store, TIMEOUT_USEC);
	return 0;
}

static int teardown(void **state _unused_)
{
	keeper.store = fdstore_close(keeper.store);
	end();
	close(keeper.memfd);
	unlink(keeper.path);
	return rmdir(keeper.directory);
}

static size_t open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static uint64_t elapsed(uint64_t since)
{
	return now_usec(CLOCK_MONOTONIC) - since;
}

static void test_arguments(void **state _unused_)
{
	char name[KEEPER_NAME_SIZE + 1], path[200];
	struct fdstore *store = (void *)1;

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(fdstore_open(path, &store), -ENAMETOOLONG);
	assert_ptr_equal(store, (void *)1);
	assert_null(fdstore_close(NULL));
	memset(name, 'x', sizeof(name));
	name[KEEPER_NAME_SIZE] = '\0';
	assert_int_equal(fdstore_drop(keeper.store, name), -EINVAL);
}

static void test_requests(void **state _unused_)
{
	BEGIN({ .reply = REPLY() }, { .reply = REPLY(.result = -EEXIST) }, { .reply = REPLY() },
	      { .reply = REPLY(.result = -EBUSY) });
	assert_int_equal(fdstore_put(keeper.store, "luod/0/a", keeper.memfd), 0);
	assert_int_equal(keeper.last.op, KEEPER_PUT);
	assert_int_equal(keeper.last.size, sizeof(keeper.last));
	assert_string_equal(keeper.last.name, "luod/0/a");
	assert_true(keeper.last_had_fd);
	assert_true(fcntl(keeper.memfd, F_GETFD) >= 0);
	assert_int_equal(fdstore_put(keeper.store, "luod/0/b", keeper.memfd), -EEXIST);
	assert_int_equal(fdstore_drop(keeper.store, "luod"), 0);
	assert_int_equal(keeper.last.op, KEEPER_DROP);
	assert_string_equal(keeper.last.name, "luod");
	assert_false(keeper.last_had_fd);
	assert_int_equal(fdstore_retrieve(keeper.store, "luod"), -EBUSY);
	assert_int_equal(keeper.last.op, KEEPER_RETRIEVE);
}

static void test_get(void **state _unused_)
{
	struct stat a, b;
	int fd = -EBADF;

	BEGIN({ .reply = REPLY(), .with_fd = true }, { .reply = REPLY(.result = -ENOENT) },
	      { .reply = REPLY() });
	assert_int_equal(fdstore_get(keeper.store, "luod", &fd), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(keeper.memfd, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	close(fd);
	fd = -EBADF;
	assert_int_equal(fdstore_get(keeper.store, "luod", &fd), -ENOENT);
	assert_int_equal(fdstore_get(keeper.store, "luod", &fd), -EPROTO);
	assert_int_equal(fd, -EBADF);
}

/* What the kernel cuts off for want of a number is no fault of the keeper's, which has it still. */
static void test_no_fds(void **state _unused_)
{
	struct rlimit limit, few;
	int fd = -EBADF, lowest;

	BEGIN({ .reply = REPLY() }, { .reply = REPLY(), .with_fd = true },
	      { .reply = REPLY(), .with_fd = true });
	assert_int_equal(fdstore_drop(keeper.store, "luod"), 0);
	lowest = dup(0);
	assert_true(lowest > 3);
	close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = (struct rlimit){ (rlim_t)lowest, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(fdstore_get(keeper.store, "luod", &fd), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(fdstore_get(keeper.store, "luod", &fd), 0);
	close(fd);
}

static void test_list(void **state _unused_)
{
	_cleanup_free_ struct fdstore_list *list = NULL, *empty = NULL;

	BEGIN({ .reply = REPLY(.count = 1, .flags = KEEPER_FLAG_STORE, .tsc_start = 1,
			       .tsc_ready = 2),
		.more = sizeof(struct keeper_entry),
		.entry = { .name = "luod/0/a", .origin = KEEPER_ORIGIN_NAME } },
	      { .reply = REPLY() });
	assert_int_equal(fdstore_list(keeper.store, &list), 0);
	assert_int_equal(keeper.last.op, KEEPER_LIST);
	assert_int_equal(list->flags, KEEPER_FLAG_STORE);
	assert_int_equal(list->tsc_start, 1);
	assert_int_equal(list->tsc_ready, 2);
	assert_int_equal(list->count, 1);
	assert_string_equal(list->entries[0].name, "luod/0/a");
	assert_int_equal(list->entries[0].origin, KEEPER_ORIGIN_NAME);
	assert_int_equal(fdstore_list(keeper.store, &empty), 0);
	assert_int_equal(empty->count, 0);
}

static void test_nonsense(void **state _unused_)
{
	_cleanup_free_ struct fdstore_list *list = NULL;
	size_t before;

	BEGIN({ .reply = REPLY(), .cut = 1 }, { .reply = REPLY(), .more = 1 },
	      { .reply = { .size = 4 } }, { .reply = REPLY(.result = 1) },
	      { .reply = REPLY(.count = 1) }, { .reply = REPLY(.count = UINT32_MAX) },
	      { .reply = REPLY(), .more = sizeof(struct keeper_entry) },
	      { .reply = REPLY(.count = 1),
		.more = sizeof(struct keeper_entry),
		.entry = { .name = "0123456789012345678901234567890123456789012345678901234567890123" } },
	      { .reply = REPLY(), .cut = 1, .with_fd = true });
	for (size_t i = 0; i < ARRAY_SIZE(script); i++)
		assert_int_equal(fdstore_list(keeper.store, &list), -EPROTO);
	assert_null(list);
	end();
	before = open_fds();
	begin(&(struct line){ .reply = REPLY(), .with_fd = true }, 1);
	assert_int_equal(fdstore_drop(keeper.store, "luod"), 0);
	keeper.store = fdstore_close(keeper.store);
	end();
	assert_int_equal(open_fds(), before);
}

static void test_never_a_keeper(void **state _unused_)
{
	uint64_t start = now_usec(CLOCK_MONOTONIC);

	fdstore_set_timeout(keeper.store, 60 * USEC_PER_SEC);
	assert_int_equal(fdstore_drop(keeper.store, "luod"), -ENOTCONN);
	assert_true(elapsed(start) < 10 * USEC_PER_SEC);
}

static void test_keeper_gone(void **state _unused_)
{
	uint64_t start;

	BEGIN({ .reply = REPLY() });
	assert_int_equal(fdstore_drop(keeper.store, "luod"), 0);
	end();
	start = now_usec(CLOCK_MONOTONIC);
	assert_int_equal(fdstore_drop(keeper.store, "luod"), -ENOTCONN);
	assert_true(elapsed(start) >= TIMEOUT_USEC / 2);
}

static void test_silence(void **state _unused_)
{
	uint64_t start = now_usec(CLOCK_MONOTONIC);

	BEGIN({});
	assert_int_equal(fdstore_put(keeper.store, "luod", keeper.memfd), -ETIMEDOUT);
	assert_true(elapsed(start) >= TIMEOUT_USEC);
	assert_int_equal(keeper.n_requests, 1);
}

/* The late answer to the first request is not taken for that to the second. */
static void test_late_answer(void **state _unused_)
{
	BEGIN({ .reply = REPLY(.result = -EXDEV), .late_usec = 2 * TIMEOUT_USEC },
	      { .reply = REPLY(.result = -ENOSPC) });
	assert_int_equal(fdstore_put(keeper.store, "luod", keeper.memfd), -ETIMEDOUT);
	fdstore_set_timeout(keeper.store, 20 * USEC_PER_SEC);
	assert_int_equal(fdstore_put(keeper.store, "luod", keeper.memfd), -ENOSPC);
}

static void test_restart(void **state _unused_)
{
	BEGIN({ .hang_up = true }, { .hang_up = true }, { .reply = REPLY(.result = -EEXIST) });
	fdstore_set_timeout(keeper.store, 20 * USEC_PER_SEC);
	assert_int_equal(fdstore_put(keeper.store, "luod", keeper.memfd), -EEXIST);
	assert_true(keeper.last_had_fd);
	assert_int_equal(keeper.n_requests, 3);
}

/* What a first, unanswered DROP has done is not an error of the second. */
static void test_drop_twice(void **state _unused_)
{
	BEGIN({ .hang_up = true }, { .reply = REPLY(.result = -ENOENT) },
	      { .reply = REPLY(.result = -ENOENT) });
	fdstore_set_timeout(keeper.store, 20 * USEC_PER_SEC);
	assert_int_equal(fdstore_drop(keeper.store, "luod"), 0);
	assert_int_equal(fdstore_drop(keeper.store, "luod"), -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_a_keeper, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keeper_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop_twice, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

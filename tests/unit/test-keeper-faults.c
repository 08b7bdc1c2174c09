/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper: PID 1 that does not answer, clients that misbehave, and the ways to end it. In all of
 * them what is held stays held, and a well-behaved client is served.
 */
#include "keeper-world.h"

#include <dirent.h>
#include <spawn.h>

static bool is_listed(const char *name)
{
	return origin(name) != 0;
}

/* --- PID 1 ----------------------------------------------------------------------------------------- */

static void test_deaf_put(void **state _unused_)
{
	int fd, copy;

	start();
	put("luod/0/before");
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_DEAF);
	fd = session_open("live", "luod/0/vm");
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", fd), -ETIMEDOUT);
	assert_false(is_listed("luod/0/vm"));
	assert_int_equal(fdstore_get(world.store, "luod/0/vm", &copy), -ENOENT);
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", fd), -EBUSY);
	close(fd);

	/* It took the fd all the same. As soon as it listens again it has to give it back. */
	assert_int_equal(fake_pid1_count(&world.pid1, "luod/0/before"), 1);
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_WELL);
	assert_true(becomes(alive, "luod/0/vm", false));
	assert_int_equal(fake_pid1_count(&world.pid1, "luod/0/vm"), 0);
	assert_true(is_listed("luod/0/before"));
	put("luod/0/vm");
}

static void test_deaf_drop(void **state _unused_)
{
	start();
	put("luod/0/vm");
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_DEAF);
	assert_int_equal(fdstore_drop(world.store, "luod/0/vm"), -ETIMEDOUT);
	assert_false(is_listed("luod/0/vm"));
	assert_true(alive("luod/0/vm"));
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_WELL);
	assert_true(becomes(alive, "luod/0/vm", false));
	put("luod/0/vm");
}

/* sd_notify() itself blocks then. */
static void fill_queue(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, world.pid1.path, sizeof(address.sun_path));
	while (sendto(fd, "X=1", 3, 0, (struct sockaddr *)&address, sizeof(address)) == 3)
		;
	assert_int_equal(errno, EAGAIN);
}

static void test_stuck_pid1(void **state _unused_)
{
	int fd;

	start();
	put("luod/0/before");
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_STUCK);
	fill_queue();
	fd = session_open("live", "luod/0/vm");
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", fd), -ETIMEDOUT);
	assert_true(is_listed("luod/0/before"));
	assert_int_equal(listed_count(), 1);
	/* PID 1 never heard of it: nobody else has it. */
	close(fd);
	assert_false(alive("luod/0/vm"));
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_WELL);
	put("luod/0/vm");
}

/* What came by name cannot be given up: it stays here until PID 1 takes it. */
static void test_deaf_at_start(void **state _unused_)
{
	static const char names[1][KEEPER_NAME_SIZE] = { "luod/0/vm" };

	names_arrive(names, sizeof(names));
	arrives("luod/0/vm");
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_DEAF);
	start();
	assert_true(is_listed("luod/0/vm"));
	assert_true(logged("PID 1 has not taken all sessions"));
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_WELL);
	put("luod/0/another");
	kill_it();
	assert_true(alive("luod/0/vm"));
	start();
	assert_int_equal(origin("luod/0/vm"), KEEPER_ORIGIN_NAME);
}

/* --- clients --------------------------------------------------------------------------------------- */

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", world.socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int ask(int fd, const void *data, size_t size)
{
	struct keeper_reply reply;

	assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), size);
	assert_int_equal(recv(fd, &reply, sizeof(reply), 0), sizeof(reply));
	assert_int_equal(reply.size, sizeof(reply));
	assert_int_equal(reply.count, 0);
	return reply.result;
}

static size_t open_fds(void)
{
	_cleanup_free_ char *path = strprintf("/proc/%d/fd", (int)world.pid);
	DIR *directory = opendir(path);
	size_t n = 0;

	assert_non_null(directory);
	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static void test_nonsense(void **state _unused_)
{
	struct keeper_request request = { .size = sizeof(request), .op = KEEPER_GET };
	char large[sizeof(request) + 1] = {};
	int fd;

	start();
	put("luod/0/vm");
	fd = dial();
	assert_int_equal(ask(fd, "x", 1), -EPROTO);
	memcpy(large, &request, sizeof(request));
	assert_int_equal(ask(fd, large, sizeof(large)), -EPROTO);
	assert_int_equal(ask(fd, &request, sizeof(request) - 1), -EPROTO);
	memset(request.name, 'l', sizeof(request.name));
	assert_int_equal(ask(fd, &request, sizeof(request)), -EINVAL);
	request.size++;
	assert_int_equal(ask(fd, &request, sizeof(request)), -EPROTO);
	request.size = sizeof(request);
	request.op = 0;
	assert_int_equal(ask(fd, &request, sizeof(request)), -EOPNOTSUPP);
	request.op = UINT32_MAX;
	assert_int_equal(ask(fd, &request, sizeof(request)), -EOPNOTSUPP);

	/* An empty packet is the end. */
	assert_int_equal(send(fd, "", 0, MSG_NOSIGNAL), 0);
	assert_int_equal(recv(fd, large, sizeof(large), 0), 0);
	close(fd);
	assert_true(is_listed("luod/0/vm"));
}

static void test_unwanted_fds(void **state _unused_)
{
	struct keeper_request request = { .size = sizeof(request), .op = KEEPER_GET };
	struct iovec iov = { .iov_base = &request, .iov_len = sizeof(request) };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(3 * sizeof(int))] = {};
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	struct keeper_reply reply;
	int fds[3], fd;
	size_t before;

	start();
	put("luod/0/vm");
	fd = dial();
	snprintf(request.name, sizeof(request.name), "%s", "luod/0/no");
	assert_int_equal(ask(fd, &request, sizeof(request)), -ENOENT);
	before = open_fds();
	for (size_t i = 0; i < 3; i++)
		fds[i] = memfd_new("unwanted");
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	for (request.op = 0; request.op < 8; request.op++) {
		assert_int_equal(sendmsg(fd, &message, 0), sizeof(request));
		assert_true(recv(fd, &reply, sizeof(reply), 0) > 0);
	}
	assert_int_equal(open_fds(), before);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	close(fd);
}

static void test_silent_clients(void **state _unused_)
{
	int fds[3 * KEEPER_CLIENTS_MAX];

	start();
	put("luod/0/vm");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = dial();
	for (size_t i = 0; i < 20; i++)
		assert_true(is_listed("luod/0/vm"));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_deaf_client(void **state _unused_)
{
	struct keeper_request request = { .size = sizeof(request), .op = KEEPER_LIST };
	struct timeval patience = { .tv_sec = 1 };
	int fd;

	start();
	put("luod/0/vm");
	fd = dial();
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	for (int i = 0; i < 100000; i++)
		if (send(fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
			break;
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(is_listed("luod/0/vm"));
	close(fd);
}

/* --- the end --------------------------------------------------------------------------------------- */

static void assert_exits(int status)
{
	int actual = ended(world.pid);

	world.pid = 0;
	assert_true(WIFEXITED(actual));
	assert_int_equal(WEXITSTATUS(actual), status);
}

static void test_stop_when_empty(void **state _unused_)
{
	start();
	kill(world.pid, SIGTERM);
	assert_exits(EXIT_SUCCESS);
}

static bool log_has(const char *text)
{
	return logged(text);
}

static void test_stop_is_deferred(void **state _unused_)
{
	start();
	put("luod/0/vm");
	kill(world.pid, SIGHUP);
	kill(world.pid, SIGTERM);
	assert_true(becomes(log_has, "Asked to stop while holding 1 session", true));
	assert_true(is_listed("luod/0/vm"));
	assert_int_equal(fdstore_drop(world.store, "luod/0/vm"), 0);
	assert_exits(EXIT_SUCCESS);
}

static void test_restart(void **state _unused_)
{
	start();
	put("luod/0/vm");
	kill(world.pid, SIGUSR1);
	assert_exits(EXIT_SUCCESS);
	assert_true(alive("luod/0/vm"));
	start();
	assert_int_equal(origin("luod/0/vm"), KEEPER_ORIGIN_PUT);
}

/* PID 1 lost them (a stop and start on an old systemd): nothing to be done, but it is said. */
static void test_store_emptied(void **state _unused_)
{
	start();
	put("luod/0/vm");
	kill_it();
	fake_pid1_empty(&world.pid1);
	start();
	assert_true(logged("<3>Session luod/0/vm was held before the restart"));
	assert_int_equal(listed_count(), 0);
}

static void test_second_instance(void **state _unused_)
{
	pid_t second;

	start();
	put("luod/0/vm");
	second = spawn();
	assert_int_equal(WEXITSTATUS(ended(second)), EXIT_FAILURE);
	assert_true(logged("Address already in use"));
	assert_true(is_listed("luod/0/vm"));
}

static void test_by_hand(void **state _unused_)
{
	char program[] = "/proc/self/exe", argument[] = "--keeper";
	char *arguments[] = { program, argument, NULL };
	_cleanup_free_ char *run = strprintf("RUNTIME_DIRECTORY=%s", world.directory),
			    *kernel = strprintf("FAKE_KERNEL=%s", world.directory),
			    *asan = inherited("ASAN_OPTIONS");
	char *environment[] = { run, kernel, asan, NULL };
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, world.log,
					 O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(posix_spawn(&world.pid, program, &actions, NULL, arguments, environment),
			 0);
	posix_spawn_file_actions_destroy(&actions);
	while (access(world.socket, F_OK) < 0)
		usleep(2000);
	while (!logged("Not started by systemd"))
		usleep(2000);

	assert_int_equal(listed_flags(), 0);
	put("luod/0/vm");
	assert_int_equal(fake_pid1_count(&world.pid1, NULL), 0);
	assert_true(alive("luod/0/vm"));
	kill(world.pid, SIGUSR1);
	assert_true(becomes(log_has, "Not restarting", true));
	assert_int_equal(fdstore_drop(world.store, "luod/0/vm"), 0);
	assert_false(alive("luod/0/vm"));
	kill(world.pid, SIGINT);
	assert_exits(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deaf_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck_pid1, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unwanted_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent_clients, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deaf_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_when_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_is_deferred, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_store_emptied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_instance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_hand, setup, teardown),
	};

	if (keeper_world_is_keeper(argc, argv))
		return keeper_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

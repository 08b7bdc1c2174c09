/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper-world - the real luod-keeper in a process of its own, between a fake PID 1 and a fake
 * kernel.
 *
 * A test program that includes this is both sides: cmocka runs the test, and the test runs the
 * program again with --keeper, which makes it luod-keeper. Its main() is included below, its
 * kdev_luo_*() are those of this file (a linked archive would give them to every test).
 *
 * A fake session is a file that says its name, locked with flock(): the lock lives exactly as long
 * as the last fd of that open file, wherever that fd is. So a test can ask whether anybody still
 * holds a session, which is all that matters to the kernel too.
 */
#ifndef LUOD_TEST_KEEPER_WORLD_H
#define LUOD_TEST_KEEPER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "fake-pid1.h"
#include "luod/fdstore.h"

static int keeper_main(int argc, char **argv);
#define main keeper_main
#include "luod/keeper.c"
#undef main

#define PATIENCE_USEC (20 * USEC_PER_SEC)

/* --- the fake kernel: a directory; $FAKE_KERNEL in the keeper, `world.directory` in the test ---- */

static const char *kernel_directory;

_unused_ static char *kernel_path(const char *folder, const char *name)
{
	char *path =
		strprintf("%s/%s%s%s", kernel_directory, folder, name ? "/" : "", strempty(name));

	for (char *p = path + strlen(path) - strlen(strempty(name)); *p; p++)
		if (*p == '/')
			*p = '%';
	return path;
}

_unused_ static bool kernel_has(const char *folder, const char *name)
{
	_cleanup_free_ char *path = kernel_path(folder, name);

	return access(path, F_OK) == 0;
}

_unused_ static int session_open(const char *folder, const char *name)
{
	_cleanup_free_ char *path = kernel_path(folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || dprintf(fd, "session:%s", name) < 0)
		abort();
	return fd;
}

int kdev_luo_try_open(void)
{
	if (kernel_has("absent", NULL))
		return -ENOENT;
	return kernel_has("busy", NULL) ? -EBUSY : open("/dev/null", O_RDWR | O_CLOEXEC);
}

int kdev_luo_retrieve_session_on(int device, const char *name, int *ret_fd)
{
	_cleanup_free_ char *from = kernel_path("incoming", name), *to = kernel_path("live", name);

	if (rename(from, to) < 0)
		return access(to, F_OK) == 0 ? -EINVAL : -ENOENT;
	*ret_fd = session_open("live", name);
	return 0;
}

int kdev_luo_session_get_name(int session, char ret_name[static KDEV_LUO_NAME_SIZE])
{
	char text[sizeof("session:") + KDEV_LUO_NAME_MAX] = "";

	if (pread(session, text, sizeof(text) - 1, 0) < 0 || strncmp(text, "session:", 8) != 0)
		return -ENOTTY;
	snprintf(ret_name, KDEV_LUO_NAME_SIZE, "%s", text + 8);
	return 0;
}

int kdev_luo_is_session_fd(int fd)
{
	char name[KDEV_LUO_NAME_SIZE];

	return kdev_luo_session_get_name(fd, name) >= 0;
}

int kdev_luo_session_retrieve_fd(int session, uint64_t token, int *ret_fd)
{
	_cleanup_free_ char *path = kernel_path("names", NULL);
	char name[KDEV_LUO_NAME_SIZE];
	int fd;

	if (kdev_luo_session_get_name(session, name) < 0 || !streq(name, "luod") || token != 2)
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

uint64_t kdev_luo_next_backoff(uint64_t previous_usec)
{
	return 10 * USEC_PER_MSEC;
}

/* --- the world around one keeper ----------------------------------------------------------------- */

struct world {
	char directory[64];
	char *socket;
	char *log;
	struct fake_pid1 pid1;
	struct fdstore *store;
	pid_t pid;
	const char *extra; /* one more variable for the keeper's environment */
};

static struct world world;

_unused_ static int setup(void **state _unused_)
{
	static const char *const folders[] = { "incoming", "live" };
	_cleanup_free_ char *notify = NULL;

	world = (struct world){ .directory = "/tmp/test-keeper.XXXXXX" };
	assert_non_null(mkdtemp(world.directory));
	kernel_directory = world.directory;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = kernel_path(folders[i], NULL);

		assert_int_equal(mkdir(path, 0700), 0);
	}
	notify = kernel_path("notify", NULL);
	world.socket = kernel_path("keeper", NULL);
	world.log = kernel_path("log", NULL);
	fake_pid1_start(&world.pid1, notify);
	assert_int_equal(fdstore_open(world.socket, &world.store), 0);
	return 0;
}

_unused_ static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

_unused_ static bool logged(const char *text)
{
	_cleanup_free_ char *log = NULL;

	assert_int_equal(file_read_full(world.log, 1 << 20, &log, NULL), 0);
	return strstr(log, text);
}

_unused_ static int teardown(void **state _unused_)
{
	if (world.pid > 0) {
		kill(world.pid, SIGKILL);
		waitpid(world.pid, NULL, 0);
	}
	assert_false(logged("Sanitizer"));
	assert_false(logged("runtime error"));
	fdstore_close(world.store);
	fake_pid1_stop(&world.pid1);
	free(world.socket);
	free(world.log);
	return nftw(world.directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

_unused_ static char *inherited(const char *variable)
{
	const char *value = getenv(variable);

	return strprintf("%s=%s", variable, strempty(value));
}

_unused_ static pid_t spawn(void)
{
	char program[] = "/proc/self/exe", argument[] = "--keeper";
	_cleanup_free_ char *run = strprintf("RUNTIME_DIRECTORY=%s", world.directory),
			    *kernel = strprintf("FAKE_KERNEL=%s", world.directory),
			    *asan = inherited("ASAN_OPTIONS"), *ubsan = inherited("UBSAN_OPTIONS");
	char *arguments[] = { program, argument, NULL };
	char *environment[] = { run, kernel, asan, ubsan, (char *)world.extra, NULL };

	return fake_pid1_spawn(&world.pid1, arguments, environment, world.log);
}

_unused_ static void start(void)
{
	fake_pid1_clear_ready(&world.pid1);
	world.pid = spawn();
	assert_true(fake_pid1_wait_ready(&world.pid1, PATIENCE_USEC));
}

_unused_ static int ended(pid_t pid)
{
	int status;

	for (int i = 0; i < 2000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(5000);
	}
	fail_msg("the keeper did not end");
	return -1;
}

_unused_ static void kill_it(void)
{
	kill(world.pid, SIGKILL);
	assert_true(WIFSIGNALED(ended(world.pid)));
	world.pid = 0;
}

/* Whether any fd of the session is open anywhere. */
_unused_ static bool alive(const char *name)
{
	_cleanup_free_ char *path = kernel_path("live", name);
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return flock(fd, LOCK_EX | LOCK_NB) < 0;
}

_unused_ static bool becomes(bool (*condition)(const char *), const char *argument, bool value)
{
	uint64_t deadline = now() + PATIENCE_USEC;

	while (now() < deadline) {
		if (condition(argument) == value)
			return true;
		usleep(5000);
	}
	return false;
}

/* A session as luod creates it: given to the keeper, and held by nobody else after that. */
_unused_ static void put(const char *name)
{
	_cleanup_close_ int fd = session_open("live", name);

	assert_int_equal(fdstore_put(world.store, name, fd), 0);
}

_unused_ static void arrives(const char *name)
{
	close(session_open("incoming", name));
}

_unused_ static void names_arrive(const void *data, size_t size)
{
	_cleanup_free_ char *path = kernel_path("names", NULL);

	assert_int_equal(file_write_atomic(path, data, size, 0600), 0);
	arrives("luod");
}

_unused_ static void touch(const char *what, bool exists)
{
	_cleanup_free_ char *path = kernel_path(what, NULL);
	int fd;

	if (!exists) {
		unlink(path);
		return;
	}
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/* 0: not held. */
_unused_ static uint32_t origin(const char *name)
{
	_cleanup_free_ struct fdstore_list *list = NULL;

	assert_int_equal(fdstore_list(world.store, &list), 0);
	for (size_t i = 0; i < list->count; i++)
		if (streq(list->entries[i].name, name))
			return list->entries[i].origin;
	return 0;
}

_unused_ static uint32_t listed_flags(void)
{
	_cleanup_free_ struct fdstore_list *list = NULL;

	assert_int_equal(fdstore_list(world.store, &list), 0);
	return list->flags;
}

_unused_ static size_t listed_count(void)
{
	_cleanup_free_ struct fdstore_list *list = NULL;

	assert_int_equal(fdstore_list(world.store, &list), 0);
	return list->count;
}

_unused_ static bool is_retrieving(const char *unused)
{
	return listed_flags() & KEEPER_FLAG_RETRIEVING;
}

/*
 * What the test programs' main() does first: become the keeper when that is asked for. A keeper
 * does not go because somebody wants it to, so one that outlives a killed test ends by itself.
 */
static bool keeper_world_is_keeper(int argc, char **argv)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const struct itimerspec five_minutes = { .it_value.tv_sec = 300 };
	timer_t timer;

	if (argc < 2 || !streq(argv[1], "--keeper"))
		return false;
	kernel_directory = getenv("FAKE_KERNEL");
	return timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 &&
	       timer_settime(timer, 0, &five_minutes, NULL) == 0;
}

#endif

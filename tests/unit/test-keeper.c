/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper: what it holds, over its own death, and what it takes from the previous kernel.
 * (What others do wrong, and how it ends: test-keeper-faults.c.)
 */
#include "keeper-world.h"

/* --- holding ---------------------------------------------------------------------------------------- */

static void test_put_get_drop(void **state _unused_)
{
	_cleanup_close_ int copy = -EBADF;
	int fd;

	start();
	assert_int_equal(listed_flags(), KEEPER_FLAG_STORE);
	fd = session_open("live", "luod/0/vm");
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", fd), 0);
	assert_int_equal(fake_pid1_count(&world.pid1, "luod/0/vm"), 1);
	assert_int_equal(world.pid1.polled, 0);
	assert_int_equal(origin("luod/0/vm"), KEEPER_ORIGIN_PUT);

	assert_int_equal(fdstore_get(world.store, "luod/0/vm", &copy), 0);
	assert_int_equal(fcntl(copy, F_DUPFD_QUERY, fd), 1);
	assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
	close(fd);
	copy = close_fd(copy);
	assert_true(alive("luod/0/vm"));

	assert_int_equal(fdstore_drop(world.store, "luod/0/vm"), 0);
	assert_false(alive("luod/0/vm"));
	assert_int_equal(fake_pid1_count(&world.pid1, NULL), 0);
	assert_int_equal(fdstore_drop(world.store, "luod/0/vm"), -ENOENT);
	assert_int_equal(fdstore_get(world.store, "luod/0/vm", &fd), -ENOENT);
}

static void test_put_refused(void **state _unused_)
{
	static const char *const bad[] = { "",	     "luo",	  "luodx",
					   "luod/",  "systemd",	  "luod/0/a b",
					   "luod/:", "luod/0/\n", "luod/0/\xc3" };
	_cleanup_close_ int other = memfd_new("other"), first = -EBADF, second = -EBADF;

	start();
	first = session_open("live", "luod/0/vm");
	second = session_open("incoming", "luod/0/vm");
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", other), -EMEDIUMTYPE);
	assert_int_equal(fdstore_put(world.store, "luod/0/mv", first), -EMEDIUMTYPE);
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", -EBADF), -EBADF);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(fdstore_put(world.store, bad[i], first), -EINVAL);
	assert_int_equal(listed_count(), 0);

	assert_int_equal(fdstore_put(world.store, "luod/0/vm", first), 0);
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", first), 0);
	assert_int_equal(fdstore_put(world.store, "luod/0/vm", second), -EEXIST);
	assert_int_equal(listed_count(), 1);
	assert_int_equal(fake_pid1_count(&world.pid1, NULL), 1);
}

static void test_sigkill(void **state _unused_)
{
	_cleanup_free_ struct fdstore_list *before = NULL, *after = NULL;

	start();
	put("luod");
	put("luod/1000/a");
	assert_int_equal(fdstore_list(world.store, &before), 0);
	for (int i = 0; i < 3; i++) {
		kill_it();
		assert_true(alive("luod"));
		assert_true(alive("luod/1000/a"));
		start();
	}
	assert_int_equal(fdstore_list(world.store, &after), 0);
	assert_int_equal(after->count, 2);
	assert_int_equal(after->tsc_start, before->tsc_start);
	assert_int_equal(after->tsc_ready, before->tsc_ready);
	assert_int_equal(origin("luod"), KEEPER_ORIGIN_PUT);
	assert_int_equal(origin("luod/1000/a"), KEEPER_ORIGIN_PUT);
	assert_int_equal(fdstore_drop(world.store, "luod/1000/a"), 0);
	assert_false(alive("luod/1000/a"));
}

/* luod asks again by itself: the request that was under way is answered by the next keeper. */
static void *revive(void *pid_was)
{
	usleep(200 * 1000);
	kill(*(pid_t *)pid_was, SIGKILL);
	waitpid(*(pid_t *)pid_was, NULL, 0);
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_WELL);
	world.pid = spawn();
	return NULL;
}

static void test_sigkill_during_put(void **state _unused_)
{
	pthread_t thread;
	pid_t first;

	start();
	fake_pid1_set_mood(&world.pid1, FAKE_PID1_DEAF);
	first = world.pid;
	assert_int_equal(pthread_create(&thread, NULL, revive, &first), 0);
	put("luod/0/vm");
	pthread_join(thread, NULL);
	assert_true(world.pid != first);
	assert_true(alive("luod/0/vm"));
	assert_int_equal(origin("luod/0/vm"), KEEPER_ORIGIN_PUT);
}

#define KILLS 60

/* At any moment of a request, but not so often that no request can end. */
static void *kill_often(void *n_kills)
{
	unsigned int seed = 1;

	for (; *(volatile int *)n_kills < KILLS; ++*(volatile int *)n_kills) {
		fake_pid1_wait_ready(&world.pid1, PATIENCE_USEC);
		usleep((useconds_t)(rand_r(&seed) % 5000));
		kill(world.pid, SIGKILL);
		waitpid(world.pid, NULL, 0);
		fake_pid1_clear_ready(&world.pid1);
		world.pid = spawn();
	}
	return NULL;
}

/* Whatever was answered with 0 is true, however often the keeper dies in between. */
static void test_sigkill_any_time(void **state _unused_)
{
	volatile int n_kills = 0;
	pthread_t thread;

	start();
	fdstore_set_timeout(world.store, PATIENCE_USEC);
	assert_int_equal(pthread_create(&thread, NULL, kill_often, (void *)&n_kills), 0);
	while (n_kills < KILLS) {
		put("luod/0/a");
		put("luod/0/b");
		assert_true(alive("luod/0/a"));
		assert_int_equal(fdstore_drop(world.store, "luod/0/a"), 0);
		assert_int_equal(listed_count(), 1);
		assert_int_equal(fdstore_drop(world.store, "luod/0/b"), 0);
	}
	pthread_join(thread, NULL);
	put("luod/0/a");
	assert_int_equal(origin("luod/0/a"), KEEPER_ORIGIN_PUT);
	assert_int_equal(listed_count(), 1);
	assert_int_equal(fake_pid1_count(&world.pid1, NULL), 1);
	assert_false(logged("it is lost"));
}

static void test_quota(void **state _unused_)
{
	_cleanup_close_ int fd = -EBADF;

	world.extra = "FDSTORE=2";
	start();
	put("luod/0/a");
	put("luod/0/b");
	fd = session_open("live", "luod/0/c");
	assert_int_equal(fdstore_put(world.store, "luod/0/c", fd), -ENOSPC);
	assert_int_equal(fdstore_drop(world.store, "luod/0/a"), 0);
	assert_int_equal(fdstore_put(world.store, "luod/0/c", fd), 0);
}

/* --- the next kernel ---------------------------------------------------------------------------- */

static const char three_names[3][KEEPER_NAME_SIZE] = { "luod/0/a", "luod/0/b", "luod/1000/c" };

static void test_by_name(void **state _unused_)
{
	names_arrive(three_names, sizeof(three_names));
	for (size_t i = 0; i < 3; i++)
		arrives(three_names[i]);
	start();
	for (int round = 0; round < 2; round++) {
		assert_int_equal(listed_flags(), KEEPER_FLAG_STORE);
		assert_int_equal(listed_count(), 4);
		assert_int_equal(fake_pid1_count(&world.pid1, NULL), 4);
		assert_int_equal(origin("luod"), KEEPER_ORIGIN_NAME);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(origin(three_names[i]), KEEPER_ORIGIN_NAME);
		kill_it();
		for (size_t i = 0; i < 3; i++)
			assert_true(alive(three_names[i]));
		start();
	}
	assert_false(logged("<3>"));
}

static void test_by_fdstore(void **state _unused_)
{
	_cleanup_close_ int own = session_open("live", "luod"),
			    a = session_open("live", "luod/0/a");
	_cleanup_free_ char *names = kernel_path("names", NULL);

	assert_int_equal(file_write_atomic(names, three_names, sizeof(three_names), 0600), 0);
	arrives("luod/0/b");
	fake_pid1_store(&world.pid1, "luod", own);
	fake_pid1_store(&world.pid1, "luod/0/a", a);
	start();
	/* One that nobody has is reported and does not keep the others from coming. */
	assert_int_equal(listed_flags(), KEEPER_FLAG_STORE | KEEPER_FLAG_INCOMPLETE);
	assert_true(logged("<3>Cannot retrieve session luod/1000/c"));
	assert_false(logged("Cannot retrieve session luod/0/a"));
	assert_int_equal(origin("luod"), KEEPER_ORIGIN_FDSTORE);
	assert_int_equal(origin("luod/0/a"), KEEPER_ORIGIN_FDSTORE);
	assert_int_equal(origin("luod/0/b"), KEEPER_ORIGIN_NAME);
	assert_int_equal(fake_pid1_count(&world.pid1, NULL), 3);
}

static void test_nothing_came(void **state _unused_)
{
	start();
	assert_int_equal(listed_flags(), KEEPER_FLAG_STORE);
	assert_int_equal(listed_count(), 0);
	kill_it();
	/* Without LUO, too. */
	touch("keeper-state", false);
	touch("absent", true);
	start();
	assert_int_equal(listed_flags(), KEEPER_FLAG_STORE);
	assert_int_equal(fdstore_retrieve(world.store, "luod/0/a"), -ENOENT);
	assert_false(logged("<3>"));
}

static void test_busy_device(void **state _unused_)
{
	names_arrive(three_names, sizeof(three_names[0]));
	arrives("luod/0/a");
	touch("busy", true);
	start();
	assert_true(logged("is busy"));
	assert_true(is_retrieving(NULL));
	assert_int_equal(fdstore_retrieve(world.store, "luod/0/a"), -EBUSY);
	put("luod/0/other");
	kill_it();
	start();
	assert_true(is_retrieving(NULL));

	touch("busy", false);
	assert_true(becomes(is_retrieving, NULL, false));
	assert_int_equal(origin("luod"), KEEPER_ORIGIN_NAME);
	assert_int_equal(origin("luod/0/a"), KEEPER_ORIGIN_NAME);
	assert_int_equal(origin("luod/0/other"), KEEPER_ORIGIN_PUT);
	assert_int_equal(listed_flags(), KEEPER_FLAG_STORE);
	kill_it();
	start();
	assert_false(is_retrieving(NULL));
}

static void test_hostile_names(void **state _unused_)
{
	static const char names[][KEEPER_NAME_SIZE] = {
		"", "systemd", "luod/", "luod/0/a:b", "luod/0/\x1b", "luod", "luod/0/a", "luod/0/a",
	};
	char list[sizeof(names) + KEEPER_NAME_SIZE + 7];

	memcpy(list, names, sizeof(names));
	memset(list + sizeof(names), 'x', sizeof(list) - sizeof(names));
	memcpy(list + sizeof(names), "luod/", 5);
	names_arrive(list, sizeof(list));
	arrives("luod/0/a");
	arrives("systemd");
	start();
	assert_int_equal(listed_count(), 2);
	assert_int_equal(origin("luod/0/a"), KEEPER_ORIGIN_NAME);
	assert_true(kernel_has("incoming", "systemd"));
	assert_false(logged("Cannot retrieve"));
	assert_true(listed_flags() & KEEPER_FLAG_INCOMPLETE);
}

static void unreadable_names(void)
{
	arrives("luod/0/a");
	start();
	assert_true(listed_flags() & KEEPER_FLAG_INCOMPLETE);
	assert_int_equal(origin("luod"), KEEPER_ORIGIN_NAME);
	assert_int_equal(origin("luod/0/a"), 0);
	assert_int_equal(fdstore_retrieve(world.store, "luod/0/a"), 0);
	assert_int_equal(fdstore_retrieve(world.store, "luod/0/a"), 0);
	assert_int_equal(fdstore_retrieve(world.store, "luod/0/b"), -ENOENT);
	assert_int_equal(origin("luod/0/a"), KEEPER_ORIGIN_NAME);
	assert_int_equal(fake_pid1_count(&world.pid1, "luod/0/a"), 1);
}

static void test_endless_names(void **state _unused_)
{
	static char list[(KEEPER_SESSIONS_MAX + 1) * KEEPER_NAME_SIZE];

	for (size_t i = 0; i < sizeof(list); i += KEEPER_NAME_SIZE)
		snprintf(list + i, KEEPER_NAME_SIZE, "luod/0/a");
	names_arrive(list, sizeof(list));
	unreadable_names();
}

static void test_no_names(void **state _unused_)
{
	arrives("luod");
	unreadable_names();
}

static void test_names_no_file(void **state _unused_)
{
	_cleanup_free_ char *path = kernel_path("names", NULL);

	assert_int_equal(mkdir(path, 0700), 0);
	arrives("luod");
	unreadable_names();
}

/* What PID 1 says about an fd is only a label; and what is not understood is not closed. */
static void test_strange_fds(void **state _unused_)
{
	_cleanup_close_ int a = session_open("live", "luod/0/a"),
			    foreign = session_open("live", "vm");
	_cleanup_close_ int again = session_open("incoming", "luod/0/a");

	fake_pid1_store(&world.pid1, "stored", a);
	fake_pid1_store(&world.pid1, "luod/0/b", foreign);
	fake_pid1_store(&world.pid1, "luod/0/a", again);
	start();
	assert_int_equal(listed_count(), 1);
	assert_int_equal(origin("luod/0/a"), KEEPER_ORIGIN_FDSTORE);
	assert_int_equal(fake_pid1_count(&world.pid1, "stored"), 0);
	assert_int_equal(fake_pid1_count(&world.pid1, "luod/0/a"), 2);
	fake_pid1_empty(&world.pid1);
	a = close_fd(a);
	foreign = close_fd(foreign);
	assert_true(alive("luod/0/a"));
	assert_true(alive("vm"));
	assert_true(logged("no session of luod"));
}

static void test_damaged_state(void **state _unused_)
{
	static const uint32_t texts[][12] = {
		[1] = { 77 },
		[2] = { 1, UINT32_MAX },
		[3] = { 1, 1 },
	};
	_cleanup_free_ char *path = kernel_path("keeper-state", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(file_write_atomic(path, texts[i], i ? sizeof(texts[i]) : 3, 0600),
				 0);
		start();
		assert_int_equal(listed_count(), 0);
		kill_it();
		assert_true(logged("Cannot read"));
		assert_int_equal(truncate(world.log, 0), 0);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_get_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sigkill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sigkill_during_put, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sigkill_any_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_by_fdstore, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_came, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_device, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strange_fds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_state, setup, teardown),
	};

	if (keeper_world_is_keeper(argc, argv))
		return keeper_main(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

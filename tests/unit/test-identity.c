/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity: who is calling, as luod learns it. The bus driver is played by a thread at the other end
 * of a socket; what it answers about ":1.7" is the test's choice.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "luod/identity.h"
#include "luod/log.h"

#define UID 4711

/* What the driver says. */
struct answer_of_driver {
	bool has_uid, has_pid, has_pidfd;
	pid_t pid;
	int pidfd;
	unsigned int asked;
};

struct world {
	struct bus_set set;
	struct answer_of_driver driver;
	sd_bus *server;
	pthread_t thread;
};

static int append_answer(sd_bus_message *reply, const struct answer_of_driver *d)
{
	int r = sd_bus_message_open_container(reply, 'a', "{sv}");

	if (r >= 0)
		r = sd_bus_message_append(reply, "{sv}", "LinuxSecurityLabel", "s", "none");
	if (r >= 0 && d->has_uid)
		r = sd_bus_message_append(reply, "{sv}", "UnixUserID", "u", (uint32_t)UID);
	if (r >= 0 && d->has_pid)
		r = sd_bus_message_append(reply, "{sv}", "ProcessID", "u", (uint32_t)d->pid);
	if (r >= 0 && d->has_pidfd)
		r = sd_bus_message_append(reply, "{sv}", "ProcessFD", "h", d->pidfd);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct world *w = userdata;
	int r;

	if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus", "GetConnectionCredentials"))
		return 0;
	w->driver.asked++;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = append_answer(reply, &w->driver);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Until the other end is closed. */
static void *serve(void *userdata)
{
	struct world *w = userdata;
	int r = 0;

	while (r >= 0) {
		r = sd_bus_process(w->server, NULL);
		if (r == 0)
			r = sd_bus_wait(w->server, UINT64_MAX);
	}
	return NULL;
}

static void start_server(struct world *w, int fd)
{
	assert_true(sd_bus_new(&w->server) >= 0);
	assert_true(sd_bus_set_fd(w->server, fd, fd) >= 0);
	assert_true(sd_bus_set_server(w->server, true,
				      SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f,
						    0)) >= 0);
	assert_true(sd_bus_negotiate_fds(w->server, true) >= 0);
	assert_true(sd_bus_add_filter(w->server, NULL, on_call, w) >= 0);
	assert_true(sd_bus_start(w->server) >= 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int fds[2];

	assert_non_null(w);
	log_set_level(LOG_CRIT);
	bus_set_init(&w->set, NULL, NULL, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	start_server(w, fds[0]);
	assert_true(sd_bus_new(&w->set.system) >= 0);
	assert_true(sd_bus_set_fd(w->set.system, fds[1], fds[1]) >= 0);
	assert_true(sd_bus_negotiate_fds(w->set.system, true) >= 0);
	assert_true(sd_bus_start(w->set.system) >= 0);
	w->driver = (struct answer_of_driver){ .has_uid = true, .has_pid = true, .pid = getpid() };
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	bus_set_clear(&w->set);
	assert_int_equal(pthread_join(w->thread, NULL), 0);
	sd_bus_flush_close_unref(w->server);
	free(w);
	return 0;
}

/* As bus_set_identify() of a message that @sender has sent. */
static int identify(struct world *w, const char *sender, const struct identity **ret,
		    sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

	assert_true(sd_bus_message_new_method_call(w->set.system, &m, LUOD_BUS_NAME, LUOD_ROOT,
						   LUOD_MANAGER_INTERFACE, "ClaimSession") >= 0);
	if (sender)
		assert_true(sd_bus_message_set_sender(m, sender) >= 0);
	return bus_set_identify(&w->set, m, ret, error);
}

/* A process that is gone, with a pidfd that says so; its pid has not been given to anybody yet. */
static int dead_process(pid_t *ret)
{
	pid_t pid = fork();
	int pidfd;

	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	pidfd = pidfd_open(pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	*ret = pid;
	return pidfd;
}

static void test_with_pidfd(void **state)
{
	_cleanup_close_ int pidfd = pidfd_open(getpid(), 0);
	const struct identity *first, *second;
	struct world *w = *state;

	assert_true(pidfd >= 0);
	w->driver.has_pidfd = true;
	w->driver.pidfd = pidfd;
	assert_int_equal(identify(w, ":1.7", &first, NULL), 0);
	assert_int_equal(first->uid, UID);
	assert_int_equal(first->pid, getpid());
	assert_true(first->unit_sure);
	assert_non_null(identity_unit(first));
	assert_string_equal(identity_unit(first), first->unit);
	assert_string_equal(identity_way_out(first), "");
	/* The driver is asked once for each name. */
	assert_int_equal(identify(w, ":1.7", &second, NULL), 0);
	assert_ptr_equal(second, first);
	assert_int_equal(w->driver.asked, 1);
	assert_int_equal(identify(w, ":1.8", &second, NULL), 0);
	assert_int_equal(w->driver.asked, 2);
}

/* What the cgroup of that pid says now is not what it said of the caller. */
static void test_without_pidfd(void **state)
{
	const struct identity *identity;
	struct world *w = *state;

	w->driver.pid = 1;
	assert_int_equal(identify(w, ":1.7", &identity, NULL), 0);
	assert_int_equal(identity->uid, UID);
	assert_int_equal(identity->pid, 1);
	assert_string_equal(identity->unit, "");
	assert_false(identity->unit_sure);
	assert_null(identity_unit(identity));
	assert_non_null(strstr(identity_way_out(identity), "/run/luod/bus"));
}

static void test_dead(void **state)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	const struct identity *identity;
	struct world *w = *state;
	_cleanup_close_ int pidfd = dead_process(&w->driver.pid);

	w->driver.has_pidfd = true;
	w->driver.pidfd = pidfd;
	assert_int_equal(identify(w, ":1.7", &identity, &error), -EACCES);
	assert_true(sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED));
	assert_non_null(strstr(error.message, "while the calling process is alive"));
	/* The pid is this process's by now: the connection may be older. */
	w->driver.pid = getpid();
	assert_int_equal(identify(w, ":1.7", &identity, NULL), -EACCES);
	assert_int_equal(w->driver.asked, 2); /* a refusal is not remembered */
}

static void test_missing_keys(void **state)
{
	_cleanup_close_ int pidfd = pidfd_open(getpid(), 0);
	const struct identity *identity;
	struct world *w = *state;

	w->driver.has_pidfd = true;
	w->driver.pidfd = pidfd;
	w->driver.has_pid = false;
	assert_int_equal(identify(w, ":1.7", &identity, NULL), -EACCES);
	w->driver.has_pid = true;
	w->driver.has_uid = false;
	assert_int_equal(identify(w, ":1.7", &identity, NULL), -EACCES);
	assert_int_equal(identify(w, NULL, &identity, NULL), -EACCES);
}

static void test_peer(void **state _unused_)
{
	struct identity identity;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(identity_of_peer(fds[0], &identity), 0);
	assert_int_equal(identity.uid, getuid());
	assert_int_equal(identity.pid, getpid());
	assert_null(identity.sender);
	assert_non_null(identity.unit);
	identity_clear(&identity);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(identity_of_peer(fds[0], &identity), -EBADF);
}

/* Who cannot be asked for now is nobody else for that: an identity is for as long as the connection. */
static void test_peer_without_room(void **state _unused_)
{
	struct identity identity;
	struct rlimit limit, few;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = (rlim_t)fds[1] + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(identity_of_peer(fds[0], &identity), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(identity_of_peer(fds[0], &identity), 0);
	identity_clear(&identity);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_with_pidfd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_pidfd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_keys, setup, teardown),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_peer_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

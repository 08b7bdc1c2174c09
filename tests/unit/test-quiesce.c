/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quiesce: what was stopped for an update that is called off is started again, whatever becomes of the luod
 * that has asked for it, and of its connection to PID 1.
 *
 * PID 1 is a child for each connection, which notes what it is asked for in memory that all share. It
 * may end at some call, as if it executed itself anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "luod/barrier.h"
#include "luod/log.h"
#include "luod/quiesce.h"

#define LIST   "a.service\nb.socket\nc.timer\n"
#define STARTS "a.service b.socket c.timer "

static struct shared {
	char starts[256];     /* all units that were to be started, each with a space behind it */
	char active[64];      /* what PID 1 says is active */
	unsigned int calls;   /* of StartUnit */
	unsigned int gone_at; /* that call, counted from 1, PID 1 does not hear */
} * w;

static struct manager m;
static char run_dir[64];

/* --- PID 1 ------------------------------------------------------------------------------------ */

static int list_units(sd_bus_message *call)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r;

	if ((r = sd_bus_message_new_method_return(call, &reply)) < 0 ||
	    (r = sd_bus_message_open_container(reply, 'a', "(ssssssouso)")) < 0 ||
	    (*w->active && (r = sd_bus_message_append(reply, "(ssssssouso)", w->active, "", "", "",
						      "", "", "/u", 0, "", "/j")) < 0) ||
	    (r = sd_bus_message_close_container(reply)) < 0)
		return r;
	return sd_bus_send(NULL, reply, NULL);
}

static void note_start(const char *unit)
{
	size_t used = strlen(w->starts);

	if (snprintf(w->starts + used, sizeof(w->starts) - used, "%s ", unit) >=
	    (int)(sizeof(w->starts) - used))
		_exit(1);
}

static int on_call(sd_bus_message *call, void *userdata _unused_, sd_bus_error *error _unused_)
{
	const char *unit;

	if (sd_bus_message_is_method_call(call, NULL, "ListUnitsFiltered"))
		return list_units(call);
	if (sd_bus_message_is_method_call(call, NULL, "StartUnit")) {
		if (++w->calls == w->gone_at)
			_exit(0);
		sd_bus_message_read(call, "s", &unit);
		note_start(unit);
	}
	return sd_bus_reply_method_return(call, "o", "/job");
}

static void serve(int fd)
{
	sd_id128_t id = {};
	sd_bus *bus;
	int r;

	r = sd_bus_new(&bus);
	if (r >= 0 && (r = sd_bus_set_fd(bus, fd, fd)) >= 0 &&
	    (r = sd_bus_set_server(bus, true, id)) >= 0 &&
	    (r = sd_bus_add_filter(bus, NULL, on_call, NULL)) >= 0)
		r = sd_bus_start(bus);
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	_exit(0);
}

/* In place of libsystemd's: luod names the socket of this machine's PID 1. */
int sd_bus_set_address(sd_bus *bus, const char *address _unused_)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[0]);
		serve(fds[1]);
	}
	close(fds[1]);
	return sd_bus_set_fd(bus, fds[0], fds[0]);
}

/* --- luod ------------------------------------------------------------------------------------- */

static void luod_begins(void)
{
	m = (struct manager){ .kernel_fd = -EBADF, .update.timeline.fd = -EBADF };
	m.paths.run = run_dir;
	TAILQ_INIT(&m.sessions);
	TAILQ_INIT(&m.jobs);
	assert_true(sd_event_new(&m.event) >= 0);
	assert_int_equal(quiesce_prepare(&m), 0);
}

static void luod_ends(void)
{
	pid1_clear(&m.pid1);
	sd_event_source_disable_unref(m.quiesce_again);
	sd_event_unref(m.event);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int setup(void **state _unused_)
{
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w, MAP_FAILED);
	snprintf(run_dir, sizeof(run_dir), "/tmp/luod-quiesce-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	log_set_level(LOG_EMERG);
	luod_begins();
	return 0;
}

static char *list_path(void)
{
	return strprintf("%s/quiesced-units", run_dir);
}

static int teardown(void **state _unused_)
{
	_cleanup_free_ char *path = list_path();

	luod_ends();
	unlink(path);
	rmdir(run_dir);
	munmap(w, sizeof(*w));
	return 0;
}

static void write_list(const char *text)
{
	_cleanup_free_ char *path = list_path();

	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static bool list_is(const char *text)
{
	_cleanup_free_ char *path = list_path(), *now = NULL;

	return file_read_full(path, 4096, &now, NULL) < 0 ? !text : text && streq(now, text);
}

static void run_until_there_is_no_list(void)
{
	for (int i = 0; i < 1000 && !list_is(NULL); i++)
		assert_true(sd_event_run(m.event, 5 * USEC_PER_SEC) > 0);
	assert_true(list_is(NULL));
}

/* --- the tests -------------------------------------------------------------------------------- */

static void test_undo(void **state _unused_)
{
	write_list(LIST);
	quiesce_undo(&m);
	assert_true(list_is(LIST));
	run_until_there_is_no_list();
	assert_string_equal(w->starts, STARTS);
}

/* An update that begins meanwhile, and does not come as far, does not start it either. */
static void test_another_update_meanwhile(void **state _unused_)
{
	write_list(LIST);
	m.update.phase = PHASE_PREPARING;
	quiesce_settle(&m);
	assert_true(sd_event_run(m.event, 5 * USEC_PER_SEC) > 0);
	assert_string_equal(w->starts, "");
	assert_true(list_is(LIST));
	m.update.phase = PHASE_IDLE;
	run_until_there_is_no_list();
	assert_string_equal(w->starts, STARTS);
}

/* For want of an fd, say: what it has stopped, nobody else would start. */
static void test_list_cannot_be_read(void **state _unused_)
{
	_cleanup_free_ char *path = list_path();

	assert_int_equal(mkdir(path, 0700), 0);
	quiesce_undo(&m);
	assert_int_equal(rmdir(path), 0);
	write_list(LIST);
	run_until_there_is_no_list();
	assert_string_equal(w->starts, STARTS);
}

/* Restarted while it asked: PID 1 may have heard nothing of it, or some. */
static void test_luod_ends(void **state _unused_)
{
	write_list(LIST);
	quiesce_undo(&m);
	luod_ends();
	assert_true(list_is(LIST));
	w->starts[0] = '\0';
	luod_begins();
	quiesce_settle(&m);
	quiesce_settle(&m);
	run_until_there_is_no_list();
	assert_string_equal(w->starts, STARTS);
}

static void test_connection_lost(void **state _unused_)
{
	w->gone_at = 2;
	write_list(LIST);
	quiesce_undo(&m);
	run_until_there_is_no_list();
	assert_string_equal(w->starts, "a.service " STARTS);
}

static void test_nothing_stopped(void **state _unused_)
{
	quiesce_settle(&m);
	assert_null(m.pid1.bus);
	write_list(LIST);
	m.update.phase = PHASE_PREPARING;
	quiesce_settle(&m);
	assert_null(m.pid1.bus);
}

/* An update that comes before the undo of the one before it is over. */
static void test_next_update(void **state _unused_)
{
	write_list(LIST);
	quiesce_undo(&m);
	snprintf(w->active, sizeof(w->active), "b.socket");
	assert_int_equal(quiesce_act(&m), STEP_WAIT);
	assert_true(list_is("b.socket\na.service\nc.timer\n"));
	while (m.pid1.unanswered > 0)
		assert_true(sd_event_run(m.event, 5 * USEC_PER_SEC) > 0);
	assert_true(list_is("b.socket\na.service\nc.timer\n"));
	quiesce_undo(&m);
	run_until_there_is_no_list();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_undo),
		TEST(test_another_update_meanwhile),
		TEST(test_list_cannot_be_read),
		TEST(test_luod_ends),
		TEST(test_connection_lost),
		TEST(test_nothing_stopped),
		TEST(test_next_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

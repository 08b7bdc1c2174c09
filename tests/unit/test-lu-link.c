/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-lu-link - the life of liblu's connection: options, the first connect, deadlines, luod going
 * away and coming back, and whose signals count. Against fake-luod.
 */
#include <poll.h>

#include "../../liblu/lu-private.h"
#include "fake-luod.h"

static int setup(void **state)
{
	struct fake_luod *luod = calloc(1, sizeof(*luod));

	fake_start(luod, false);
	fake_do(luod, FAKE_COUNT, NULL);
	*state = luod;
	return 0;
}

static int setup_bus(void **state)
{
	struct fake_luod *luod = calloc(1, sizeof(*luod));

	fake_start(luod, true);
	fake_do(luod, FAKE_COUNT, NULL);
	*state = luod;
	return 0;
}

static int teardown(void **state)
{
	fake_stop(*state);
	free(*state);
	return 0;
}

static struct lu *connect_to(struct fake_luod *luod, uint32_t flags)
{
	struct lu_options o = {
		.size = sizeof(o),
		.address = luod->address,
		.flags = flags,
		.call_timeout_usec = 5000000,
	};
	struct lu *lu = NULL;

	assert_int_equal(lu_new(&lu, &o), 0);
	return lu;
}

/* The next event, at most five seconds away. */
static enum lu_event_type next(struct lu *lu, struct lu_event *event)
{
	uint64_t deadline = lu_now_usec() + 5000000;
	int r;

	*event = (struct lu_event){ .size = sizeof(*event) };
	while ((r = lu_process(lu, event)) == 0 && lu_now_usec() < deadline)
		assert_true(lu_wait(lu, 5000000) >= 0);
	return r > 0 ? event->type : LU_EVENT_NONE;
}

static void quiet(struct lu *lu)
{
	struct lu_event event = { .size = sizeof(event) };

	while (lu_wait(lu, 50000) > 0)
		assert_int_equal(lu_process(lu, &event), 0);
}

static void test_options(void **state)
{
	struct {
		struct lu_options o;
		uint64_t future;
	} newer = { .o.size = sizeof(newer), .o.address = "unix:path=/nonexistent/bus" };
	struct lu_options o = { .size = sizeof(o) };
	struct lu *lu = NULL;

	(void)state;
	newer.future = 1;
	assert_int_equal(lu_new(&lu, &newer.o), -E2BIG);
	newer.future = 0;
	assert_int_equal(lu_new(&lu, &newer.o), -ENOENT);
	o.size = sizeof(o) - 1;
	assert_int_equal(lu_new(&lu, &o), -EINVAL);
	o.size = sizeof(o);
	o.flags = 1U << 31;
	assert_int_equal(lu_new(&lu, &o), -EINVAL);
	o.flags = LU_FLAG_MESSAGE_BUS;
	assert_int_equal(lu_new(&lu, &o), -EINVAL);
	o.flags = LU_FLAG_USE_FD;
	o.fd = -1;
	assert_int_equal(lu_new(&lu, &o), -EINVAL);
	o.flags = 0;
	o.address = "not an address";
	assert_true(lu_new(&lu, &o) < 0);
	assert_null(lu);
	assert_null(lu_unref(NULL));
}

static void test_connect(void **state)
{
	struct lu *lu = connect_to(*state, 0);

	assert_string_equal(lu_daemon_version(lu), "1.2.3");
	assert_string_equal(lu_error_text(lu), "");
	assert_true(lu_get_fd(lu) >= 0);
	quiet(lu);
	assert_ptr_equal(lu_ref(lu), lu);
	lu_unref(lu);
	lu_unref(lu);
}

static void test_not_luod(void **state)
{
	struct fake_luod *luod = *state;
	struct lu_options o = { .size = sizeof(o), .address = luod->address };
	struct lu *lu;

	fake_do(luod, FAKE_ERROR, "Get org.freedesktop.DBus.Error.AccessDenied");
	assert_int_equal(lu_new(&lu, &o), -EACCES);
	fake_do(luod, FAKE_GARBAGE, "Get");
	assert_int_equal(lu_new(&lu, &o), -EPROTO);
	fake_do(luod, FAKE_MUTE, "Get");
	o.call_timeout_usec = 50000;
	assert_int_equal(lu_new(&lu, &o), -ETIMEDOUT);
	fake_do(luod, FAKE_DOWN, NULL);
	assert_int_equal(lu_new(&lu, &o), -ENOENT);
	fake_do(luod, FAKE_UP, NULL);
}

static void test_event_size(void **state)
{
	struct {
		struct lu_event event;
		uint64_t future;
	} newer = { .event.size = sizeof(newer), .future = 5 };
	struct lu_event older = { .size = sizeof(older) - 8 };
	struct lu *lu = connect_to(*state, 0);

	assert_int_equal(lu_process(lu, &older), -EINVAL);
	assert_string_not_equal(lu_error_text(lu), "");
	fake_do(*state, FAKE_DROP, NULL);
	assert_int_equal(lu_wait(lu, 5000000), 1);
	assert_int_equal(lu_process(lu, &newer.event), 1);
	assert_int_equal(newer.event.type, LU_EVENT_DISCONNECTED);
	assert_int_equal(newer.event.size, sizeof(newer));
	assert_int_equal(newer.future, 0);
	lu_unref(lu);
}

static void test_connect_later(void **state)
{
	struct fake_luod *luod = *state;
	struct lu_session *s;
	struct lu_event event;
	struct lu *lu;

	fake_do(luod, FAKE_DOWN, NULL);
	lu = connect_to(luod, LU_FLAG_CONNECT_LATER);
	assert_string_equal(lu_daemon_version(lu), "");
	assert_int_equal(lu_session_claim(lu, "vm", &s), -ENOTCONN);
	quiet(lu);
	fake_do(luod, FAKE_UP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_string_equal(lu_daemon_version(lu), "1.2.3");
	lu_unref(lu);
}

static void test_deadline(void **state)
{
	struct fake_luod *luod = *state;
	struct lu_options o = { .size = sizeof(o),
				.address = luod->address,
				.call_timeout_usec = 100000 };
	struct lu_session *s;
	struct lu *lu;

	assert_int_equal(lu_new(&lu, &o), 0);
	fake_do(luod, FAKE_MUTE, "CreateSession");
	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), -ETIMEDOUT);
	assert_int_equal(strncmp(lu_error_text(lu), "CreateSession: ", 15), 0);
	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	lu_session_unref(s);
	lu_unref(lu);
}

/* luod comes back and still has the session; nothing was going on. */
static void test_reconnect(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;
	struct lu_event event;
	int fd = lu_get_fd(lu);

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_DOWN, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_null(event.session);
	assert_int_equal(lu_session_ready(s), -ENOTCONN);
	quiet(lu);
	fake_do(luod, FAKE_UP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_string_equal(fake_do(luod, FAKE_LAST, NULL), "ClaimSession vm");
	quiet(lu);
	assert_int_equal(lu_get_fd(lu), fd);
	assert_int_equal(lu_session_state(s), LU_STATE_IDLE);
	assert_int_equal(lu_session_ready(s), 0);

	/* Signals come through again. */
	fake_do(luod, FAKE_PREPARE, "u-2");
	assert_int_equal(next(lu, &event), LU_EVENT_PREPARE);
	assert_string_equal(event.update_id, "u-2");
	lu_session_unref(s);
	lu_unref(lu);
}

/* The connection breaks under a blocking call: an errno now, the event from lu_process(). */
static void test_broken_call(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;
	struct lu_event event;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(lu_session_ready(s), -ENOTCONN);
	assert_int_equal(lu_session_ready(s), -ENOTCONN);
	assert_int_equal(lu_wait(lu, 0), 1);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_int_equal(lu_session_ready(s), 0);
	lu_session_unref(s);
	lu_unref(lu);
}

/* The update that had been announced is over when luod comes back: that is a cancellation. */
static void test_missed_cancel(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;
	struct lu_event event;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_STATE, "preparing");
	assert_int_equal(next(lu, &event), LU_EVENT_STATE);
	fake_do(luod, FAKE_PREPARE, "u-1");
	assert_int_equal(next(lu, &event), LU_EVENT_PREPARE);
	assert_int_equal(event.timeout_usec, 30000000);

	/* Still running after the first restart, and no answer yet: asked again. */
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_PREPARE);
	assert_string_equal(event.update_id, "u-1");
	assert_true(event.timeout_usec == LU_USEC_INFINITY);

	/* Answered: nothing to tell. */
	fake_do(luod, FAKE_STATE, "ready");
	assert_int_equal(next(lu, &event), LU_EVENT_STATE);
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	quiet(lu);

	fake_do(luod, FAKE_QUIET_STATE, "idle");
	fake_do(luod, FAKE_UPDATE_ID, "");
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_STATE);
	assert_int_equal(event.state, LU_STATE_IDLE);
	assert_int_equal(next(lu, &event), LU_EVENT_CANCELLED);
	assert_string_equal(event.update_id, "u-1");
	assert_ptr_equal(event.session, s);
	assert_string_not_equal(event.reason, "");

	/* Once is enough. */
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	quiet(lu);
	lu_session_unref(s);
	lu_unref(lu);
}

static void test_lost(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;
	struct lu_event event;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_PREPARE, "u-1");
	assert_int_equal(next(lu, &event), LU_EVENT_PREPARE);
	fake_do(luod, FAKE_FORGET, NULL);
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_CANCELLED);
	assert_int_equal(next(lu, &event), LU_EVENT_STATE);
	assert_int_equal(event.state, LU_STATE_LOST);
	assert_int_equal(lu_session_state(s), LU_STATE_LOST);
	lu_session_unref(s);
	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	lu_session_unref(s);
	lu_unref(lu);
}

/* "Busy" while luod is restoring is no loss: asked again, after a pause. */
static void test_reclaim_busy(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;
	struct lu_event event;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_ERROR, "ClaimSession org.luod1.Error.Busy");
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_string_equal(fake_do(luod, FAKE_COUNT, NULL), "3");
	quiet(lu);
	assert_int_equal(lu_session_state(s), LU_STATE_IDLE);
	lu_session_unref(s);
	lu_unref(lu);
}

/* A session that is dropped while luod is away does not hold up the others, or the connection. */
static void test_unref_while_away(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;
	struct lu_event event;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_MUTE, "ClaimSession");
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	for (int i = 0; i < 20; i++) {
		lu_wait(lu, 20000);
		assert_int_equal(lu_process(lu, &event), 0);
	}
	lu_session_unref(s);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	lu_unref(lu);
}

static void test_use_fd(void **state)
{
	struct fake_luod *luod = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct lu_options o = { .size = sizeof(o), .flags = LU_FLAG_USE_FD };
	struct lu_event event = { .size = sizeof(event) };
	struct lu *lu;

	SET(address.sun_path, luod->socket);
	o.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(o.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(lu_new(&lu, &o), 0);
	close(o.fd);
	fake_do(luod, FAKE_DROP, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(lu_process(lu, &event), -ENOTCONN);
	assert_int_equal(lu_wait(lu, 20000), 0);
	lu_unref(lu);
}

/* An event loop of the caller's: the fd is readable exactly while there is something to do. */
static void test_foreign_loop(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct pollfd p = { .fd = lu_get_fd(lu), .events = POLLIN };
	struct lu_event event = { .size = sizeof(event) };
	struct lu_session *s;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	assert_int_equal(lu_process(lu, &event), 0);
	assert_int_equal(poll(&p, 1, 50), 0);
	fake_do(luod, FAKE_PREPARE, "u-1");
	fake_do(luod, FAKE_CANCEL, "because");
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(lu_process(lu, &event), 1);
	/* Signals that a blocking call read on its way must not be slept over. */
	assert_int_equal(lu_session_ready(s), 0);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(lu_process(lu, &event), 1);
	assert_int_equal(event.type, LU_EVENT_CANCELLED);
	assert_int_equal(lu_process(lu, &event), 0);
	assert_int_equal(poll(&p, 1, 50), 0);
	lu_session_unref(s);
	lu_unref(lu);
}

static void test_bus(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, LU_FLAG_MESSAGE_BUS);
	struct lu_session *s;
	struct lu_event event;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	fake_do(luod, FAKE_SPOOF, NULL);
	fake_do(luod, FAKE_PREPARE, "u-1");
	assert_int_equal(next(lu, &event), LU_EVENT_PREPARE);
	assert_string_equal(event.update_id, "u-1");
	fake_do(luod, FAKE_OWNER_LOST, NULL);
	assert_int_equal(next(lu, &event), LU_EVENT_DISCONNECTED);
	assert_int_equal(next(lu, &event), LU_EVENT_RECONNECTED);
	assert_string_equal(fake_do(luod, FAKE_COUNT, NULL), "2");
	lu_session_unref(s);
	lu_unref(lu);
}

/* A session keeps its connection, as a child its parent. */
static void test_session_outlives(void **state)
{
	struct fake_luod *luod = *state;
	struct lu *lu = connect_to(luod, 0);
	struct lu_session *s;

	assert_int_equal(lu_session_create(lu, "vm", NULL, &s), 0);
	lu_unref(lu);
	assert_ptr_equal(lu_session_get_lu(s), lu);
	assert_int_equal(lu_session_ready(s), 0);
	lu_session_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test_setup_teardown(test_connect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_luod, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connect_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconnect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missed_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reclaim_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unref_while_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_use_fd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bus, setup_bus, teardown),
		cmocka_unit_test_setup_teardown(test_session_outlives, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

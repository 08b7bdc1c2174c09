/* SPDX-License-Identifier: GPL-2.0-or-later */
/* custody: under which names fds lie in the fd store, how they are found again, and when it is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>

#include "luod/limits.h"
#include "luod/manager.h"

#define NAME_48 "abcdefghijklmnopqrstuvwxyz0123456789._-ABCDEFGHI"

static struct session *add_session(struct manager *m, const char *name)
{
	struct session *s;

	assert_int_equal(session_new(name, 1000, "", &s), 0);
	s->manager = m;
	TAILQ_INSERT_TAIL(&m->sessions, s, entry);
	return s;
}

static struct resource *add_resource(struct session *s, uint64_t token)
{
	_cleanup_free_ char *label = strprintf("r%llu", (unsigned long long)token);
	struct resource *resource;

	assert_int_equal(
		session_add_resource(s, label, RESOURCE_MEMORY, token, 1, -EBADF, &resource), 0);
	return resource;
}

static int setup(void **state)
{
	struct manager *m = calloc(1, sizeof(*m));

	TAILQ_INIT(&m->sessions);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("FDSTORE");
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct manager *m = *state;
	struct session *s;

	while ((s = TAILQ_FIRST(&m->sessions))) {
		TAILQ_REMOVE(&m->sessions, s, entry);
		session_free(s);
	}
	free(m);
	unsetenv("FDSTORE");
	return 0;
}

/* Numbers are used in turn, not the freed one at once; after the last one it begins again. */
static void test_numbers(void **state)
{
	struct manager *m = *state;
	struct session *s = add_session(m, "vm"), *other = add_session(m, "other");
	struct resource *a = add_resource(s, 1), *b = add_resource(other, 1);

	custody_number(s, a);
	custody_number(other, b);
	assert_int_equal(a->store, 1);
	assert_int_equal(b->store, 2);
	session_remove_resource(s, a);
	a = add_resource(s, 1);
	custody_number(s, a);
	assert_int_equal(a->store, 3);
	m->last_stored = RESOURCE_STORE_MAX - 1;
	custody_number(s, a);
	assert_int_equal(a->store, RESOURCE_STORE_MAX);
	custody_number(s, a);
	assert_int_equal(a->store, 1);
	custody_number(s, a);
	assert_int_equal(a->store, 3);
}

/* PID 1, which cannot be reached before it is told to listen. */
struct service_manager {
	char folder[32];
	struct sockaddr_un address;
	int fd;
};

static void pid1_begin(struct service_manager *p, struct manager *m)
{
	*p = (struct service_manager){ .folder = "/tmp/luod-custody-XXXXXX",
				       .address.sun_family = AF_UNIX,
				       .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->address.sun_path, sizeof(p->address.sun_path), "%s/notify", p->folder);
	setenv("NOTIFY_SOCKET", p->address.sun_path, 1);
	assert_true(sd_event_new(&m->event) >= 0);
	assert_int_equal(custody_prepare(m), 0);
}

static void pid1_listen(struct service_manager *p)
{
	assert_int_equal(bind(p->fd, (const void *)&p->address, sizeof(p->address)), 0);
}

static void assert_told(const struct service_manager *p, const char *what)
{
	char text[64] = "";

	assert_true(recv(p->fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, what);
}

static void pid1_end(struct service_manager *p, struct manager *m)
{
	close(p->fd);
	unsetenv("NOTIFY_SOCKET");
	unlink(p->address.sun_path);
	rmdir(p->folder);
	m->store_again = sd_event_source_disable_unref(m->store_again);
	strv_free(m->unforgotten);
	m->unforgotten = NULL;
	m->event = sd_event_unref(m->event);
}

static void run(struct manager *m)
{
	assert_true(sd_event_run(m->event, 10 * USEC_PER_SEC) > 0);
}

/* What @untold says could not be told is, when PID 1 is there. */
static void assert_told_later(struct service_manager *p, struct manager *m, const bool *untold)
{
	assert_true(*untold);
	pid1_listen(p);
	run(m);
	assert_false(*untold);
}

/* While PID 1 cannot be reached nothing is forgotten: it gets the fd when it can be. */
static void test_stored_later(void **state)
{
	struct manager *m = *state;
	struct session *s = add_session(m, "vm");
	struct resource *a = add_resource(s, 1);
	struct service_manager pid1;

	pid1_begin(&pid1, m);
	a->fd = memfd_new("ram");
	custody_number(s, a);
	custody_store(s, a);
	assert_true(a->unstored);
	run(m);
	assert_true(a->unstored);
	pid1_listen(&pid1);
	run(m);
	assert_false(a->unstored);
	assert_told(&pid1, "FDSTORE=1\nFDPOLL=0\nFDNAME=1");
	pid1_end(&pid1, m);
}

/* Nor is that it should let one go: it would hold a guest's memory for ever. */
static void test_forgotten_later(void **state)
{
	struct manager *m = *state;
	struct session *s = add_session(m, "vm");
	struct resource *a = add_resource(s, 1), *b = add_resource(s, 2);
	struct service_manager pid1;

	pid1_begin(&pid1, m);
	a->fd = memfd_new("ram");
	b->fd = memfd_new("more");
	custody_number(s, a);
	custody_number(s, b);
	custody_forget(s, a);
	custody_forget(s, b);
	run(m);
	assert_string_equal(m->unforgotten[0], "1");
	assert_string_equal(m->unforgotten[1], "2");
	assert_null(m->unforgotten[2]);
	pid1_listen(&pid1);
	run(m);
	assert_null(m->unforgotten[0]);
	assert_told(&pid1, "FDSTOREREMOVE=1\nFDNAME=1");
	assert_told(&pid1, "FDSTOREREMOVE=1\nFDNAME=2");
	pid1_end(&pid1, m);
}

/* The loaded image, too, and not beside the one before it. */
static void test_target_later(void **state)
{
	struct manager *m = *state;
	struct service_manager pid1;

	pid1_begin(&pid1, m);
	m->target = (struct target)TARGET_EMPTY;
	m->target.image_fd = memfd_new("image");
	custody_store_target(m);
	assert_told_later(&pid1, m, &m->target_unstored);
	assert_told(&pid1, "FDSTOREREMOVE=1\nFDNAME=target");
	assert_told(&pid1, "FDSTOREREMOVE=1\nFDNAME=target-initrd");
	assert_told(&pid1, "FDSTORE=1\nFDPOLL=0\nFDNAME=target");
	target_clear(&m->target);
	pid1_end(&pid1, m);
}

/* And the timeline of the update. */
static void test_timeline_later(void **state)
{
	struct manager *m = *state;
	struct service_manager pid1;

	pid1_begin(&pid1, m);
	m->update.timeline.fd = memfd_new("timeline");
	custody_store_timeline(m);
	assert_told_later(&pid1, m, &m->timeline_unstored);
	assert_told(&pid1, "FDSTOREREMOVE=1\nFDNAME=timeline");
	assert_told(&pid1, "FDSTORE=1\nFDPOLL=0\nFDNAME=timeline");
	m->update.timeline.fd = close_fd(m->update.timeline.fd);
	pid1_end(&pid1, m);
}

/* The update is over before PID 1 is there: what it may still have of it goes. */
static void test_no_timeline_later(void **state)
{
	struct manager *m = *state;
	struct service_manager pid1;
	char text[64];

	pid1_begin(&pid1, m);
	m->update.timeline.fd = memfd_new("timeline");
	custody_store_timeline(m);
	m->update.timeline.fd = close_fd(m->update.timeline.fd);
	custody_store_timeline(m);
	assert_told_later(&pid1, m, &m->timeline_unstored);
	assert_told(&pid1, "FDSTOREREMOVE=1\nFDNAME=timeline");
	assert_int_equal(recv(pid1.fd, text, sizeof(text), MSG_DONTWAIT), -1);
	pid1_end(&pid1, m);
}

static void test_adopt(void **state)
{
	struct manager *m = *state;
	struct session *s = add_session(m, "vm"), *delegated = add_session(m, "own");
	struct resource *numbered = add_resource(s, 1), *old = add_resource(s, 31),
			*foreign = add_resource(delegated, 1);
	char *names[] = { (char *)"1f",
			  (char *)"luod/1000/vm#31",
			  (char *)"luod/1000/vm#1",
			  (char *)"01f",
			  (char *)"1F",
			  (char *)"20",
			  (char *)"",
			  (char *)"1f" };
	int fds[ARRAY_SIZE(names)], kept[ARRAY_SIZE(names)];

	numbered->store = 0x1f;
	foreign->store = 0x20;
	delegated->mode = SESSION_DELEGATION;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		kept[i] = fds[i] = memfd_new("custody");
	custody_adopt(m, names, fds, ARRAY_SIZE(names));
	assert_int_equal(numbered->fd, kept[0]);
	assert_int_equal(old->fd, kept[1]);
	assert_true(foreign->fd < 0);
	/* Nobody's, another's, and the second of the same name. */
	for (size_t i = 2; i < ARRAY_SIZE(fds); i++) {
		assert_int_equal(fcntl(kept[i], F_GETFD), -1);
		assert_int_equal(fds[i], -EBADF);
	}
}

static void fill(struct manager *m, unsigned int n)
{
	struct session *s = NULL;

	for (unsigned int i = 0; i < n; i++) {
		_cleanup_free_ char *name = strprintf("vm%u", i / LIMIT_SESSION_RESOURCES);
		struct resource *resource;

		if (i % LIMIT_SESSION_RESOURCES == 0)
			s = add_session(m, name);
		resource = add_resource(s, i % LIMIT_SESSION_RESOURCES + 1);
		resource->store = i + 1;
	}
}

/* With all that luod takes, the names are a string that execve(2) takes. */
static void test_room(void **state)
{
	struct manager *m = *state;

	fill(m, LIMIT_RESOURCES - 1);
	assert_true(custody_has_room(m));
	custody_number(TAILQ_FIRST(&m->sessions), add_resource(TAILQ_FIRST(&m->sessions), 9999));
	assert_false(custody_has_room(m));
	assert_true(strlen("LISTEN_FDNAMES=") + LIMIT_RESOURCES * strlen("ffffff:") +
			    strlen("luod.socket:target:target-initrd:timeline") + 1 <=
		    131072);
}

/* A unit whose store was made smaller. */
static void test_smaller_store(void **state)
{
	struct manager *m = *state;

	setenv("FDSTORE", "20", 1);
	fill(m, 20 - LIMIT_STORE_BESIDE - 1);
	assert_true(custody_has_room(m));
	add_resource(TAILQ_FIRST(&m->sessions), 99);
	assert_false(custody_has_room(m));
	/* What its owner preserves itself is not there. */
	TAILQ_FIRST(&m->sessions)->mode = SESSION_DELEGATION;
	assert_true(custody_has_room(m));
	setenv("FDSTORE", "99999999", 1);
	fill(m, LIMIT_RESOURCES);
	assert_false(custody_has_room(m));
}

/* Names of an older luod are long: fewer of them fit. */
static void test_old_names_count(void **state)
{
	struct manager *m = *state;
	struct session *s;

	for (unsigned int i = 0; i < 2; i++) {
		_cleanup_free_ char *name = strprintf("%.47s%u", NAME_48, i);

		assert_true(custody_has_room(m));
		s = add_session(m, name);
		for (unsigned int j = 1; j <= 700; j++)
			add_resource(s, j)->fd = memfd_new("custody");
	}
	assert_false(custody_has_room(m));
	/* Not stored yet: it will get a number. */
	TAILQ_FOREACH(s, &m->sessions, entry) {
		struct resource *resource;

		TAILQ_FOREACH(resource, &s->resources, entry)
			resource->fd = close_fd(resource->fd);
	}
	assert_true(custody_has_room(m));
}

static struct resource *add_iommufd(struct manager *m, const char *name, uid_t uid,
				    unsigned int hwpts, unsigned int buffers)
{
	struct session *s = add_session(m, name);
	struct resource *resource = add_resource(s, 1);

	s->uid = uid;
	resource->kind = RESOURCE_IOMMUFD;
	resource->dma.n_hwpts = hwpts;
	resource->dma.n_buffers = buffers;
	return resource;
}

/* Nobody takes the others' places: of a uid that has all it may have, the next one notices nothing. */
static void test_dma_room(void **state)
{
	struct manager *m = *state;
	const struct dma hwpt = { .n_hwpts = 1 }, buffer = { .n_buffers = 1 }, none = {};
	struct resource *mine =
		add_iommufd(m, "a", 1, LIMIT_HWPTS_PER_UID - 1, LIMIT_BUFFERS_PER_UID);

	assert_int_equal(custody_dma_room(m, 1, NULL, &hwpt), 0);
	assert_int_equal(custody_dma_room(m, 1, NULL, &buffer), -EDQUOT);
	assert_int_equal(custody_dma_room(m, 1, mine, &buffer), 0);
	add_iommufd(m, "b", 1, 1, 0);
	assert_int_equal(custody_dma_room(m, 1, NULL, &hwpt), -EDQUOT);
	assert_int_equal(custody_dma_room(m, 1, NULL, &none), 0);
	assert_int_equal(custody_dma_room(m, 2, NULL, &hwpt), 0);
	assert_int_equal(custody_dma_room(m, 2, NULL, &buffer), 0);
	for (uid_t uid = 2; uid < LIMIT_HWPTS / LIMIT_HWPTS_PER_UID; uid++)
		add_iommufd(m, "c", uid, LIMIT_HWPTS_PER_UID, LIMIT_BUFFERS_PER_UID);
	add_iommufd(m, "d", 98, LIMIT_HWPTS_PER_UID - LIMIT_HWPTS / 8,
		    LIMIT_BUFFERS_PER_UID - LIMIT_BUFFERS / 8);
	assert_int_equal(custody_dma_room(m, 99, NULL, &none), 0);
	assert_int_equal(custody_dma_room(m, 99, NULL, &hwpt), -E2BIG);
	assert_int_equal(custody_dma_room(m, 99, NULL, &buffer), -E2BIG);
	assert_int_equal(custody_dma_room(m, 0, NULL, &hwpt), 0);
	assert_int_equal(custody_dma_room(m, 0, NULL, &buffer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stored_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgotten_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_target_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeline_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_timeline_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_smaller_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_names_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

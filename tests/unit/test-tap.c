/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap: queues of TAP links over a jump that a test plays: they are looked at, the network is recorded,
 * all of it ends with its namespace, the record is replayed in another one, and they are opened anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "luod/manager.h"
#include "luod/net-machine.h"
#include "luod/net-replay.h"
#include "luod/netns.h"
#include "luod/network-tap.h"
#include "luod/tap.h"
#include "net-fresh.h"

static int enter_with_tun(void **state)
{
	enter(state);
	if (!impossible && access("/dev/net/tun", R_OK | W_OK) < 0)
		impossible = "/dev/net/tun cannot be opened";
	return 0;
}

static int open_tun(const char *name, int flags)
{
	struct ifreq request = { .ifr_flags = (short)flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	memcpy(request.ifr_name, name, strlen(name));
	assert_true(ioctl(fd, TUNSETIFF, &request) >= 0);
	return fd;
}

static struct tap *look(int fd)
{
	struct tap *tap;

	assert_int_equal(tap_look(fd, &host, &tap), 0);
	return tap;
}

/* Through the record's words, as in a jump. */
static struct tap *over_the_jump(struct tap *tap)
{
	json_t *json = tap_to_json(tap);
	struct tap *copy;

	assert_non_null(json);
	assert_int_equal(tap_from_json(json, &copy), 0);
	json_decref(json);
	tap_free(tap);
	return copy;
}

static struct net_report replay(struct net_record *r)
{
	_cleanup_free_ char *error = NULL;
	struct net_report report;

	if (net_replay(r, &host, NULL, &report, &error) < 0)
		fail_msg("%s", error);
	return report;
}

/* Everything that is there now ends, and what is recorded is made again. */
static void jump(int *fds, size_t n)
{
	struct net_record r = net_world_read();
	struct net_report report;

	for (size_t i = 0; i < n; i++)
		fds[i] = close_fd(fds[i]);
	fresh("");
	report = replay(&r);
	assert_int_equal(net_report_count(&report, NET_FAILED), 0);
	net_report_clear(&report);
	/* Once more it finds all as it is to be, though a link is persistent now that was not. */
	report = replay(&r);
	assert_int_equal(net_report_count(&report, NET_FAILED), 0);
	assert_int_equal(net_report_count(&report, NET_CONFLICT), 0);
	assert_int_equal(report.changes, 0);
	net_report_clear(&report);
	net_record_clear(&r);
}

static void reattach(struct tap *tap, int *ret_fd)
{
	if (tap_reattach(tap, &host, ret_fd) < 0)
		fail_msg("%s", tap->why);
	assert_int_equal(kdev_tun_settle(&tap->queue, *ret_fd), 0);
}

static void assert_same(const struct tap *a, const struct tap *b)
{
	assert_string_equal(a->link, b->link);
	assert_int_equal(a->owner, b->owner);
	assert_int_equal(a->group, b->group);
	assert_string_equal(a->queue.name, b->queue.name);
	assert_int_equal(a->queue.flags, b->queue.flags);
	assert_int_equal(a->queue.persistent, b->queue.persistent);
	assert_int_equal(a->queue.disabled, b->queue.disabled);
	assert_int_equal(a->queue.non_blocking, b->queue.non_blocking);
	assert_int_equal(a->queue.little_endian, b->queue.little_endian);
	assert_int_equal(a->queue.big_endian, b->queue.big_endian);
	assert_int_equal(a->queue.header, b->queue.header);
	assert_int_equal(a->queue.send_buffer, b->queue.send_buffer);
	assert_int_equal(a->queue.offloads, b->queue.offloads);
}

static void set(int fd, unsigned long request, int value)
{
	assert_true(ioctl(fd, request, &value) >= 0);
}

struct variant {
	int flags, header, send_buffer;
	unsigned int offloads;
	bool persistent, non_blocking, little_endian;
};

static void try_variant(const struct variant *v)
{
	struct tap *before, *after;
	int fd, same;

	fresh("");
	fd = open_tun("tap0", v->flags);
	if (v->header)
		set(fd, TUNSETVNETHDRSZ, v->header);
	if (v->send_buffer)
		set(fd, TUNSETSNDBUF, v->send_buffer);
	if (v->little_endian)
		set(fd, TUNSETVNETLE, 1);
	assert_true(ioctl(fd, TUNSETOFFLOAD, (unsigned long)v->offloads) >= 0);
	if (v->persistent)
		assert_true(ioctl(fd, TUNSETPERSIST, 1UL) >= 0);
	if (v->non_blocking)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	before = look(fd);
	assert_int_equal(before->queue.flags, v->flags);
	assert_int_equal(before->queue.offloads, v->offloads);
	assert_int_equal(before->queue.persistent, v->persistent);
	jump(&fd, 1);
	before = over_the_jump(before);
	reattach(before, &same);
	after = look(same);
	assert_same(after, before);
	close(same);
	/* As before the jump: it stays without its queue, or does not. */
	assert_int_equal(if_nametoindex("tap0") != 0, v->persistent);
	tap_free(before);
	tap_free(after);
}

static void test_settings(void **state _unused_)
{
	static const struct variant variants[] = {
		{ .flags = IFF_TAP },
		{ .flags = IFF_TUN | IFF_NO_PI, .persistent = true },
		{ .flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		  .header = 12,
		  .little_endian = true,
		  .offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN },
		{ .flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		  .header = 10,
		  .offloads = TUN_F_CSUM | TUN_F_TSO6,
		  .persistent = true,
		  .non_blocking = true },
		{ .flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE,
		  .send_buffer = 65536,
		  .offloads = TUN_F_CSUM },
		{ .flags = IFF_TAP | IFF_NO_PI | IFF_NAPI, .send_buffer = 1 << 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		try_variant(&variants[i]);
}

/* Three queues, of which one is switched off. */
static void test_several_queues(void **state _unused_)
{
	struct ifreq off = { .ifr_flags = IFF_DETACH_QUEUE };
	struct tap *before[3], *after;
	int fds[3], same[3];

	fresh("");
	for (size_t i = 0; i < 3; i++)
		fds[i] = open_tun("tap0", IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE);
	assert_true(ioctl(fds[1], TUNSETQUEUE, &off) >= 0);
	for (size_t i = 0; i < 3; i++)
		before[i] = look(fds[i]);
	assert_true(before[1]->queue.disabled);
	assert_false(before[2]->queue.disabled);
	jump(fds, 3);
	for (size_t i = 0; i < 3; i++) {
		reattach(before[i], &same[i]);
		after = look(same[i]);
		assert_same(after, before[i]);
		tap_free(after);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_not_equal(if_nametoindex("tap0"), 0);
		close(same[i]);
		tap_free(before[i]);
	}
	assert_int_equal(if_nametoindex("tap0"), 0);
}

/* --- in a namespace --------------------------------------------------------------------------- */

static int open_there(void *ret)
{
	*(int *)ret = open_tun("tap0", IFF_TAP | IFF_NO_PI);
	return 0;
}

static int index_there(void *ret)
{
	*(unsigned int *)ret = if_nametoindex("tap0");
	return 0;
}

static void test_namespace(void **state _unused_)
{
	struct tap *before, *after;
	unsigned int there;
	int ns, fd, same;

	fresh("");
	net_world_add("far");
	ns = host_namespace(&host, "far", false);
	assert_int_equal(netns_call(ns, open_there, &fd), 0);
	close(ns);
	before = look(fd);
	assert_string_equal(before->link, "far/tap0");
	jump(&fd, 1);
	reattach(before, &same);
	after = look(same);
	assert_same(after, before);
	assert_int_equal(if_nametoindex("tap0"), 0);
	ns = host_namespace(&host, "far", false);
	assert_int_equal(netns_call(ns, index_there, &there), 0);
	assert_int_not_equal(there, 0);
	close(ns);
	close(same);
	tap_free(before);
	tap_free(after);
}

static void test_namespace_without_name(void **state _unused_)
{
	struct tap *tap;
	int own, fd;

	fresh("");
	own = netns_open("", "");
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open_tun("tap0", IFF_TAP);
	assert_int_equal(setns(own, CLONE_NEWNET), 0);
	assert_int_equal(tap_look(fd, &host, &tap), -ENOENT);
	close(fd);
	close(own);
}

/* --- what is in the way ----------------------------------------------------------------------- */

static void test_what_it_is_not(void **state _unused_)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct tap *tap;

	assert_int_equal(kdev_tun_fd_is_queue(fd), 0);
	close(fd);
	assert_int_equal(kdev_tun_fd_is_queue(-1), -EBADF);
	fresh("");
	fd = open("/dev/net/tun", O_PATH | O_CLOEXEC);
	assert_int_equal(kdev_tun_fd_is_queue(fd), 0);
	close(fd);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	assert_int_equal(kdev_tun_fd_is_queue(fd), 1);
	assert_int_equal(tap_look(fd, &host, &tap), -EBADFD);
	close(fd);
	/* One whose link has been removed. */
	fd = open_tun("tap0", IFF_TAP);
	assert_true(net_world_ip("", "link del tap0\n"));
	assert_int_equal(tap_look(fd, &host, &tap), -EBADFD);
	close(fd);
}

static void assert_refused(struct tap *tap, const char *lines, int error, const char *words)
{
	int fd = -EBADF;

	net_world_fresh();
	assert_true(net_world_ip("", lines));
	assert_int_equal(tap_reattach(tap, &host, &fd), error);
	assert_int_equal(fd, -EBADF);
	assert_non_null(strstr(tap->why, "'tap0'"));
	assert_non_null(strstr(tap->why, words));
}

/* Nobody gets a queue of a link because of its name alone; and none is made by asking for it. */
static void test_not_that_link(void **state _unused_)
{
	static const char *const others[] = {
		"link add tap0 type bridge\n",
		"tuntap add tap0 mode tun\n",
		"tuntap add tap0 mode tap multi_queue user 0\n",
		"tuntap add tap0 mode tap\n",
		"tuntap add tap0 mode tap user 0 group 0\n",
	};
	struct tap *tap;
	int fd, busy;

	fresh("");
	assert_true(net_world_ip("", "tuntap add tap0 mode tap user 0\n"));
	fd = open_tun("tap0", IFF_TAP | IFF_NO_PI);
	tap = look(fd);
	assert_int_equal(tap->owner, 0);
	assert_int_equal(tap->group, TAP_NOBODY);
	close(fd);
	assert_refused(tap, "", -ENODEV, "ip tuntap add dev tap0 mode tap");
	assert_int_equal(if_nametoindex("tap0"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_refused(tap, others[i], -EEXIST, "not the one that it was");

	net_world_fresh();
	assert_true(net_world_ip("", "tuntap add tap0 mode tap user 0\n"));
	busy = open_tun("tap0", IFF_TAP | IFF_NO_PI);
	assert_int_equal(tap_reattach(tap, &host, &fd), -EBUSY);
	assert_non_null(strstr(tap->why, "somebody else has"));
	close(busy);
	/* And asked again it is there. */
	reattach(tap, &fd);
	assert_null(tap->why);
	close(fd);
	tap_free(tap);
}

static void test_words(void **state _unused_)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "link", "\"a b\"" },
		{ "link", "\"\"" },
		{ "link", "\"/tap0\"" },
		{ "link", "1" },
		{ "owner", "-1" },
		{ "owner", "4294967296" },
		{ "flags", "65536" },
		{ "header", "65536" },
		{ "send-buffer", "2147483648" },
		{ "offloads", "-1" },
		{ "persistent", "1" },
		{ "disabled", "null" },
		{ "link", "\"a-name-of-sixteen\"" },
	};
	struct tap tap = { .link = (char *)"far/tap0", .owner = TAP_NOBODY }, *copy;
	json_t *json;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json = tap_to_json(&tap);
		json_object_set_new(json, bad[i].key,
				    json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
		assert_int_equal(tap_from_json(json, &copy), -EINVAL);
		json_object_del(json, bad[i].key);
		assert_int_equal(tap_from_json(json, &copy), -EINVAL);
		json_decref(json);
	}
	assert_int_equal(tap_from_json(NULL, &copy), -EINVAL);
	json = tap_to_json(&tap);
	assert_int_equal(tap_from_json(json, &copy), 0);
	assert_string_equal(copy->queue.name, "tap0");
	json_decref(json);
	tap_free(copy);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void assert_packet_comes(int fd)
{
	const struct sockaddr_in whom = { .sin_family = AF_INET,
					  .sin_port = htons(7777),
					  .sin_addr.s_addr = htonl(0xc0000209) };
	_cleanup_close_ int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	static const char text[] = "to the guest";
	char frame[2048];

	for (int i = 0; i < 100; i++) {
		ssize_t n;

		assert_int_equal(sendto(s, text, sizeof(text), 0, (const struct sockaddr *)&whom,
					sizeof(whom)),
				 sizeof(text));
		assert_true(poll(&p, 1, 10000) > 0);
		n = read(fd, frame, sizeof(frame));
		if (n > 0 && memmem(frame, (size_t)n, text, sizeof(text)))
			return;
	}
	fail_msg("packets come, and none of them is the one");
}

static void test_packets(void **state _unused_)
{
	struct tap *tap;
	int fd, same;

	fresh("");
	fd = open_tun("tap0", IFF_TAP | IFF_NO_PI);
	assert_true(net_world_ip("", "link add br0 type bridge\nlink set tap0 master br0 up\n"
				     "link set br0 up\naddr add 192.0.2.1/24 dev br0\n"
				     "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev br0\n"));
	assert_packet_comes(fd);
	tap = look(fd);
	jump(&fd, 1);
	reattach(tap, &same);
	assert_packet_comes(same);
	close(same);
	tap_free(tap);
}

/* --- in custody ------------------------------------------------------------------------------- */

static struct session *add_session(struct manager *m, struct session_list *list, struct tap *tap)
{
	struct resource *resource;
	struct session *s;

	TAILQ_INIT(list);
	assert_int_equal(session_new("vm1", 0, "", &s), 0);
	s->manager = m;
	TAILQ_INSERT_TAIL(list, s, entry);
	assert_int_equal(session_add_resource(s, "net0", RESOURCE_TAP, 1, 0, -EBADF, &resource), 0);
	resource->tap = tap;
	return s;
}

/* What cannot be made again is said to the session; when it is there after all, so is the queue. */
static void test_blame_and_retry(void **state _unused_)
{
	struct manager m = { .settled = false };
	struct resource *resource;
	struct net_report report;
	struct net_record r;
	struct session *s;
	int fd;

	fresh("");
	fd = open_tun("tap0", IFF_TAP | IFF_NO_PI);
	s = add_session(&m, &m.sessions, look(fd));
	resource = TAILQ_FIRST(&s->resources);
	r = net_world_read();
	close(fd);
	fresh("");
	assert_true(net_world_ip("", "link add tap0 type bridge\nlink set tap0 up\n"));
	report = replay(&r);
	network_tap_blame(&m.sessions, &r, &report, NULL);
	assert_non_null(strstr(s->reason, "link 'tap0' is not restored"));
	assert_int_equal(custody_fd(s, resource), -EEXIST);
	assert_non_null(resource->tap->why);
	assert_false(resource->lost);

	assert_true(net_world_ip("", "link del tap0\ntuntap add tap0 mode tap\n"));
	assert_true(custody_fd(s, resource) >= 0);
	assert_int_equal(custody_fd(s, resource), resource->fd);
	custody_lose_tap(s, resource);
	assert_false(resource->lost);

	resource->fd = close_fd(resource->fd);
	assert_true(custody_fd(s, resource) < 0);
	custody_lose_tap(s, resource);
	assert_true(resource->lost);
	assert_int_equal(custody_fd(s, resource), -ENODEV);
	session_free(s);
	net_report_clear(&report);
	net_record_clear(&r);
}

static void test_nothing_restored(void **state _unused_)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	struct net_record none = {};
	struct session_list list;
	struct session *s;

	tap->link = strdup("tap0");
	s = add_session(NULL, &list, tap);
	network_tap_blame(&list, &none, NULL, "a circle");
	assert_string_equal(s->reason, "link 'tap0' is not restored: a circle");
	session_free(s);
}

/* Of several links that are missing, the session names one after the other, and at last none. */
static void test_review(void **state _unused_)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	struct manager m = { .settled = false };
	struct net_report report;
	struct net_record r;
	struct session *s;

	fresh("link add br0 type bridge\ntuntap add tap0 mode tap\nlink set tap0 master br0\n"
	      "tuntap add tap1 mode tap\nlink property add dev tap1 altname other\n");
	r = net_world_read();
	tap->link = strdup("other");
	s = add_session(&m, &m.sessions, tap);
	s->links = calloc(2, sizeof(*s->links));
	s->links[0] = strdup("tap0");
	fresh("link add br0 type veth peer name tap1\n");
	report = replay(&r);
	network_tap_blame(&m.sessions, &r, &report, NULL);
	assert_non_null(strstr(s->reason, "link 'tap0' is not restored: "));
	net_report_clear(&report);

	assert_true(net_world_ip("", "link add br9 type bridge\nlink set br0 name brx\n"));
	report = replay(&r);
	network_tap_review(&m, &r, &report);
	assert_non_null(strstr(s->reason, "link 'other' is not restored: "));
	net_report_clear(&report);

	assert_true(net_world_ip("", "link del brx\n"));
	report = replay(&r);
	network_tap_review(&m, &r, &report);
	assert_string_equal(strempty(s->reason), "");
	net_report_clear(&report);

	/* What else is said of it is nobody's business here. */
	session_set_state(s, s->state, "it is Tuesday");
	report = replay(&r);
	network_tap_review(&m, &r, &report);
	assert_string_equal(s->reason, "it is Tuesday");
	net_report_clear(&report);
	session_free(s);
	net_record_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_several_queues),
		cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_namespace_without_name),
		cmocka_unit_test(test_what_it_is_not),
		cmocka_unit_test(test_not_that_link),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_blame_and_retry),
		cmocka_unit_test(test_review),
		cmocka_unit_test(test_nothing_restored),
	};

	return cmocka_run_group_tests(tests, enter_with_tun, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host: luod's way to luod-host, and the program itself, in namespaces of their own. Freezing is left
 * to the lab: here it would be this machine's file systems.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "luod/host-proto.h"
#include "luod/host.h"
#include "luod/kdev-tun.h"
#include "luod/netns.h"
#include "luod/packet.h"
#include "net-world.h"

#define PATH "/run/host"

static const char *impossible;
static int listener = -EBADF;
static pid_t program;

/* As systemd does it: the socket is fd 3, and stays when the program goes. */
static void start_program(void)
{
	program = fork();
	if (program == 0) {
		char number[16];

		snprintf(number, sizeof(number), "%d", getpid());
		setenv("LISTEN_FDS", "1", 1);
		setenv("LISTEN_PID", number, 1);
		unsetenv("NOTIFY_SOCKET");
		if (dup2(listener, 3) == 3)
			execl(getenv("HOST"), "luod-host", NULL);
		_exit(127);
	}
}

static void end_program(void)
{
	if (program > 0) {
		kill(program, SIGKILL);
		waitpid(program, NULL, 0);
	}
	program = 0;
}

static int set_up(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH };

	if (impossible) {
		printf("# SKIP not possible here: %s\n", impossible);
		skip();
	}
	net_world_fresh();
	unlink(PATH);
	listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(listener, (const void *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 4), 0);
	start_program();
	return 0;
}

static int tear_down(void **state)
{
	end_program();
	listener = close_fd(listener);
	return 0;
}

static struct host new_host(void)
{
	struct host h = HOST_BY_ITSELF;

	h.socket = PATH;
	return h;
}

static bool make_tap(struct host *h, int namespace, const char *name)
{
	const struct kdev_tun tun = { .name = name, .tap = true };
	_cleanup_close_ int fd = host_tun(h, namespace);

	return fd >= 0 && kdev_tun_make(fd, &tun) >= 0;
}

static void test_namespaces(void **state)
{
	struct host h = new_host();
	_cleanup_close_ int own = host_namespace(&h, "", false), made = -EBADF, again = -EBADF;
	_cleanup_close_ int socket = -EBADF;

	assert_true(own >= 0);
	assert_int_equal(host_namespace(&h, "guests", false), -ENOENT);
	made = host_namespace(&h, "guests", true);
	assert_true(made >= 0);
	again = host_namespace(&h, "guests", true);
	assert_true(again >= 0);
	socket = host_netlink(&h, made, NETLINK_ROUTE);
	assert_true(socket >= 0);

	/* A link is where it was asked for, and nowhere else. */
	if (make_tap(&h, made, "tap-there")) {
		assert_true(make_tap(&h, own, "tap-here"));
		assert_true(if_nametoindex("tap-here") > 0);
		assert_int_equal(if_nametoindex("tap-there"), 0);
	}
	host_close(&h);
}

static void test_refused(void **state)
{
	static const char *const names[] = { "a/b", "../x", NULL };
	_cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct host h = new_host();
	char long_name[300];

	for (size_t i = 0; names[i]; i++)
		assert_int_equal(host_namespace(&h, names[i], true), -EINVAL);
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_int_equal(host_namespace(&h, long_name, true), -ENAMETOOLONG);
	/* An fd of another kind, or none. */
	assert_int_equal(host_netlink(&h, null, NETLINK_ROUTE), -EINVAL);
	assert_int_equal(host_tun(&h, -EBADF), -EBADF);
	host_close(&h);
}

static int32_t raw(const void *data, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = PATH };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), got = -EBADF;
	struct host_reply reply = { .result = 1 };

	assert_int_equal(connect(fd, (const void *)&address, sizeof(address)), 0);
	assert_int_equal(packet_send(fd, data, size, -EBADF, 0), 0);
	if (packet_receive(fd, &reply, sizeof(reply), 0, &got) < 0)
		return 1;
	return reply.result;
}

static void test_nonsense(void **state)
{
	struct host_request request = { .size = sizeof(request), .op = 4711 };
	char larger[sizeof(request) + 8] = {};

	assert_int_equal(raw(&request, sizeof(request)), -EOPNOTSUPP);
	request.op = 0;
	assert_int_equal(raw(&request, sizeof(request)), -EOPNOTSUPP);
	request.op = HOST_NAMESPACE_NEW;
	memset(request.name, 'x', sizeof(request.name));
	assert_int_equal(raw(&request, sizeof(request)), -EPROTO);
	memset(request.name, 0, sizeof(request.name));
	assert_int_equal(raw(&request, sizeof(request)), -EINVAL);
	assert_int_equal(raw(&request, sizeof(request) - 1), -EPROTO);
	request.size++;
	assert_int_equal(raw(&request, sizeof(request)), -EPROTO);
	/* One that is too large ends its connection. */
	assert_int_equal(raw(larger, sizeof(larger)), 1);
	request = (struct host_request){ .size = sizeof(request), .op = HOST_NETLINK };
	assert_int_equal(raw(&request, sizeof(request)), -EBADF);
	assert_int_equal(waitpid(program, NULL, WNOHANG), 0);
}

static void test_restarted(void **state)
{
	struct host h = new_host();
	_cleanup_close_ int own = host_namespace(&h, "", false),
			    one = host_netlink(&h, own, NETLINK_ROUTE);
	_cleanup_close_ int two = -EBADF;

	assert_true(one >= 0);
	end_program();
	start_program();
	two = host_netlink(&h, own, NETLINK_ROUTE);
	assert_true(two >= 0);
	host_close(&h);
}

static void test_not_there(void **state)
{
	struct host h = new_host();
	_cleanup_close_ int own = netns_open(HOST_NAMESPACES_FOLDER, "");

	h.socket = "/run/nobody";
	assert_int_equal(host_netlink(&h, own, NETLINK_ROUTE), -ENOENT);
	assert_int_equal(host_thaw(&h), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_namespaces), TEST(test_refused),   TEST(test_nonsense),
		TEST(test_restarted),  TEST(test_not_there),
	};

	impossible = net_world_enter();
	if (!impossible && !getenv("HOST"))
		impossible = "no luod-host ($HOST)";
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

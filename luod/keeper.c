/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luod-keeper - holds the fds of kernel sessions, and does nothing else.
 *
 * The kernel drops a session when its last fd is closed, so somebody must hold one through crashes
 * and upgrades of luod and through the shutdown. That somebody has to be too simple to fail: no
 * parsers, no sandbox, nothing that could be configured.
 *
 *  - What it said yes to is held twice, here and in PID 1's fd store. A SIGKILL loses nothing.
 *  - As the first thing in a new kernel it takes what PID 1 carried over and retrieves by name
 *    what is missing. Somebody else may have /dev/liveupdate open just then: it tries again, for
 *    as long as it takes, and is useful meanwhile.
 *  - No peer can make it wait. Every socket is non-blocking, a peer that does not read its answer
 *    loses its connection, and the one that was silent longest makes room for a new one.
 *
 * What comes out of the previous kernel is distrusted: sizes are bounded, names are checked, and
 * the kernel is asked what an fd is.
 *
 * SIGTERM asks it to stop, which it does once nothing is held: a shutdown's SIGTERM takes nothing
 * away. SIGUSR1 is a restart: it stops at once, because PID 1 has everything.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "kdev-luo.h"
#include "keeper-proto.h"
#include "keeper.h"
#include "packet.h"
#include "util.h"

#define DIRECTORY_DEFAULT  "/run/luod"
#define RETRY_TIMEOUT_USEC (250 * USEC_PER_MSEC)
#define READY_TIMEOUT_USEC (2 * USEC_PER_SEC)
#define ACCEPT_PAUSE_USEC  (100 * USEC_PER_MSEC)

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

_Static_assert(KEEPER_NAME_SIZE == KDEV_LUO_NAME_SIZE, "a name of ours is a name of the kernel's");

static uint64_t now(void)
{
	return now_usec(CLOCK_MONOTONIC);
}

/* --- requests ------------------------------------------------------------------------------ */

/*
 * A handler gets the checked name and the request's fd, or -EBADF; it takes that fd by leaving
 * -EBADF behind. What it leaves in there travels with the reply, and is closed after that.
 */
typedef int (*request_handler)(struct keeper *k, const char *name, int *fd);

static bool is_session_named(int fd, const char *name)
{
	char actual[KEEPER_NAME_SIZE];

	return kdev_luo_is_session_fd(fd) > 0 && kdev_luo_session_get_name(fd, actual) >= 0 &&
	       streq(actual, name);
}

static int put_again(struct keeper *k, const struct entry *e, int fd)
{
	if (e->state == ENTRY_DROPPED)
		return -EBUSY;
	/* Every kernel with LUO has this call; where it is missing no two files are the same. */
	if (fcntl(e->fd, F_DUPFD_QUERY, fd) != 1)
		return -EEXIST;
	return keeper_settle(k, KEEPER_STORE_TIMEOUT);
}

static int on_put(struct keeper *k, const char *name, int *fd)
{
	_cleanup_close_ int session = TAKE_FD(*fd);
	struct entry *e = keeper_find(k, name);
	int r;

	if (session < 0)
		return -EBADF;
	if (!is_session_named(session, name))
		return -EMEDIUMTYPE;
	if (e)
		return put_again(k, e, session);
	if (k->n_entries >= k->quota)
		return -ENOSPC;

	e = keeper_add(k, name, TAKE_FD(session), KEEPER_ORIGIN_PUT);
	r = keeper_settle(k, KEEPER_STORE_TIMEOUT);
	if (r < 0 && e->state == ENTRY_NEW)
		keeper_forget(k, e);
	else if (r < 0)
		e->state = ENTRY_DROPPED;
	return r;
}

static int on_get(struct keeper *k, const char *name, int *fd)
{
	const struct entry *e = keeper_find(k, name);
	int copy;

	if (!e || e->state == ENTRY_DROPPED)
		return -ENOENT;
	copy = fd_dup(e->fd);
	if (copy < 0)
		return copy;
	close_fd(*fd);
	*fd = copy;
	return 0;
}

static int on_drop(struct keeper *k, const char *name, int *fd)
{
	struct entry *e = keeper_find(k, name);

	if (!e)
		return -ENOENT;
	e->state = ENTRY_DROPPED;
	/* First, so that a restart does not miss what was meant to go. */
	keeper_state_save(k);
	return keeper_settle(k, KEEPER_STORE_TIMEOUT);
}

static int on_retrieve(struct keeper *k, const char *name, int *fd)
{
	_cleanup_close_ int device = -EBADF;
	const struct entry *e = keeper_find(k, name);
	int r;

	if (e)
		return e->state == ENTRY_DROPPED ? -EBUSY : 0;
	r = keeper_retrieve_one(k, &device, name);
	if (r < 0)
		return r;
	device = close_fd(device);
	r = keeper_settle(k, KEEPER_STORE_TIMEOUT);
	if (r < 0)
		keeper_say(LOG_WARNING, r, "PID 1 has not taken session %s: %m, trying again",
			   name);
	return 0;
}

static const request_handler handlers[] = {
	[KEEPER_PUT] = on_put,
	[KEEPER_GET] = on_get,
	[KEEPER_DROP] = on_drop,
	[KEEPER_RETRIEVE] = on_retrieve,
};

static int request_handle(struct keeper *k, const struct keeper_request *request, int *fd)
{
	if (request->op == KEEPER_LIST)
		return 0;
	if (request->op >= ARRAY_SIZE(handlers) || !handlers[request->op])
		return -EOPNOTSUPP;
	if (!keeper_name_ok(request->name))
		return -EINVAL;
	return handlers[request->op](k, request->name, fd);
}

/* --- clients ------------------------------------------------------------------------------- */

static void client_close(struct client *c)
{
	c->fd = close_fd(c->fd);
}

/* The caller owns *ret_fd (or -EBADF) on success. -EPROTO and -EMFILE leave the connection usable. */
static int request_receive(int socket, struct keeper_request *ret, int *ret_fd)
{
	_cleanup_close_ int fd = -EBADF;
	ssize_t n = packet_receive(socket, ret, sizeof(*ret), MSG_DONTWAIT, &fd);

	if (n < 0)
		return (int)n;
	if (n != sizeof(*ret) || ret->size != sizeof(*ret))
		return -EPROTO;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int reply_send(struct keeper *k, int socket, int result, bool list, int fd)
{
	static struct {
		struct keeper_reply head;
		struct keeper_entry entries[KEEPER_SESSIONS_MAX];
	} answer;

	answer.head = (struct keeper_reply){
		.size = sizeof(answer.head),
		.result = result,
		.count = list ? (uint32_t)keeper_list(k, answer.entries) : 0,
		.flags = keeper_flags(k),
		.tsc_start = k->tsc_start,
		.tsc_ready = k->tsc_ready,
	};
	return packet_send(socket, &answer,
			   sizeof(answer.head) + answer.head.count * sizeof(answer.entries[0]), fd,
			   MSG_DONTWAIT);
}

static void client_serve(struct keeper *k, struct client *c)
{
	_cleanup_close_ int fd = -EBADF;
	struct keeper_request request = {};
	int r;

	c->last_used = now();
	r = request_receive(c->fd, &request, &fd);
	if (r == -EAGAIN || r == -EINTR)
		return;
	if (r < 0 && r != -EPROTO && r != -EMFILE) {
		client_close(c);
		return;
	}
	if (r >= 0)
		r = request_handle(k, &request, &fd);
	if (r < 0 || request.op != KEEPER_GET)
		fd = close_fd(fd);
	if (reply_send(k, c->fd, r, r >= 0 && request.op == KEEPER_LIST, fd) < 0)
		client_close(c);
}

/* A free slot, or that of the client that has been silent longest. */
static struct client *client_slot(struct keeper *k)
{
	struct client *oldest = &k->clients[0];

	for (size_t i = 0; i < ARRAY_SIZE(k->clients); i++) {
		if (k->clients[i].fd < 0)
			return &k->clients[i];
		if (k->clients[i].last_used < oldest->last_used)
			oldest = &k->clients[i];
	}
	client_close(oldest);
	return oldest;
}

static void client_accept(struct keeper *k)
{
	_cleanup_close_ int fd = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0) {
		/* Out of fds or memory: the socket stays readable, so look away for a moment. */
		k->accept_at = now() + ACCEPT_PAUSE_USEC;
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != geteuid()) {
		keeper_say(LOG_WARNING, 0, "Refusing a connection that does not come from root");
		return;
	}
	*client_slot(k) = (struct client){ .fd = TAKE_FD(fd), .last_used = now() };
}

/* --- the loop ------------------------------------------------------------------------------ */

/* True when it is time to go. */
static bool on_signal(struct keeper *k)
{
	struct signalfd_siginfo info;

	if (read(k->signal_fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGUSR1) {
		if (k->have_store && keeper_settle(k, KEEPER_STORE_TIMEOUT) >= 0)
			return true;
		keeper_say(LOG_WARNING, 0, "Not restarting: PID 1 does not have all sessions");
		return false;
	}
	k->stopping = true;
	if (k->n_entries || k->retrieving)
		keeper_say(LOG_NOTICE, 0,
			   "Asked to stop while holding %zu sessions%s: stopping when "
			   "the last one is dropped",
			   k->n_entries, k->retrieving ? " and waiting for more" : "");
	return false;
}

static void announce(struct keeper *k)
{
	if (keeper_announce(k) < 0) {
		k->ready_at = now() + READY_TIMEOUT_USEC;
		return;
	}
	k->ready = true;
	if (k->retrieving)
		keeper_say(
			LOG_WARNING, 0,
			"%s is busy: sessions of the previous kernel will be retrieved as soon as "
			"it is free",
			KDEV_LUO_DEVICE);
}

/* Does what is due and returns how many milliseconds there are until the next is; -1 for ever. */
static int run_timers(struct keeper *k)
{
	uint64_t t, next = USEC_INFINITY;

	if (k->retrieving && now() >= k->retrieve_at) {
		keeper_retrieve(k);
		if (!k->retrieving)
			k->ready_at = 0;
	}
	if (!keeper_is_settled(k) && now() >= k->settle_at)
		keeper_settle(k, RETRY_TIMEOUT_USEC);
	if (!k->ready && now() >= k->ready_at)
		announce(k);

	t = now();
	if (k->retrieving)
		next = k->retrieve_at;
	if (!keeper_is_settled(k) && k->settle_at < next)
		next = k->settle_at;
	if (!k->ready && k->ready_at < next)
		next = k->ready_at;
	if (k->accept_at > t && k->accept_at < next)
		next = k->accept_at;
	if (next == USEC_INFINITY)
		return -1;
	return next <= t ? 0 : (int)((next - t + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static int run(struct keeper *k)
{
	struct pollfd fds[2 + KEEPER_CLIENTS_MAX];

	for (;;) {
		int timeout = run_timers(k);

		if (k->stopping && k->n_entries == 0 && !k->retrieving)
			return 0;
		fds[0] = (struct pollfd){ .fd = k->signal_fd, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = k->accept_at > now() ? -1 : k->listen_fd,
					  .events = POLLIN };
		for (size_t i = 0; i < KEEPER_CLIENTS_MAX; i++)
			fds[2 + i] = (struct pollfd){ .fd = k->clients[i].fd, .events = POLLIN };
		if (poll(fds, ARRAY_SIZE(fds), timeout) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents && on_signal(k))
			return 0;
		for (size_t i = 0; i < KEEPER_CLIENTS_MAX; i++)
			if (fds[2 + i].revents)
				client_serve(k, &k->clients[i]);
		/* Last, because it may give a client's place to another. */
		if (fds[1].revents)
			client_accept(k);
	}
}

/* --- starting ------------------------------------------------------------------------------ */

/* Interrupts a system call, which ignoring the signal would not. */
static void on_alarm(int signal)
{
}

static int signals_open(struct keeper *k)
{
	const struct sigaction alarm = { .sa_handler = on_alarm };
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGALRM, &alarm, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signal_fd < 0 ? -errno : 0;
}

static int paths_set(struct keeper *k, const char *directory)
{
	int n;

	k->address.sun_family = AF_UNIX;
	n = snprintf(k->state_path, sizeof(k->state_path), "%s/keeper-state", directory);
	if (n < 0 || (size_t)n >= sizeof(k->state_path))
		return -ENAMETOOLONG;
	snprintf(k->address.sun_path, sizeof(k->address.sun_path), "%s/keeper", directory);
	return 0;
}

static bool another_is_running(const struct keeper *k)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const void *)&k->address, sizeof(k->address)) >= 0)
		return true;
	return errno != ECONNREFUSED && errno != ENOENT;
}

static int listen_open(struct keeper *k)
{
	if (another_is_running(k))
		return -EADDRINUSE;
	k->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->listen_fd < 0)
		return -errno;
	if (unlink(k->address.sun_path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(k->listen_fd, (const void *)&k->address, sizeof(k->address)) < 0 ||
	    listen(k->listen_fd, KEEPER_CLIENTS_MAX) < 0)
		return -errno;
	return 0;
}

int main(int argc, char **argv)
{
	static struct keeper k = { .signal_fd = -EBADF, .listen_fd = -EBADF };
	const char *directory = getenv("RUNTIME_DIRECTORY");
	int r;

	k.tsc_start = keeper_cycles();
	for (size_t i = 0; i < ARRAY_SIZE(k.clients); i++)
		k.clients[i].fd = -EBADF;
	umask(0177);

	r = paths_set(&k, directory ? directory : DIRECTORY_DEFAULT);
	if (r >= 0)
		r = signals_open(&k);
	if (r >= 0)
		r = listen_open(&k);
	if (r < 0) {
		keeper_say(LOG_ERR, r, "Cannot start at %s: %m", k.address.sun_path);
		return EXIT_FAILURE;
	}
	keeper_take_over(&k);
	/* Who waits for us waits for the sessions, but not for ever. */
	k.ready_at = k.retrieving ? now() + READY_TIMEOUT_USEC : 0;
	r = run(&k);
	if (r < 0)
		keeper_say(LOG_ERR, r, "Cannot wait for events: %m");
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

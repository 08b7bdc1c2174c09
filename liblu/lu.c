/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu - the handle of a connection: its options, its references, and the three calls with which any
 * event loop drives it. What happens underneath is lu-link.c's.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>

#include "lu-private.h"

#define KNOWN_FLAGS (LU_FLAG_MESSAGE_BUS | LU_FLAG_CONNECT_LATER | LU_FLAG_USE_FD)

static int read_options(const struct lu_options *given, struct lu_options *ret)
{
	int r;

	*ret = (struct lu_options){ .size = sizeof(*ret) };
	if (given) {
		r = lu_struct_in(given, given->size, sizeof(*ret), ret, sizeof(*ret));
		if (r < 0)
			return r;
	}
	if (ret->flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if (ret->flags & LU_FLAG_USE_FD && (ret->address || ret->fd < 0))
		return -EINVAL;
	if (ret->flags & LU_FLAG_MESSAGE_BUS && !(ret->address || ret->flags & LU_FLAG_USE_FD))
		return -EINVAL;
	if (ret->call_timeout_usec == 0)
		ret->call_timeout_usec = LU_CALL_TIMEOUT_USEC;
	return 0;
}

static int open_waiting(struct lu *lu)
{
	struct epoll_event event = { .events = EPOLLIN };

	lu->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (lu->epoll_fd < 0)
		return -errno;
	lu->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (lu->timer_fd < 0)
		return -errno;
	if (epoll_ctl(lu->epoll_fd, EPOLL_CTL_ADD, lu->timer_fd, &event) < 0)
		return -errno;
	return 0;
}

static int adopt_options(struct lu *lu, const struct lu_options *o)
{
	lu->flags = o->flags;
	lu->call_timeout_usec = o->call_timeout_usec;
	if (o->address) {
		lu->address = strdup(o->address);
		if (!lu->address)
			return -ENOMEM;
	}
	if (o->flags & LU_FLAG_USE_FD) {
		lu->given_fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
		if (lu->given_fd < 0)
			return -errno;
	}
	return 0;
}

/* Until the link is up, or the first attempt has failed. */
static int connect_now(struct lu *lu)
{
	uint64_t deadline = lu_usec_add(lu_now_usec(), lu->call_timeout_usec);
	uint64_t now;
	int r;

	r = lu_link_open(lu);
	while (r >= 0 && lu->link != LU_LINK_UP) {
		if (lu->link == LU_LINK_DOWN || lu->link == LU_LINK_GONE)
			return lu->link_error;
		r = lu_link_process(lu);
		if (r != 0)
			continue;
		now = lu_now_usec();
		if (now >= deadline)
			return -ETIMEDOUT;
		r = lu_wait(lu, deadline - now);
		if (r == -EINTR)
			r = 0;
	}
	return r < 0 ? r : 0;
}

int lu_new(struct lu **ret, const struct lu_options *options)
{
	struct lu_options o;
	struct lu *lu;
	int r;

	r = read_options(options, &o);
	if (r < 0)
		return r;
	lu = calloc(1, sizeof(*lu));
	if (!lu)
		return -ENOMEM;
	lu->n_ref = 1;
	lu->given_fd = lu->epoll_fd = lu->timer_fd = lu->watched_fd = -EBADF;
	lu->backoff_usec = 20000;
	TAILQ_INIT(&lu->sessions);
	TAILQ_INIT(&lu->events);
	TAILQ_INIT(&lu->held);

	r = adopt_options(lu, &o);
	if (r >= 0)
		r = open_waiting(lu);
	if (r >= 0 && !(o.flags & LU_FLAG_CONNECT_LATER))
		r = connect_now(lu);
	else
		lu->announce = true;
	if (r < 0) {
		lu_unref(lu);
		return r;
	}
	lu_link_watch(lu);
	*ret = lu;
	return 0;
}

struct lu *lu_ref(struct lu *lu)
{
	lu->n_ref++;
	return lu;
}

struct lu *lu_unref(struct lu *lu)
{
	if (!lu || --lu->n_ref > 0)
		return NULL;
	sd_bus_message_unref(lu->borrowed);
	lu_event_forget_session(lu, NULL);
	lu_queued_free(lu->delivered);
	lu_link_close(lu);
	lu_close_fd(lu->given_fd);
	lu_close_fd(lu->timer_fd);
	lu_close_fd(lu->epoll_fd);
	free(lu->address);
	free(lu->version);
	free(lu);
	return NULL;
}

const char *lu_daemon_version(struct lu *lu)
{
	return lu_strempty(lu->version);
}

const char *lu_error_text(struct lu *lu)
{
	return lu->error_text;
}

int lu_get_fd(struct lu *lu)
{
	return lu->epoll_fd;
}

int lu_process(struct lu *lu, struct lu_event *ret)
{
	int r;

	if (ret->size < sizeof(*ret))
		return lu_fail(lu, -EINVAL, "struct lu_event has no size");
	do {
		r = lu_event_take(lu, ret);
		if (r > 0)
			break;
	} while (lu_link_process(lu) > 0);
	lu_link_watch(lu);
	if (r == 0 && lu->link == LU_LINK_GONE)
		return lu_fail(lu, -ENOTCONN, "The connection that was handed in is gone");
	return r;
}

int lu_wait(struct lu *lu, uint64_t timeout_usec)
{
	struct pollfd pollfd = { .fd = lu->epoll_fd, .events = POLLIN };
	struct timespec timeout;
	int r;

	lu_link_watch(lu);
	timeout.tv_sec = (time_t)(timeout_usec / 1000000);
	timeout.tv_nsec = (long)(timeout_usec % 1000000) * 1000;
	r = ppoll(&pollfd, 1, timeout_usec == LU_USEC_INFINITY ? NULL : &timeout, NULL);
	if (r < 0)
		return lu_fail(lu, -errno, "Waiting: %s", lu_errno_text(errno));
	return r > 0;
}

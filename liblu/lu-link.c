/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-link - the life of the connection: connect, ask luod for its version, claim the sessions
 * again, be up, break, wait a little longer each time, connect again. Nothing here blocks.
 *
 * The caller waits on one epoll fd that never changes; in it are the connection's fd of the day and
 * a timerfd for everything that time brings: deadlines of calls, the next attempt, and messages
 * that sd-bus read while it waited for something else. On a message bus, luod losing its name is
 * taken as the end of the connection too, so that there is one way down and one way up.
 */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lu-private.h"

#define BACKOFF_MIN_USEC UINT64_C(20000)
#define BACKOFF_MAX_USEC UINT64_C(1000000)

void lu_link_break(struct lu *lu, int error)
{
	lu->broken = true;
	lu->link_error = error;
}

bool lu_link_trusts(struct lu *lu, sd_bus_message *signal)
{
	const char *sender = sd_bus_message_get_sender(signal);

	return !lu->on_bus || (lu->owner && sender && strcmp(lu->owner, sender) == 0);
}

/* connecting */

static bool is_socket(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Which bus, in the terms of lu_options.address? */
static int new_bus(struct lu *lu, sd_bus **ret)
{
	const char *address = lu->address;
	sd_bus *bus;
	int r;

	if (!address && lu->given_fd < 0 && is_socket(LU_PEER_SOCKET))
		address = "unix:path=" LU_PEER_SOCKET;
	lu->on_bus = (lu->flags & LU_FLAG_MESSAGE_BUS) != 0;
	if (lu->given_fd < 0 && (!address || strcmp(address, "system") == 0)) {
		lu->on_bus = true;
		return sd_bus_open_system(ret);
	}

	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	if (lu->given_fd >= 0)
		r = sd_bus_set_fd(bus, lu->given_fd, lu->given_fd);
	else
		r = sd_bus_set_address(bus, address);
	if (r >= 0 && lu->given_fd >= 0)
		lu->given_fd = -EBADF; /* the bus's now */
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, lu->on_bus);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		sd_bus_close_unref(bus);
	else
		*ret = bus;
	return r;
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata,
				 sd_bus_error *error __attribute__((unused)))
{
	const char *sender = sd_bus_message_get_sender(m);
	const char *name, *old, *new;
	struct lu *lu = userdata;

	if (!sender || strcmp(sender, "org.freedesktop.DBus") != 0)
		return 0;
	if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0 || strcmp(name, LU_BUS_NAME) != 0)
		return 0;
	if (lu->owner && strcmp(lu->owner, new) != 0)
		lu_link_break(lu, -ENOTCONN);
	return 0;
}

static int remember(char **where, const char *text)
{
	char *copy = strdup(lu_strempty(text));

	if (!copy)
		return -ENOMEM;
	free(*where);
	*where = copy;
	return 0;
}

static int read_hello(struct lu *lu, sd_bus_message *m)
{
	const sd_bus_error *error = sd_bus_message_get_error(m);
	const char *version;
	int r;

	if (error)
		return lu_error_to_errno(error, -sd_bus_error_get_errno(error));
	if (sd_bus_message_read(m, "v", "s", &version) < 0)
		return -EPROTO;
	r = remember(&lu->version, version);
	if (r >= 0 && lu->on_bus)
		r = remember(&lu->owner, sd_bus_message_get_sender(m));
	return r;
}

static int on_hello(sd_bus_message *m, void *userdata, sd_bus_error *error __attribute__((unused)))
{
	struct lu *lu = userdata;
	int r;

	lu->hello_slot = sd_bus_slot_unref(lu->hello_slot);
	r = read_hello(lu, m);
	if (r < 0) {
		lu_link_break(lu, r);
		return 0;
	}
	lu->link = LU_LINK_RECLAIM;
	lu_reclaim_begin(lu);
	return 0;
}

static int say_hello(struct lu *lu)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	int r;

	r = lu_call_new(lu, LU_ROOT_PATH, LU_PROPERTIES_INTERFACE, "Get", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", LU_MANAGER_INTERFACE, "Version");
	/* A luod that went away is restarted by its service manager, not by everybody who waits. */
	if (r >= 0 && lu->announce)
		r = sd_bus_message_set_auto_start(m, false);
	if (r >= 0)
		r = sd_bus_call_async(lu->bus, &lu->hello_slot, m, on_hello, lu,
				      lu->call_timeout_usec);
	return r;
}

/* Before the hello, so that there is no moment at which luod could go unnoticed. */
static int watch_owner(struct lu *lu)
{
	if (!lu->on_bus)
		return 0;
	return sd_bus_match_signal_async(lu->bus, &lu->owner_slot, "org.freedesktop.DBus",
					 "/org/freedesktop/DBus", "org.freedesktop.DBus",
					 "NameOwnerChanged", on_name_owner_changed, NULL, lu);
}

static enum lu_link link_without_connection(const struct lu *lu)
{
	return lu->flags & LU_FLAG_USE_FD ? LU_LINK_GONE : LU_LINK_DOWN;
}

int lu_link_open(struct lu *lu)
{
	int r;

	lu->broken = false;
	r = new_bus(lu, &lu->bus);
	if (r >= 0) {
		lu->link = LU_LINK_HELLO;
		r = watch_owner(lu);
	}
	if (r >= 0)
		r = say_hello(lu);
	if (r < 0) {
		lu->link_error = r;
		lu_link_close(lu);
		lu->link = link_without_connection(lu);
	}
	return r < 0 ? r : 0;
}

/* going down, and up again */

static void unwatch(struct lu *lu)
{
	if (lu->watched_fd >= 0)
		(void)epoll_ctl(lu->epoll_fd, EPOLL_CTL_DEL, lu->watched_fd, NULL);
	lu->watched_fd = -EBADF;
	lu->watched_events = 0;
}

void lu_link_close(struct lu *lu)
{
	struct lu_session *s;

	TAILQ_FOREACH(s, &lu->sessions, entry)
		lu_session_unsubscribe(s);
	lu->hello_slot = sd_bus_slot_unref(lu->hello_slot);
	lu->owner_slot = sd_bus_slot_unref(lu->owner_slot);
	unwatch(lu);
	lu->bus = sd_bus_close_unref(lu->bus);
	free(lu->owner);
	lu->owner = NULL;
	lu->broken = false;
}

/* The first attempt comes soon; each one that fails doubles the pause before the next. */
static void plan_retry(struct lu *lu)
{
	lu->retry_usec = lu_usec_add(lu_now_usec(), lu->backoff_usec);
	lu->backoff_usec *= 2;
	if (lu->backoff_usec > BACKOFF_MAX_USEC)
		lu->backoff_usec = BACKOFF_MAX_USEC;
}

static void link_down(struct lu *lu)
{
	bool was_up = lu->link == LU_LINK_UP;

	lu_link_close(lu);
	lu->link = link_without_connection(lu);
	lu_event_release(lu, false);
	if (was_up) {
		lu->backoff_usec = BACKOFF_MIN_USEC;
		lu->announce = true;
		lu_event_push(lu, LU_EVENT_DISCONNECTED, NULL, NULL, NULL, 0);
	}
	plan_retry(lu);
}

static void link_up(struct lu *lu)
{
	lu->link = LU_LINK_UP;
	lu->backoff_usec = BACKOFF_MIN_USEC;
	lu_event_release(lu, lu->announce);
	lu->announce = true;
}

static int process_bus(struct lu *lu)
{
	int r;

	r = lu->broken ? -ENOTCONN : sd_bus_process(lu->bus, NULL);
	if (r < 0 || lu->broken || sd_bus_is_open(lu->bus) <= 0) {
		if (!lu->broken)
			lu->link_error = -ENOTCONN;
		link_down(lu);
		return 1;
	}
	if (lu->link == LU_LINK_RECLAIM && !lu_reclaim_pending(lu)) {
		link_up(lu);
		return 1;
	}
	return r;
}

int lu_link_process(struct lu *lu)
{
	switch (lu->link) {
	case LU_LINK_GONE:
		return 0;
	case LU_LINK_DOWN:
		if (lu_now_usec() < lu->retry_usec)
			return 0;
		if (lu_link_open(lu) < 0)
			plan_retry(lu);
		return 1;
	case LU_LINK_HELLO:
	case LU_LINK_RECLAIM:
	case LU_LINK_UP:
		return process_bus(lu);
	}
	return 0;
}

/* waiting */

static void watch_bus(struct lu *lu)
{
	struct epoll_event event = { 0 };
	int fd, events, op;

	fd = sd_bus_get_fd(lu->bus);
	events = sd_bus_get_events(lu->bus);
	if (fd < 0 || events < 0) {
		lu_link_break(lu, -ENOTCONN);
		return;
	}
	/* poll's and epoll's bits are the same for what sd-bus asks for */
	event.events = (uint32_t)events;
	if (fd == lu->watched_fd && event.events == lu->watched_events)
		return;
	op = fd == lu->watched_fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(lu->epoll_fd, op, fd, &event) < 0) {
		lu_link_break(lu, -errno);
		return;
	}
	lu->watched_fd = fd;
	lu->watched_events = event.events;
}

/* When must lu_process() run though nothing came in? 0: at once. */
static uint64_t next_deadline(struct lu *lu)
{
	uint64_t usec;

	if (lu_event_pending(lu) || lu->broken)
		return 0;
	switch (lu->link) {
	case LU_LINK_GONE:
		return LU_USEC_INFINITY;
	case LU_LINK_DOWN:
		return lu->retry_usec;
	case LU_LINK_RECLAIM:
		if (!lu_reclaim_pending(lu))
			return 0;
		break;
	case LU_LINK_HELLO:
	case LU_LINK_UP:
		break;
	}
	return sd_bus_get_timeout(lu->bus, &usec) < 0 ? 0 : usec;
}

void lu_link_watch(struct lu *lu)
{
	struct itimerspec at = { 0 };
	uint64_t usec;

	if (lu->bus && !lu->broken)
		watch_bus(lu);
	usec = next_deadline(lu);
	if (usec != LU_USEC_INFINITY) {
		at.it_value.tv_sec = (time_t)(usec / 1000000);
		at.it_value.tv_nsec = (long)(usec % 1000000) * 1000;
		/* All zero would disarm it. */
		if (usec == 0)
			at.it_value.tv_nsec = 1;
	}
	(void)timerfd_settime(lu->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer-bus - D-Bus without a bus: the socket /run/luod/bus, for VMMs that have no access to the
 * system bus and for the moments of boot and shutdown when there is none.
 *
 * Each connection is served by an sd-bus of its own in server mode. Most D-Bus libraries and
 * busctl expect a bus driver behind an address and begin with Hello; the few methods of
 * org.freedesktop.DBus that they need are answered here, for this connection alone: luod is the
 * only other party on it, under the unique name ":1.0".
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "bus.h"
#include "identity.h"
#include "later.h"
#include "log.h"

#define DRIVER_NAME   "org.freedesktop.DBus"
#define DRIVER_PATH   "/org/freedesktop/DBus"
#define LUOD_UNIQUE   ":1.0"
#define CLIENT_UNIQUE ":1.1"

#define DRAIN_MAX	  64 /* messages */
#define ACCEPT_PAUSE_USEC (100 * USEC_PER_MSEC)

static const char *name_owner(const char *name)
{
	static const struct {
		const char *name, *owner;
	} owners[] = {
		{ DRIVER_NAME, DRIVER_NAME },
		{ LUOD_BUS_NAME, LUOD_UNIQUE },
		{ LUOD_UNIQUE, LUOD_UNIQUE },
		{ CLIENT_UNIQUE, CLIENT_UNIQUE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (streq(owners[i].name, name))
			return owners[i].owner;
	return NULL;
}

static int no_such_name(sd_bus_error *error, const char *name)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
				 "There is no '%s' on luod's own socket, only " LUOD_BUS_NAME ".",
				 name);
}

static int method_hello(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error _unused_)
{
	return sd_bus_reply_method_return(m, "s", CLIENT_UNIQUE);
}

/* There is nobody else on the connection whose signals could be filtered: all are sent. */
static int method_match(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error _unused_)
{
	return sd_bus_reply_method_return(m, NULL);
}

static int method_get_name_owner(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error)
{
	const char *name, *owner;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	owner = name_owner(name);
	return owner ? sd_bus_reply_method_return(m, "s", owner) : no_such_name(error, name);
}

static int method_name_has_owner(sd_bus_message *m, void *userdata _unused_,
				 sd_bus_error *error _unused_)
{
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	return r < 0 ? r : sd_bus_reply_method_return(m, "b", name_owner(name) != NULL);
}

static int method_start_service(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error)
{
	const char *name;
	uint32_t flags, already_running = 2;
	int r = sd_bus_message_read(m, "su", &name, &flags);

	if (r < 0)
		return r;
	if (!name_owner(name))
		return no_such_name(error, name);
	return sd_bus_reply_method_return(m, "u", already_running);
}

static int method_list_names(sd_bus_message *m, void *userdata _unused_,
			     sd_bus_error *error _unused_)
{
	return sd_bus_reply_method_return(m, "as", 4, DRIVER_NAME, LUOD_BUS_NAME, LUOD_UNIQUE,
					  CLIENT_UNIQUE);
}

static int method_get_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const struct bus_peer *peer = userdata;
	const char *name, *owner;
	int r = sd_bus_message_read(m, "s", &name);
	bool client;

	if (r < 0)
		return r;
	owner = name_owner(name);
	if (!owner)
		return no_such_name(error, name);
	client = streq(owner, CLIENT_UNIQUE);
	return sd_bus_reply_method_return(m, "a{sv}", 2, "UnixUserID", "u",
					  (uint32_t)(client ? peer->identity.uid : getuid()),
					  "ProcessID", "u",
					  (uint32_t)(client ? peer->identity.pid : getpid()));
}

#define DRIVER_METHOD(name, in, out, handler) \
	SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable driver_vtable[] = {
	SD_BUS_VTABLE_START(0),
	DRIVER_METHOD("Hello", NULL, "s", method_hello),
	DRIVER_METHOD("AddMatch", "s", NULL, method_match),
	DRIVER_METHOD("RemoveMatch", "s", NULL, method_match),
	DRIVER_METHOD("GetNameOwner", "s", "s", method_get_name_owner),
	DRIVER_METHOD("NameHasOwner", "s", "b", method_name_has_owner),
	DRIVER_METHOD("StartServiceByName", "su", "u", method_start_service),
	DRIVER_METHOD("ListNames", NULL, "as", method_list_names),
	DRIVER_METHOD("ListActivatableNames", NULL, "as", method_list_names),
	DRIVER_METHOD("GetConnectionCredentials", "s", "a{sv}", method_get_credentials),
	SD_BUS_VTABLE_END,
};

int peer_driver_attach(struct bus_peer *peer)
{
	return sd_bus_add_object_vtable(peer->bus, NULL, DRIVER_PATH, DRIVER_NAME, driver_vtable,
					peer);
}

static void peer_free(struct bus_peer *peer)
{
	TAILQ_REMOVE(&peer->set->peers, peer, entry);
	peer->set->n_peers--;
	sd_event_source_disable_unref(peer->deadline);
	sd_event_source_disable_unref(peer->writable);
	sd_bus_close_unref(peer->bus);
	identity_clear(&peer->identity);
	free(peer);
}

void peer_lose(struct bus_peer *peer)
{
	struct bus_set *set = peer->set;
	uint64_t number = peer->identity.peer;

	peer_free(peer);
	if (set->peer_gone)
		set->peer_gone(number, set->userdata);
}

int peer_process(struct bus_peer *peer)
{
	struct bus_set *set = peer->set;
	uint64_t number = peer->identity.peer;
	int r = sd_bus_process(peer->bus, NULL);

	/* It has hung up, which on_peer_gone() has heard of. */
	if (!bus_set_has_peer(set, number))
		return -ECONNRESET;
	if (r < 0)
		peer_lose(peer);
	return r;
}

static int on_peer_gone(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_)
{
	peer_lose(userdata);
	return 1;
}

bool bus_set_has_peer(const struct bus_set *set, uint64_t number)
{
	const struct bus_peer *peer;

	TAILQ_FOREACH(peer, &set->peers, entry)
		if (peer->identity.peer == number)
			return true;
	return false;
}

static unsigned int peers_of(const struct bus_set *set, uid_t uid)
{
	const struct bus_peer *peer;
	unsigned int n = 0;

	TAILQ_FOREACH(peer, &set->peers, entry)
		n += peer->identity.uid == uid;
	return n;
}

/* Consumes @fd once the bus has it. */
static int peer_start(struct bus_peer *peer, int *fd)
{
	_cleanup_close_ int in = fd_dup(*fd);
	sd_id128_t id;
	int r;

	if (in < 0)
		return in;
	if ((r = sd_id128_randomize(&id)) < 0 || (r = sd_bus_new(&peer->bus)) < 0 ||
	    (r = sd_bus_set_fd(peer->bus, in, *fd)) < 0)
		return r;
	peer->in_fd = TAKE_FD(in);
	peer->fd = TAKE_FD(*fd);
	if ((r = sd_bus_set_server(peer->bus, true, id)) < 0 ||
	    (r = sd_bus_negotiate_fds(peer->bus, true)) < 0 ||
	    /* Nobody has luod wait for him to read when it ends. */
	    (r = sd_bus_set_close_on_exit(peer->bus, false)) < 0 ||
	    (r = sd_bus_set_sender(peer->bus, LUOD_UNIQUE)) < 0 ||
	    (r = sd_bus_set_description(peer->bus, "luod-peer")) < 0 ||
	    (r = peer_driver_attach(peer)) < 0 ||
	    (r = peer->set->attach(peer->bus, peer->set->userdata)) < 0 ||
	    (r = peer_input_start(peer)) < 0 || (r = sd_bus_start(peer->bus)) < 0 ||
	    (r = peer_output_start(peer)) < 0 ||
	    (r = sd_bus_match_signal(peer->bus, NULL, NULL, "/org/freedesktop/DBus/Local",
				     "org.freedesktop.DBus.Local", "Disconnected", on_peer_gone,
				     peer)) < 0)
		return r;
	return sd_bus_attach_event(peer->bus, peer->set->event, SD_EVENT_PRIORITY_NORMAL);
}

static int peer_new(struct bus_set *set, int *fd)
{
	struct identity identity;
	struct bus_peer *peer;
	int r = identity_of_peer(*fd, &identity);

	if (r < 0)
		return r;
	peer = calloc(1, sizeof(*peer));
	if (!peer) {
		identity_clear(&identity);
		return -ENOMEM;
	}
	peer->set = set;
	peer->identity = identity;
	peer->identity.peer = ++set->last_peer;
	TAILQ_INSERT_TAIL(&set->peers, peer, entry);
	set->n_peers++;
	/* Whoever takes all the others' places keeps root out of none. */
	if ((identity.uid != 0 && set->n_peers > set->limits.peers) ||
	    peers_of(set, identity.uid) > set->limits.peers_per_uid)
		r = -EUSERS;
	else
		r = peer_start(peer, fd);
	if (r < 0)
		peer_free(peer);
	return r;
}

/* Out of fds or memory: the socket stays readable, so luod looks away for a moment. */
static void pause_accepting(struct bus_set *set, int why)
{
	if (!set->accept_complained)
		log_warning_errno(why, "Cannot accept a peer: %m. It waits");
	set->accept_complained = true;
	sd_event_source_set_enabled(set->listen, SD_EVENT_OFF);
	later(set->accept_again, ACCEPT_PAUSE_USEC);
}

static void serve(struct bus_set *set, int fd)
{
	_cleanup_close_ int owned = fd;
	int r = peer_new(set, &owned);

	if (r < 0 && owned >= 0 && errno_is_shortage(r)) {
		set->accepted_fd = TAKE_FD(owned);
		pause_accepting(set, r);
		return;
	}
	if (r < 0)
		log_warning_errno(r, "Cannot serve a peer, ignoring: %m");
	set->accept_complained = false;
}

static int on_accept_again(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct bus_set *set = userdata;

	if (set->accepted_fd >= 0)
		serve(set, TAKE_FD(set->accepted_fd));
	if (set->accepted_fd >= 0)
		return 0;
	/* Which takes memory, too. */
	if (sd_event_source_set_enabled(set->listen, SD_EVENT_ON) < 0)
		later(set->accept_again, ACCEPT_PAUSE_USEC);
	return 0;
}

static int on_connection(sd_event_source *source _unused_, int listen_fd, uint32_t events _unused_,
			 void *userdata)
{
	struct bus_set *set = userdata;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		serve(set, fd);
	else if (errno != EAGAIN && errno != EINTR)
		pause_accepting(set, -errno);
	return 0;
}

static struct bus_peer *find_undrained(struct bus_set *set)
{
	struct bus_peer *peer;

	TAILQ_FOREACH(peer, &set->peers, entry)
		if (!peer->drained && sd_bus_is_ready(peer->bus) > 0)
			return peer;
	return NULL;
}

static struct bus_peer *find_swamped(struct bus_set *set)
{
	struct bus_peer *peer;
	uint64_t n;

	TAILQ_FOREACH(peer, &set->peers, entry)
		if (peer->useless ||
		    (sd_bus_get_n_queued_write(peer->bus, &n) >= 0 && n > set->limits.queue))
			return peer;
	return NULL;
}

/* What a client does not read waits in luod's memory: somebody who never reads is let go. */
static void drop_swamped(struct bus_set *set)
{
	struct bus_peer *peer;

	while ((peer = find_swamped(set))) {
		log_warning("Process %d of uid %u does not read what it is sent; closing its "
			    "connection.",
			    peer->identity.pid, peer->identity.uid);
		peer_lose(peer);
	}
}

/* Not for as long as one that never stops sending would like. The peer may be gone after that. */
static void drain(struct bus_peer *peer)
{
	for (unsigned int n = 0; n < DRAIN_MAX && !bus_has_unread(peer->bus); n++)
		if (peer_process(peer) <= 0)
			break;
}

/*
 * A client may send its first call along with the line that ends the handshake. sd-bus then has
 * it in its buffer while the event loop waits for more input on the socket; so each connection is
 * asked to go on once more when it has become ready.
 */
static void begin_serving(struct bus_peer *peer)
{
	if (!peer_input_admits(peer)) {
		log_warning(
			"Process %d of uid %u says too much in the handshake; closing its connection.",
			peer->identity.pid, peer->identity.uid);
		peer_lose(peer);
		return;
	}
	peer->drained = true;
	peer_input_complete(peer);
	drain(peer);
}

static int on_processed(sd_event_source *source _unused_, void *userdata)
{
	struct bus_set *set = userdata;
	struct bus_peer *peer;

	while ((peer = find_undrained(set)))
		begin_serving(peer);
	while ((peer = peer_output_resume(set)))
		drain(peer);
	peer_output_hold(set);
	drop_swamped(set);
	peer_input_look(set);
	return 0;
}

int bus_set_listen(struct bus_set *set, int fd)
{
	_cleanup_close_ int owned = fd;
	int r;

	set->silent_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (set->silent_fd < 0)
		return -errno;
	if ((r = later_prepare(set->event, &set->accept_again, on_accept_again, set)) < 0 ||
	    (r = sd_event_add_post(set->event, &set->drain, on_processed, set)) < 0)
		return r;
	r = sd_event_add_io(set->event, &set->listen, owned, EPOLLIN, on_connection, set);
	if (r < 0)
		return r;
	set->listen_fd = TAKE_FD(owned);
	peer_input_look(set);
	return 0;
}

int bus_set_listen_path(struct bus_set *set, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	return bus_set_listen(set, TAKE_FD(fd));
}

void bus_set_close_peers(struct bus_set *set)
{
	struct bus_peer *peer;

	sd_event_source_disable_unref(set->listen);
	sd_event_source_disable_unref(set->drain);
	sd_event_source_disable_unref(set->accept_again);
	set->listen = set->drain = set->accept_again = NULL;
	set->listen_fd = close_fd(set->listen_fd);
	set->accepted_fd = close_fd(set->accepted_fd);
	set->silent_fd = close_fd(set->silent_fd);
	while ((peer = TAILQ_FIRST(&set->peers)))
		peer_free(peer);
}

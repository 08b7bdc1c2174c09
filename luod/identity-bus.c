/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * identity-bus - who is calling. For a peer: what the socket says (SO_PEERCRED, SO_PEERPIDFD) at
 * the moment of connecting. On the system bus: what the bus driver says (GetConnectionCredentials,
 * which carries a pidfd since dbus 1.15.8).
 *
 * The systemd unit is read from the caller's cgroup. A pid alone can be recycled between the
 * answer and the look-up, and before it: a connection may outlive the process that made it. So a
 * pidfd must say afterwards that the process is still the same one: as long as it has not been
 * reaped its pid cannot have gone to somebody else. Without a pidfd (an older bus driver) the unit
 * is not known, and nothing is given to a caller for being in a unit.
 *
 * The question to the bus driver is synchronous, with a deadline: it is one local round trip, once
 * per sender, and the driver is trusted to answer as every other daemon on the bus trusts it to.
 */
#include <fcntl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <systemd/sd-login.h>

#include "identity.h"
#include "log.h"

#define DRIVER_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define SO_PEERPIDFD_NUMBER 77 /* SO_PEERPIDFD: newer than the C library of the build host */

void identity_clear(struct identity *identity)
{
	free(identity->unit);
	free(identity->sender);
	*identity = (struct identity){ .uid = (uid_t)-1 };
}

const char *identity_unit(const struct identity *identity)
{
	return identity->unit_sure ? identity->unit : NULL;
}

const char *identity_way_out(const struct identity *identity)
{
	if (identity->unit_sure)
		return "";
	return " Your unit is not known, because the bus passes no pidfd (dbus before 1.15.8); speak "
	       "to luod at /run/luod/bus.";
}

/* Signal 0 to a pidfd: ESRCH once the process is gone, and only then may its pid be another's. */
static bool pidfd_alive(int pidfd)
{
	return pidfd_send_signal(pidfd, 0, NULL, 0) >= 0 || errno == EPERM;
}

/* The unit of @pid, "" when it has none; -ESRCH when @pidfd says that it is no longer that one. */
static int unit_of(pid_t pid, int pidfd, char **ret)
{
	_cleanup_free_ char *unit = NULL;
	int r = pidfd >= 0 ? sd_pid_get_unit(pid, &unit) : -ENODATA;

	if (r < 0 && r != -ENODATA && r != -ESRCH && r != -ENXIO)
		return r;
	if (pidfd >= 0 && !pidfd_alive(pidfd))
		return -ESRCH;
	if (!unit) {
		unit = strdup("");
		if (!unit)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(unit);
	return 0;
}

/* -ENODATA: there is none, of an old kernel or a peer that is gone. That luod has no room is an error. */
static int pidfd_of_peer(int fd)
{
	int pidfd;
	socklen_t size = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD_NUMBER, &pidfd, &size) >= 0)
		return pidfd;
	return errno_is_shortage(-errno) ? -errno : -ENODATA;
}

int identity_of_peer(int fd, struct identity *ret)
{
	_cleanup_close_ int pidfd = -EBADF;
	struct ucred ucred;
	socklen_t size = sizeof(ucred);
	char *unit;
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
		return -errno;
	pidfd = pidfd_of_peer(fd);
	if (pidfd < 0 && pidfd != -ENODATA)
		return pidfd;
	r = unit_of(ucred.pid, pidfd, &unit);
	if (r < 0)
		return r;
	*ret = (struct identity){
		.uid = ucred.uid,
		.pid = ucred.pid,
		.unit = unit,
		.unit_sure = pidfd >= 0,
	};
	return 0;
}

struct credentials {
	uint32_t uid;
	uint32_t pid;
	int pidfd; /* owned by the reply */
};

static int read_credentials(sd_bus_message *reply, struct credentials *ret)
{
	int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		const char *key;

		r = sd_bus_message_read(reply, "s", &key);
		if (r < 0)
			return r;
		if (streq(key, "UnixUserID"))
			r = sd_bus_message_read(reply, "v", "u", &ret->uid);
		else if (streq(key, "ProcessID"))
			r = sd_bus_message_read(reply, "v", "u", &ret->pid);
		else if (streq(key, "ProcessFD"))
			r = sd_bus_message_read(reply, "v", "h", &ret->pidfd);
		else
			r = sd_bus_message_skip(reply, "v");
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(reply);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int identity_of_sender(sd_bus *bus, const char *sender, struct identity *ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	struct credentials c = { .uid = UINT32_MAX, .pidfd = -EBADF };
	char *unit, *copy;
	int r;

	r = sd_bus_message_new_method_call(bus, &m, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					   "org.freedesktop.DBus", "GetConnectionCredentials");
	if (r < 0)
		return r;
	r = sd_bus_message_append(m, "s", sender);
	if (r < 0)
		return r;
	r = sd_bus_call(bus, m, DRIVER_TIMEOUT_USEC, NULL, &reply);
	if (r < 0)
		return r;
	r = read_credentials(reply, &c);
	if (r < 0)
		return r;
	if (c.uid == UINT32_MAX || c.pid == 0)
		return -ENODATA;
	r = unit_of((pid_t)c.pid, c.pidfd, &unit);
	if (r < 0)
		return r;
	copy = strdup(sender);
	if (!copy) {
		free(unit);
		return -ENOMEM;
	}
	*ret = (struct identity){
		.uid = c.uid,
		.pid = (pid_t)c.pid,
		.unit = unit,
		.unit_sure = c.pidfd >= 0,
		.sender = copy,
	};
	return 0;
}

/* Unique names are never given twice on one bus, so a cached answer stays true. */
static int identify_sender(struct bus_set *set, const char *sender, const struct identity **ret)
{
	struct identity *slot, fresh;
	int r;

	if (!sender)
		return -ENODATA;
	for (size_t i = 0; i < ARRAY_SIZE(set->cache); i++)
		if (set->cache[i].sender && streq(set->cache[i].sender, sender)) {
			*ret = &set->cache[i];
			return 0;
		}
	r = identity_of_sender(set->system, sender, &fresh);
	if (r < 0)
		return r;
	slot = &set->cache[set->cache_next++ % ARRAY_SIZE(set->cache)];
	identity_clear(slot);
	*slot = fresh;
	*ret = slot;
	return 0;
}

static struct bus_peer *find_peer(struct bus_set *set, sd_bus *bus)
{
	struct bus_peer *peer;

	TAILQ_FOREACH(peer, &set->peers, entry)
		if (peer->bus == bus)
			return peer;
	return NULL;
}

int bus_set_identify(struct bus_set *set, sd_bus_message *m, const struct identity **ret,
		     sd_bus_error *error)
{
	sd_bus *bus = sd_bus_message_get_bus(m);
	struct bus_peer *peer = find_peer(set, bus);
	int r;

	if (peer) {
		*ret = &peer->identity;
		return 0;
	}
	r = bus == set->system ? identify_sender(set, sd_bus_message_get_sender(m), ret) : -ENODATA;
	if (r < 0) {
		log_debug_errno(r, "Cannot tell who %s is: %m",
				strempty(sd_bus_message_get_sender(m)));
		return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
					"The bus does not say who is calling; try again while the "
					"calling process is alive.");
	}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host - luod's way to what it may not do itself (see host-do.h): by luod-host when it was told of a
 * socket, otherwise by itself.
 *
 * Calls are synchronous, as those to the keeper: the other side does one thing and answers. The
 * connection is made when it is needed, and again when luod-host was restarted. Nothing here logs.
 * Besides the errors of the deeds: -ETIMEDOUT, and what connecting says.
 */
#ifndef LUOD_HOST_H
#define LUOD_HOST_H

#include "host-do.h"
#include "util.h"

#define HOST_SOCKET "/run/luod/host"

struct host {
	const char *socket; /* NULL: by itself */
	struct host_places places;
	int fd; /* the connection */
};

#define HOST_BY_ITSELF                              \
	{                                           \
		.places = HOST_PLACES, .fd = -EBADF \
	}

void host_close(struct host *h);

/* Has systemd start luod-host, if need be, without waiting for it. */
void host_wake(struct host *h);

/* Freezes all file systems; on failure *ret_path is where (the caller frees it). See freeze.h. */
int host_freeze(struct host *h, char **ret_path);
int host_thaw(struct host *h);

/*
 * An fd of the network namespace @name, "" for the host's own; the caller owns it. -ENOENT: there
 * is none, and it is not to be made.
 */
int host_namespace(struct host *h, const char *name, bool make);

/*
 * In namespace @fd, and the caller's: a bound socket of netlink, of @protocol; an open /dev/net/tun,
 * non-blocking; file @name of /proc/net, or (netns-sysctl.h) of /proc/sys/net, open for reading.
 */
int host_netlink(struct host *h, int fd, int protocol);
int host_tun(struct host *h, int fd);
int host_proc_net(struct host *h, int fd, const char *name);
int host_sysctl(struct host *h, int fd, const char *name);

#endif

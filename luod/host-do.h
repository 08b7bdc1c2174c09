/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-do - what is done to the host with CAP_SYS_ADMIN and in its own mount namespace.
 *
 * luod is in a mount namespace of its own and without that capability, so luod-host does it, and
 * nothing else. A luod that was started by hand, without luod-host, does the same by itself.
 */
#ifndef LUOD_HOST_DO_H
#define LUOD_HOST_DO_H

#include "host-proto.h"

#define HOST_NAMESPACES_FOLDER "/run/netns"

/* Tests have places of their own. */
struct host_places {
	const char *namespaces; /* files that named network namespaces are bound to */
	const char *proc;	/* what the process sees of the namespace that it is in */
	const char *sysctl;	/* and what is set there */
};

#define HOST_PLACES                                                              \
	{                                                                        \
		HOST_NAMESPACES_FOLDER, "/proc/thread-self/net", "/proc/sys/net" \
	}

/*
 * @fd is what came with the request, or -EBADF, and stays the caller's. Fills *ret, and *ret_fd with
 * an fd that the caller owns or -EBADF.
 */
void host_do(const struct host_request *request, const struct host_places *places, int fd,
	     struct host_reply *ret, int *ret_fd);

#endif

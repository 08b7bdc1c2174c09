/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fdstore - luod's way to luod-keeper, which holds the fds of all kernel sessions.
 *
 * Calls are synchronous: the keeper answers within microseconds, PUT and DROP after one round trip
 * to PID 1. No call lasts longer than the deadline (5 s, -ETIMEDOUT). The connection is made when
 * it is needed and again when the keeper was restarted; a request that got no answer because of
 * that is sent once more, which is harmless because all requests can be repeated.
 *
 * Not thread-safe; nothing here logs. All functions return 0 or a negative errno: what each
 * request's own errors mean is told in keeper-proto.h. Besides those:
 *   -EINVAL       not the name of a session of ours (checked before anything is sent)
 *   -ENOTCONN     no keeper: at once when there never was one, else when the deadline has passed
 *   -ETIMEDOUT    the keeper is there and did not answer
 *   -EPROTO       the answer makes no sense, or the keeper does not know this version
 *   -EOPNOTSUPP   the keeper is older and does not know the request
 */
#ifndef LUOD_FDSTORE_H
#define LUOD_FDSTORE_H

#include "keeper-proto.h"
#include "util.h"

struct fdstore;

struct fdstore_list {
	uint32_t flags;	    /* enum keeper_flags */
	uint64_t tsc_start; /* as in struct keeper_reply */
	uint64_t tsc_ready;
	size_t count;
	struct keeper_entry entries[]; /* names are terminated and valid */
};

/* @path NULL: KEEPER_SOCKET. Does not connect. The caller frees the result. */
int fdstore_open(const char *path, struct fdstore **ret);

/* Closes the connection and frees; what the keeper holds stays. NULL is fine. Returns NULL. */
struct fdstore *fdstore_close(struct fdstore *f);
DEFINE_CLEANUP(struct fdstore *, fdstore_close)

/* Another deadline for every call, in microseconds. */
void fdstore_set_timeout(struct fdstore *f, uint64_t usec);

/* The keeper gets a duplicate; @fd stays the caller's, on failure too. */
int fdstore_put(struct fdstore *f, const char *name, int fd);

/* *ret_fd is a close-on-exec duplicate that the caller owns. -ENOENT: the keeper has none. */
int fdstore_get(struct fdstore *f, const char *name, int *ret_fd);

/* The caller frees the list, with free(). */
int fdstore_list(struct fdstore *f, struct fdstore_list **ret);

/*
 * The keeper and PID 1 let go of the session. PID 1 may take some milliseconds more to close its
 * fd: creating a session of the same name can be -EEXIST until then. -ENOENT: the keeper has none.
 */
int fdstore_drop(struct fdstore *f, const char *name);

/* Has the keeper retrieve a session by name. One attempt: -EBUSY when the device is busy. */
int fdstore_retrieve(struct fdstore *f, const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper-proto - what luod and luod-keeper say to each other.
 *
 * One AF_UNIX SOCK_SEQPACKET connection on KEEPER_SOCKET, root to root. Every message is one
 * packet: luod sends a struct keeper_request, the keeper answers each with one struct
 * keeper_reply, which for KEEPER_LIST is followed by .count entries. At most one fd travels with
 * a message: with the request of KEEPER_PUT, with the reply of KEEPER_GET.
 *
 * .size is the version, as in the kernel's own interfaces: each struct only ever grows at its end.
 * The keeper outlives an upgrade of luod and the other way round, so neither may assume that the
 * other is as new; a size that the keeper does not know is answered with -EPROTO.
 *
 * A name is that of the kernel session: "luod", or "luod/" and 1 to 58 characters of
 * [A-Za-z0-9._/-]; NUL-terminated and filled up with NULs.
 */
#ifndef LUOD_KEEPER_PROTO_H
#define LUOD_KEEPER_PROTO_H

#include <stdint.h>

#define KEEPER_SOCKET	 "/run/luod/keeper"
#define KEEPER_NAME_SIZE 64

/* The same as FileDescriptorStoreMax= in luod-keeper.service. */
#define KEEPER_SESSIONS_MAX 1024

/* luod's own session, and where in it the keeper finds the names of all the others. */
#define KEEPER_OWN_SESSION "luod"
#define KEEPER_NAMES_TOKEN 2

enum keeper_op {
	/*
	 * Hold the attached session. When the reply says 0, both the keeper and PID 1 have it: the
	 * sender and the keeper may be killed. Doing it again with the same file is no error.
	 *   -EBADF        no fd came with the request
	 *   -EINVAL       not a name of ours
	 *   -EMEDIUMTYPE  the fd is no session, or one of another name
	 *   -EEXIST       the name is held, by another file
	 *   -EBUSY        the name is being dropped, PID 1 has not let go of it yet
	 *   -ENOSPC       as many as fit are held
	 *   -ETIMEDOUT, … PID 1 did not take it. Nothing is held then
	 */
	KEEPER_PUT = 1,

	/* A duplicate of the session's fd. -ENOENT: not held. */
	KEEPER_GET,

	/* All that is held; the name is ignored. */
	KEEPER_LIST,

	/*
	 * Let go of the session: PID 1 first, then the keeper. If these were the last fds, that
	 * ends it (an outgoing one is dropped, an incoming one finished). PID 1 may close
	 * its fd some milliseconds after the reply (systemd closes in a thread).
	 *   -ENOENT          not held
	 *   -ETIMEDOUT, …    PID 1 did not answer; it is tried again until it does, and the name
	 *                    is neither listed nor given out any more
	 */
	KEEPER_DROP,

	/*
	 * Retrieve this session from the kernel now and hold it. For when the list of names was
	 * unreadable. 0 as well when it is held already.
	 *   -EBUSY   somebody has /dev/liveupdate open; try again
	 *   -ENOENT  nothing of this name came over, or the kernel has no LUO
	 *   …        as kdev_luo_retrieve_session_on()
	 */
	KEEPER_RETRIEVE,
};

/* How a session came to the keeper, in this kernel. */
enum keeper_origin {
	KEEPER_ORIGIN_PUT = 1, /* from luod */
	KEEPER_ORIGIN_FDSTORE, /* PID 1 carried it through the kexec in the fd store */
	KEEPER_ORIGIN_NAME,    /* the keeper retrieved it by name */
};

enum keeper_flags {
	/* PID 1 holds a copy of everything. Without it (run by hand) a SIGKILL loses all. */
	KEEPER_FLAG_STORE = 1U << 0,
	/* /dev/liveupdate is busy: sessions of the previous kernel are not all here yet. */
	KEEPER_FLAG_RETRIEVING = 1U << 1,
	/* Something came over that was not retrieved; the journal says what, RETRIEVE may help. */
	KEEPER_FLAG_INCOMPLETE = 1U << 2,
};

struct keeper_request {
	uint32_t size;
	uint32_t op;
	char name[KEEPER_NAME_SIZE];
};

struct keeper_reply {
	uint32_t size;
	int32_t result; /* 0 or a negative errno */
	uint32_t count; /* entries that follow */
	uint32_t flags;
	uint64_t tsc_start; /* cycle counter when the first keeper of this kernel started */
	uint64_t tsc_ready; /* … and when it had all it could get; 0 before */
};

struct keeper_entry {
	char name[KEEPER_NAME_SIZE];
	uint32_t origin;
	uint32_t reserved;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-luo - the Live Update Orchestrator's ioctls (kernel: include/uapi/linux/liveupdate.h,
 * kernel/liveupdate/luo_{core,session,file}.c), and nothing else.
 *
 * /dev/liveupdate lets in one opener at a time, and PID 1 needs it at boot and at the very end of
 * a shutdown. So it is opened for one call, or one row of calls, and closed at once. The
 * kdev_luo_try_* forms never wait: -EBUSY means that somebody else has the device right now, and
 * an event loop comes back by timer after kdev_luo_next_backoff(). The forms with a deadline sleep
 * in between; they are for programs without a loop.
 *
 * Every fd returned is close-on-exec and belongs to the caller. Closing the last fd of a session
 * is not harmless: an outgoing session (created in this kernel) is dropped with all that was
 * preserved in it, an incoming one (retrieved) is finished.
 *
 * All functions return a negative errno on failure. Nothing here logs or keeps state.
 */
#ifndef LUOD_KDEV_LUO_H
#define LUOD_KDEV_LUO_H

#include <stdbool.h>
#include <stdint.h>

/* The longest name of a kernel session, and the buffer for one. */
#define KDEV_LUO_NAME_MAX  63
#define KDEV_LUO_NAME_SIZE (KDEV_LUO_NAME_MAX + 1)

#define KDEV_LUO_DEVICE "/dev/liveupdate"

/*
 * Opens the device without waiting.
 *   -EBUSY   somebody else has it open
 *   -ENOENT  no such device: the kernel has no LUO, or was not booted with liveupdate=on
 *   -EIO     the kernel could not read what the previous one handed over; every later open in
 *            this kernel fails alike
 */
int kdev_luo_try_open(void);

/*
 * On a device that the caller has open: makes the outgoing session @name, or takes up the
 * incoming one of that name.
 *   -EINVAL        empty name (create); already retrieved in this kernel (retrieve)
 *   -ENAMETOOLONG  longer than KDEV_LUO_NAME_MAX; the kernel would cut it
 *   -EEXIST        create: an outgoing session of this name exists (an fd of it is still open)
 *   -ENOENT        retrieve: the previous kernel handed over no session of this name
 */
int kdev_luo_create_session_on(int device, const char *name, int *ret_fd);
int kdev_luo_retrieve_session_on(int device, const char *name, int *ret_fd);

/* Open, one call, close. The errors of both, -EBUSY at once. */
int kdev_luo_try_create_session(const char *name, int *ret_fd);
int kdev_luo_try_retrieve_session(const char *name, int *ret_fd);

/*
 * The same, but a busy device is tried again until @deadline_usec (CLOCK_MONOTONIC). Blocks;
 * -EBUSY when the deadline has passed. At least one attempt is made.
 */
int kdev_luo_create_session(const char *name, uint64_t deadline_usec, int *ret_fd);
int kdev_luo_retrieve_session(const char *name, uint64_t deadline_usec, int *ret_fd);

/* How long to wait before the next attempt: 10 ms after 0, then doubling up to 200 ms. */
uint64_t kdev_luo_next_backoff(uint64_t previous_usec);

/*
 * Preserves what @fd refers to under @token in the outgoing @session. The caller keeps @fd and may
 * close it: the kernel holds the file. Fills holes of a memfd, so it takes time and memory.
 *   -EEXIST      the token is taken in this session
 *   -EBUSY       the file is preserved already, here or in another session
 *   -ENOENT      the kernel has no handler for this kind of file
 *   -EOPNOTSUPP  a memfd with a seal that the kernel does not know how to carry
 *   -EINVAL      @session is an incoming one
 */
int kdev_luo_session_preserve_fd(int session, int fd, uint64_t token);

/*
 * Takes what was preserved under @token out of the outgoing @session again.
 *   -ENOENT  no such token
 *   -EBUSY   something that was preserved later depends on it
 *   -EINVAL  @session is an incoming one
 *   -ENOTTY  the kernel has no such command: closing the session's last fd is the only undo
 */
int kdev_luo_session_unpreserve_fd(int session, uint64_t token);

/*
 * Takes up what the previous kernel preserved under @token; a second call gives the same file
 * again. A failure is final: the kernel answers every later call alike.
 *   -ENOENT  no such token, or the session is finished
 *   -EINVAL  @session is an outgoing one
 */
int kdev_luo_session_retrieve_fd(int session, uint64_t token, int *ret_fd);

/*
 * Tells the kernel that all of the incoming @session is reclaimed; what nobody retrieved is freed.
 *   -EBUSY   something in it cannot be finished yet
 *   -EINVAL  @session is an outgoing one
 */
int kdev_luo_session_finish(int session);

/* The session's full name, NUL-terminated. */
int kdev_luo_session_get_name(int session, char ret_name[static KDEV_LUO_NAME_SIZE]);

/*
 * The name of the session that such a link in /proc/PID/fd is of ("" when it does not say), or NULL
 * for any other link. Points into @link.
 */
const char *kdev_luo_session_of_link(const char *link);

/*
 * 1 when @fd is a session, 0 when it is something else. Asks the kernel what the file is before
 * any ioctl: an fd from a client may be a device that knows the same number by another meaning.
 */
int kdev_luo_is_session_fd(int fd);

#endif

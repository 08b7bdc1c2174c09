/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdev-luo - see kdev-luo.h; each function is one ioctl and what its errno means. */
#include "kdev-luo.h"

#include <fcntl.h>
#include <linux/liveupdate.h>
#include <sys/ioctl.h>
#include <time.h>

#include "util.h"

#define BACKOFF_MIN (10 * USEC_PER_MSEC)
#define BACKOFF_MAX (200 * USEC_PER_MSEC)

/* What /proc/self/fd/N of a session reads; a path of a file system begins with '/'. */
#define SESSION_LINK "anon_inode:[luo_session]"

_Static_assert(KDEV_LUO_NAME_SIZE == LIVEUPDATE_SESSION_NAME_LENGTH, "the kernel's name buffer");

static int luo_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

int kdev_luo_try_open(void)
{
	int fd = open(KDEV_LUO_DEVICE, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

/* The two device ioctls differ in their number only; the kernel makes the fd close-on-exec. */
static int session_by_name(int device, unsigned long request, const char *name, int *ret_fd)
{
	struct liveupdate_ioctl_create_session a = { .size = sizeof(a), .fd = -EBADF };
	size_t length = strlen(name);
	int r;

	_Static_assert(sizeof(struct liveupdate_ioctl_retrieve_session) == sizeof(a),
		       "one struct stands for both");
	if (length == 0)
		return -EINVAL;
	if (length > KDEV_LUO_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(a.name, name, length);
	r = luo_ioctl(device, request, &a);
	if (r < 0)
		return r;
	*ret_fd = a.fd;
	return 0;
}

int kdev_luo_create_session_on(int device, const char *name, int *ret_fd)
{
	return session_by_name(device, LIVEUPDATE_IOCTL_CREATE_SESSION, name, ret_fd);
}

int kdev_luo_retrieve_session_on(int device, const char *name, int *ret_fd)
{
	return session_by_name(device, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, name, ret_fd);
}

static int try_session_by_name(unsigned long request, const char *name, int *ret_fd)
{
	_cleanup_close_ int device = kdev_luo_try_open();

	if (device < 0)
		return device;
	return session_by_name(device, request, name, ret_fd);
}

int kdev_luo_try_create_session(const char *name, int *ret_fd)
{
	return try_session_by_name(LIVEUPDATE_IOCTL_CREATE_SESSION, name, ret_fd);
}

int kdev_luo_try_retrieve_session(const char *name, int *ret_fd)
{
	return try_session_by_name(LIVEUPDATE_IOCTL_RETRIEVE_SESSION, name, ret_fd);
}

uint64_t kdev_luo_next_backoff(uint64_t previous_usec)
{
	if (previous_usec >= BACKOFF_MAX / 2)
		return BACKOFF_MAX;
	return previous_usec < BACKOFF_MIN ? BACKOFF_MIN : previous_usec * 2;
}

static void sleep_usec(uint64_t usec)
{
	struct timespec ts = {
		.tv_sec = (time_t)(usec / USEC_PER_SEC),
		.tv_nsec = (long)(usec % USEC_PER_SEC * NSEC_PER_USEC),
	};

	/* Woken early by a signal: the next attempt comes early, no harm done. */
	nanosleep(&ts, NULL);
}

static int session_by_deadline(unsigned long request, const char *name, uint64_t deadline_usec,
			       int *ret_fd)
{
	uint64_t backoff = 0;

	for (;;) {
		uint64_t now;
		int r = try_session_by_name(request, name, ret_fd);

		if (r != -EBUSY)
			return r;
		now = now_usec(CLOCK_MONOTONIC);
		if (now >= deadline_usec)
			return -EBUSY;
		backoff = kdev_luo_next_backoff(backoff);
		sleep_usec(backoff < deadline_usec - now ? backoff : deadline_usec - now);
	}
}

int kdev_luo_create_session(const char *name, uint64_t deadline_usec, int *ret_fd)
{
	return session_by_deadline(LIVEUPDATE_IOCTL_CREATE_SESSION, name, deadline_usec, ret_fd);
}

int kdev_luo_retrieve_session(const char *name, uint64_t deadline_usec, int *ret_fd)
{
	return session_by_deadline(LIVEUPDATE_IOCTL_RETRIEVE_SESSION, name, deadline_usec, ret_fd);
}

int kdev_luo_session_preserve_fd(int session, int fd, uint64_t token)
{
	struct liveupdate_session_preserve_fd a = {
		.size = sizeof(a),
		.fd = fd,
		.token = token,
	};

	return luo_ioctl(session, LIVEUPDATE_SESSION_PRESERVE_FD, &a);
}

int kdev_luo_session_unpreserve_fd(int session, uint64_t token)
{
	struct liveupdate_session_unpreserve_fd a = { .size = sizeof(a), .token = token };

	return luo_ioctl(session, LIVEUPDATE_SESSION_UNPRESERVE_FD, &a);
}

int kdev_luo_session_retrieve_fd(int session, uint64_t token, int *ret_fd)
{
	struct liveupdate_session_retrieve_fd a = {
		.size = sizeof(a),
		.fd = -EBADF,
		.token = token,
	};
	int r = luo_ioctl(session, LIVEUPDATE_SESSION_RETRIEVE_FD, &a);

	if (r < 0)
		return r;
	*ret_fd = a.fd;
	return 0;
}

int kdev_luo_session_finish(int session)
{
	struct liveupdate_session_finish a = { .size = sizeof(a) };

	return luo_ioctl(session, LIVEUPDATE_SESSION_FINISH, &a);
}

int kdev_luo_session_get_name(int session, char ret_name[static KDEV_LUO_NAME_SIZE])
{
	struct liveupdate_session_get_name a = { .size = sizeof(a) };
	int r = luo_ioctl(session, LIVEUPDATE_SESSION_GET_NAME, &a);

	if (r < 0)
		return r;
	memcpy(ret_name, a.name, KDEV_LUO_NAME_SIZE);
	ret_name[KDEV_LUO_NAME_MAX] = '\0';
	return 0;
}

const char *kdev_luo_session_of_link(const char *link)
{
	size_t length = strlen(SESSION_LINK);

	if (strncmp(link, SESSION_LINK, length) != 0)
		return NULL;
	if (link[length] == '\0')
		return link + length;
	return link[length] == ' ' ? link + length + 1 : NULL;
}

int kdev_luo_is_session_fd(int fd)
{
	_cleanup_free_ char *link = NULL;
	int r = fd_readlink(fd, &link);

	return r < 0 ? r : kdev_luo_session_of_link(link) != NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util - see util.h for what each function promises. */
#include "util.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define SEAL_ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

uint64_t now_usec(int clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

int fd_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

int fd_is_read_write(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	return !(flags & O_PATH) && (flags & O_ACCMODE) == O_RDWR;
}

int memfd_new(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

static int write_full(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int memfd_new_sealed(const char *name, const void *data, size_t size)
{
	_cleanup_close_ int fd = memfd_new(name);
	int r;

	if (fd < 0)
		return fd;
	r = write_full(fd, data, size);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEAL_ALL) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int fd_read_full(int fd, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *buffer = NULL;
	size_t size = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (room - size < 2) {
			size_t larger = room ? room * 2 : 4096;
			char *p;

			if (larger > max + 2)
				larger = max + 2;
			if (larger <= room)
				return -EFBIG;
			p = realloc(buffer, larger);
			if (!p)
				return -ENOMEM;
			buffer = p;
			room = larger;
		}
		n = pread(fd, buffer + size, room - size - 1, (off_t)size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
	}
	buffer[size] = '\0';
	*ret = TAKE_PTR(buffer);
	if (ret_size)
		*ret_size = size;
	return 0;
}

int file_read_full(const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fd_read_full(fd, max, ret, ret_size);
}

static int write_new(const char *path, const void *data, size_t size, mode_t mode, bool sync)
{
	_cleanup_free_ char *temporary = strprintf("%s.XXXXXX", path);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!temporary)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_full(fd, data, size);
	if (r >= 0 &&
	    (fchmod(fd, mode) < 0 || (sync && fsync(fd) < 0) || rename(temporary, path) < 0))
		r = -errno;
	if (r < 0)
		unlink(temporary);
	return r;
}

int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode)
{
	return write_new(path, data, size, mode, true);
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode)
{
	return write_new(path, data, size, mode, false);
}

int fd_readlink(int fd, char **ret)
{
	char link[64], target[4096];
	ssize_t n;
	char *copy;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	copy = strdup(target);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

bool fd_link_is(int fd, const char *wanted)
{
	_cleanup_free_ char *link = NULL;

	return fd_readlink(fd, &link) >= 0 && streq(link, wanted);
}

int free_and_strdup(char **p, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*p);
	*p = copy;
	return 0;
}

char *strprintf(const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vasprintf(&s, format, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

void strv_free(char **strings)
{
	if (!strings)
		return;
	for (char **s = strings; *s; s++)
		free(*s);
	free(strings);
}

size_t strv_length(char *const *strings)
{
	size_t n = 0;

	while (strings && strings[n])
		n++;
	return n;
}

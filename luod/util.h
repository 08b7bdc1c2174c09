/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util - the few words every file of the daemon speaks: cleanup attributes, ownership hand-over,
 * and small wrappers that say in one name what three lines of libc would.
 *
 * Nothing here logs and nothing here keeps state. What a well-kept library offers is used from
 * there instead (JSON: jansson, INI: inih, event loop and bus: libsystemd).
 */
#ifndef LUOD_UTIL_H
#define LUOD_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC  1000000ULL
#define NSEC_PER_USEC 1000ULL
#define USEC_INFINITY UINT64_MAX

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define _cleanup_(f)	 __attribute__((cleanup(f)))
#define _cleanup_free_	 _cleanup_(freep)
#define _cleanup_close_	 _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)
#define _printf_(a, b)	 __attribute__((format(printf, a, b)))
#define _unused_	 __attribute__((unused))

/* Defines xp(), the cleanup handler that calls f() on a pointer variable unless it is NULL. */
#define DEFINE_CLEANUP(type, f)          \
	static inline void f##p(type *p) \
	{                                \
		if (*p)                  \
			f(*p);           \
	}

/* Hands a pointer or an fd to somebody else: the variable is emptied, so its cleanup does nothing. */
#define TAKE_PTR(p)                        \
	({                                 \
		__typeof__(p) *_pp = &(p); \
		__typeof__(p) _v = *_pp;   \
		*_pp = NULL;               \
		_v;                        \
	})

#define TAKE_FD(fd)               \
	({                        \
		int *_fp = &(fd); \
		int _v = *_fp;    \
		*_fp = -EBADF;    \
		_v;               \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Closes a valid fd and returns -EBADF, so that `fd = close_fd(fd)` forgets it; errno is kept. */
static inline int close_fd(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -EBADF;
}

static inline void closep(int *fd)
{
	close_fd(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Of a negative errno: it says nothing of what was asked for, but that there was no fd or memory to ask with. */
static inline bool errno_is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool isempty(const char *s)
{
	return !s || !*s;
}

/* The string itself, or "" for NULL: for printing and for D-Bus, which knows no NULL. */
static inline const char *strempty(const char *s)
{
	return s ? s : "";
}

/*
 * The two arguments of "%.*s" for at most @max bytes of @s, which is UTF-8, without a part of a
 * character at the end: sd-bus and jansson refuse whole what has one.
 */
#define FIT(s, max) utf8_fit((s), (max)), (s)

static inline int utf8_fit(const char *s, size_t max)
{
	size_t n = strnlen(s, max + 1);

	if (n > max)
		for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	return (int)n;
}

/*
 * Defines name_to_string() and name_from_string() over the array name_table[] of an enum; the
 * latter returns -EINVAL for a word that is not in it.
 */
#define DEFINE_STRING_TABLE(name, type)                                                       \
	const char *name##_to_string(type value)                                              \
	{                                                                                     \
		return (size_t)value < ARRAY_SIZE(name##_table) ? name##_table[value] : NULL; \
	}                                                                                     \
	int name##_from_string(const char *word)                                              \
	{                                                                                     \
		for (size_t i = 0; i < ARRAY_SIZE(name##_table); i++)                         \
			if (name##_table[i] && streq(name##_table[i], word))                  \
				return (int)i;                                                \
		return -EINVAL;                                                               \
	}

/* Microseconds of the named clock. */
uint64_t now_usec(int clock);

/* A close-on-exec duplicate of @fd, which the caller owns, or a negative errno. */
int fd_dup(int fd);

/*
 * Whether it was opened for both reading and writing: 1, 0 or negative errno. An O_PATH fd needed no
 * permission on the file, and one that is less than both does not give its bearer the other.
 */
int fd_is_read_write(int fd);

/* Creates a sealable, non-executable memfd; the caller owns it. Negative errno on failure. */
int memfd_new(const char *name);

/* As memfd_new(), filled with @size bytes of @data and sealed against every change. */
int memfd_new_sealed(const char *name, const void *data, size_t size);

/*
 * Reads a whole file of at most @max bytes from the start of @fd (its offset is left alone) into
 * a fresh buffer with a NUL behind it, which the caller frees. -EFBIG when it is larger.
 */
int fd_read_full(int fd, size_t max, char **ret, size_t *ret_size);

/* As fd_read_full() for a path, also for files of /proc and /sys that state no size. */
int file_read_full(const char *path, size_t max, char **ret, size_t *ret_size);

/* Writes @path as a whole or not at all (temporary file, fsync, rename). */
int file_write_atomic(const char *path, const void *data, size_t size, mode_t mode);
/* The same for what may be lost with the machine: the disk is not waited for. */
int file_replace(const char *path, const void *data, size_t size, mode_t mode);

/* The name behind `/proc/self/fd/N` of an fd: what the kernel says that it is. Caller frees. */
int fd_readlink(int fd, char **ret);
bool fd_link_is(int fd, const char *wanted);

/* Replaces *p by a copy of @value (NULL stays NULL); on failure *p is as before. */
int free_and_strdup(char **p, const char *value);

/* printf into a fresh string, or NULL when out of memory. */
char *strprintf(const char *format, ...) _printf_(1, 2);

/* Frees a list of strings with a NULL behind the last, and them; NULL is fine. */
void strv_free(char **strings);
DEFINE_CLEANUP(char **, strv_free)
size_t strv_length(char *const *strings);

#endif

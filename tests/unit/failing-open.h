/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failing-open - openat(2) of the program that includes this, once, for tests of what luod lacks. */
#ifndef LUOD_FAILING_OPEN_H
#define LUOD_FAILING_OPEN_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

static unsigned int open_countdown;
static int open_error;

/* The @n-th call from now on, of which 1 is the next, fails with @error; 0: none does. */
static void open_fails_at(unsigned int n, int error)
{
	open_countdown = n;
	open_error = error;
}

int openat(int at, const char *path, int flags, ...)
{
	static int (*real)(int, const char *, int, ...);
	va_list args;
	mode_t mode;

	if (!real)
		real = dlsym(RTLD_NEXT, "openat");
	if (open_countdown > 0 && --open_countdown == 0) {
		errno = open_error;
		return -1;
	}
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return real(at, path, flags, mode);
}

#endif

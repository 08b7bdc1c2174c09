/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader - what is wrong with a text that is being read, in words: the first thing, for one that is
 * wrong in one place often is in others because of it.
 */
#ifndef LUOD_READER_H
#define LUOD_READER_H

#include "util.h"

struct reader {
	char **error; /* NULL until something is wrong; freed by whoever owns it */
};

/* Remembers that, unless something was wrong before; returns @error. */
int reader_wrong(struct reader *r, int error, const char *format, ...) _printf_(3, 4);

#endif

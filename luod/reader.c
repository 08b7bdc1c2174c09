/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader - see reader.h. */
#include "reader.h"

#include <stdarg.h>
#include <stdio.h>

int reader_wrong(struct reader *r, int error, const char *format, ...)
{
	va_list ap;

	if (*r->error)
		return error;
	va_start(ap, format);
	if (vasprintf(r->error, format, ap) < 0)
		*r->error = NULL;
	va_end(ap);
	return error;
}

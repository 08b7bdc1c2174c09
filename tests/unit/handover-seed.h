/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover-seed - records as versions of luod have written them, which are the fuzzer's seeds. */
#ifndef TESTS_HANDOVER_SEED_H
#define TESTS_HANDOVER_SEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>

#include "luod/handover.h"

static inline char *seed(const char *name, size_t *ret_size)
{
	_cleanup_free_ char *path =
		strprintf("%s/tests/fuzz/seeds/handover/%s", getenv("SRC") ?: ".", name);
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	*ret_size = fread(text, 1, 65535, f);
	fclose(f);
	return text;
}

static inline int read_seed(const char *name, struct handover *ret, char **ret_error)
{
	size_t size;
	_cleanup_free_ char *text = seed(name, &size);

	return handover_read(text, size, ret, ret_error);
}

static inline struct session *nth(struct handover *h, int n)
{
	struct session *s = TAILQ_FIRST(&h->sessions);

	while (n-- > 0)
		s = TAILQ_NEXT(s, entry);
	return s;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-root - a folder that stands for "/" in a test: root_new() and root_free() are its setup and
 * teardown, put() makes a file in it. For one .c file that has included cmocka.h.
 */
#ifndef LUOD_TEST_ROOT_H
#define LUOD_TEST_ROOT_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "luod/util.h"

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_,
		      struct FTW *ftw _unused_)
{
	return remove(path);
}

static int root_new(void **state)
{
	char template[] = "/tmp/test-root.XXXXXX";

	*state = strdup(mkdtemp(template));
	return *state ? 0 : -1;
}

static int root_free(void **state)
{
	nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static void put(const char *root, const char *path, const char *text)
{
	_cleanup_free_ char *full = strprintf("%s%s", root, path);
	_cleanup_fclose_ FILE *f = NULL;

	for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

#endif

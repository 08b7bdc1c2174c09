/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-util - time, structures that begin with their size, and org.luod1's words for our enums.
 * Knows nothing of a connection.
 */
#include <time.h>

#include "lu-private.h"

uint64_t lu_now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t lu_usec_add(uint64_t a, uint64_t b)
{
	return a > LU_USEC_INFINITY - b ? LU_USEC_INFINITY : a + b;
}

int lu_close_fd(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -EBADF;
}

const char *lu_errno_text(int error)
{
	const char *text = strerrordesc_np(error < 0 ? -error : error);

	return text ? text : "unknown error";
}

int lu_struct_in(const void *given, size_t size, size_t minimum, void *known, size_t known_size)
{
	const unsigned char *bytes = given;

	if (size < minimum)
		return -EINVAL;
	for (size_t i = known_size; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(known, 0, known_size);
	memcpy(known, given, size < known_size ? size : known_size);
	return 0;
}

int lu_struct_out(void *given, size_t size, size_t minimum, const void *known, size_t known_size)
{
	size_t common = size < known_size ? size : known_size;

	if (size < minimum)
		return -EINVAL;
	/* The size stays what the caller set it to. */
	memcpy((char *)given + sizeof(size_t), (const char *)known + sizeof(size_t),
	       common - sizeof(size_t));
	memset((char *)given + common, 0, size - common);
	return 0;
}

static const char *const state_words[] = {
	[LU_STATE_UNKNOWN] = "unknown",	    [LU_STATE_IDLE] = "idle",
	[LU_STATE_PREPARING] = "preparing", [LU_STATE_READY] = "ready",
	[LU_STATE_VETOED] = "vetoed",	    [LU_STATE_LEFT_BEHIND] = "left-behind",
	[LU_STATE_UNCLAIMED] = "unclaimed", [LU_STATE_CLAIMED] = "claimed",
	[LU_STATE_RESUMED] = "resumed",	    [LU_STATE_LOST] = "lost",
};

const char *lu_state_to_string(enum lu_state state)
{
	size_t i = (size_t)state;

	return state_words[i < LU_ARRAY_SIZE(state_words) ? i : LU_STATE_UNKNOWN];
}

enum lu_state lu_state_from_string(const char *word)
{
	for (size_t i = 0; i < LU_ARRAY_SIZE(state_words); i++)
		if (strcmp(state_words[i], word) == 0)
			return (enum lu_state)i;
	return LU_STATE_UNKNOWN;
}

enum lu_mode lu_mode_from_string(const char *word)
{
	return strcmp(word, "delegation") == 0 ? LU_MODE_DELEGATION : LU_MODE_CUSTODY;
}

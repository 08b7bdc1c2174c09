/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * left-behind - the sessions that an update went without, and why: their guests are gone with the
 * kernel before. A list that crosses the jump in the handover record and is kept in the history; as
 * JSON it is the same in both.
 */
#ifndef LUOD_LEFT_BEHIND_H
#define LUOD_LEFT_BEHIND_H

#include <sys/types.h>

#include "util.h"

struct json_t;

struct left_behind {
	uid_t uid;
	char *name, *unit;
	char *why; /* a sentence without its end, LIMIT_LEFT_BEHIND bytes at most */
};

struct left_behinds {
	struct left_behind *items;
	size_t n;
};

/* A longer @why is cut. -ENOMEM, and then the list is as it was. */
int left_behinds_add(struct left_behinds *l, uid_t uid, const char *name, const char *unit,
		     const char *why);
void left_behinds_clear(struct left_behinds *l);
int left_behinds_copy(const struct left_behinds *from, struct left_behinds *ret);
bool left_behinds_have(const struct left_behinds *l, uid_t uid, const char *name);

/* "1 session was left behind: 0/vm1 (its owner vetoed)", of many the first; the caller frees it. */
char *left_behinds_say(const struct left_behinds *l);

/* A list of objects; the caller owns it. NULL: out of memory, or a text is no UTF-8. */
struct json_t *left_behinds_to_json(const struct left_behinds *l);
/* NULL stands for none. -EINVAL: no such list, or more than there may be sessions; *ret is empty. */
int left_behinds_from_json(const struct json_t *array, struct left_behinds *ret);

#endif

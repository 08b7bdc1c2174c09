/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - what one luod tells the next: the sessions, their owners and resources, and the
 * update they are part of. JSON with a format version.
 *
 * The same words are written at two places: into the record that crosses the jump (token 0 of
 * session "luod"), and into /run/luod/state.json, from which a luod that was killed and started
 * again goes on; the latter also says how far things had got.
 *
 * What is read is distrusted: sizes and counts are bounded, names are checked, unknown fields are
 * kept and written again, a higher major version is refused. What is written is bounded likewise
 * (limits.h): nothing is written that would not be read. This file only translates; it opens nothing.
 */
#ifndef LUOD_HANDOVER_H
#define LUOD_HANDOVER_H

#include "limits.h"
#include "net.h"
#include "session.h"
#include "target.h"
#include "update.h"

#define HANDOVER_FORMAT	       "luod-handover"
#define HANDOVER_MAJOR	       1
#define HANDOVER_MINOR	       7
#define HANDOVER_SIZE_MAX      LIMIT_HANDOVER
#define HANDOVER_SESSIONS_MAX  LIMIT_SESSIONS
#define HANDOVER_RESOURCES_MAX LIMIT_SESSION_RESOURCES
#define HANDOVER_STRING_MAX    LIMIT_TEXT

/* Tokens in the kernel session "luod". */
#define HANDOVER_SESSION	"luod"
#define HANDOVER_TOKEN_RECORD	0
#define HANDOVER_TOKEN_TIMELINE 1
#define HANDOVER_TOKEN_NAMES	2

struct handover {
	struct update_info update;
	struct session_list sessions;
	struct net_record network; /* from the record only; it may be empty */
	char *network_error;	   /* why it could not be read, in words; or NULL */
	/* From state.json only. */
	enum phase phase;
	char *step;
	bool record_lost; /* as in struct update */
	struct target target;
	char *skipped; /* what was not readable and is missing here, in words; or NULL */
};

void handover_init(struct handover *h);
void handover_clear(struct handover *h);

/*
 * Writes the sessions that take part and the network (@state NULL: the record; @network NULL: there is
 * none) or all sessions with their states and the target (@state, @target: state.json). The result is NUL-terminated and the caller's.
 *   -E2BIG       there is more, or a text is longer, than handover_read() takes
 *   -EILSEQ      a text is no UTF-8
 *   -ENOMEM
 * handover_write_or_say() says in *ret_error what it was, in words (freed by the caller).
 */
int handover_write(const struct update_info *update, const struct session_list *sessions,
		   const struct update *state, const struct target *target, char **ret);
int handover_write_or_say(const struct update_info *update, const struct session_list *sessions,
			  const struct net_record *network, const struct update *state,
			  const struct target *target, char **ret, char **ret_error);

/* Can this text be written? 0, or what handover_write() would return. */
int handover_check_text(const char *text, size_t max);

/*
 * Reads either; handover_clear() the result. A session of state.json that is not as it must be
 * costs that session only, a target like that the target: ret->skipped tells. The sessions of the
 * record count as a whole, because those that it does not tell of have their names still; a network that
 * is not as it must be costs the network only.
 *
 * On failure *ret is empty and *ret_error says what is wrong in words (freed by the caller):
 *   -EBADMSG     not JSON, or not of this format
 *   -EPROTO      a higher major version
 *   -E2BIG       larger than any luod writes
 *   -EINVAL      a field is missing or has an impossible value
 */
int handover_read(const char *text, size_t size, struct handover *ret, char **ret_error);

/* The keeper's list: 64 bytes per kernel session that jumps. The caller frees it. */
int handover_names(const struct session_list *sessions, char **ret, size_t *ret_size);

#endif

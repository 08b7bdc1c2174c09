/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-link - the links of the host that sessions need: what an owner may name, and what of all
 * that a record of the network is to tell of.
 *
 * An owner names a link exactly, "NAME" or "NAMESPACE/NAME", never by a pattern, and nobody names
 * what he has no part in: root may name any link, others those that SessionLinks= of lu.conf fits,
 * and TUN and TAP links that the administrator has made theirs. It is judged when he names it, and
 * again when it is recorded: by then a link of that name may be another's. Who has given a queue of a
 * TAP link into custody (tap.h) has named that link, too: he could not have it without a part in it.
 * Nothing here talks to the kernel.
 */
#ifndef LUOD_SESSION_LINK_H
#define LUOD_SESSION_LINK_H

#include "net.h"
#include "session.h"

/* Is it the name of a link, or NAMESPACE/NAME? *ret_namespace is the caller's; *ret_name is in @text. */
int session_link_parse(const char *text, char **ret_namespace, const char **ret_name);

/* May @s name that? @patterns: SessionLinks=; @link: what has that name now, or NULL. */
bool session_link_permitted(const struct session *s, const char *patterns, const char *text,
			    const struct net_link *link);

/* Does any session that goes along need a link? */
bool session_links_any(const struct session_list *sessions);

/* Told of each link that is named and does not go along, and why not. */
typedef void (*session_link_missing_t)(const struct session *s, const char *text, const char *why,
				       void *userdata);

/*
 * What the sessions that go along name, and may name, of @record: texts borrowed from the sessions,
 * and a NULL behind the last. The caller frees the list. @missing may be NULL. -ENOMEM.
 */
int session_links_choose(const struct session_list *sessions, const char *patterns,
			 const struct net_record *record, session_link_missing_t missing,
			 void *userdata, const char ***ret);

#endif

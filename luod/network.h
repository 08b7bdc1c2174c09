/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network - the network's part in an update: what lu.conf and the sessions name is recorded while
 * everything still runs, and replayed in the next kernel before the first session is announced, so
 * that a guest that resumes finds its links.
 */
#ifndef LUOD_NETWORK_H
#define LUOD_NETWORK_H

#include "manager.h"
#include "net-machine.h"
#include "net-replay.h"
#include "session-link.h"

/* Does lu.conf or a session name any link? */
bool network_is_wanted(const struct manager *m);

/*
 * What of the machine's network goes along as it is now: net_record_clear() it. @missing, unless NULL,
 * is told of the links of sessions that do not, when *ret_unread is already filled: namespaces that were
 * not looked into, net_unread_clear() them. An error, which *ret_error says in words (freed by the
 * caller), when lu.conf wants something of one.
 */
int network_read(struct manager *m, session_link_missing_t missing, void *userdata,
		 struct net_record *ret, struct net_unread_list *ret_unread, char **ret_error);

/* The step "network". */
int network_act(struct manager *m);

/* When all have answered: what only sessions need that are left behind stays behind, too. */
int network_settle(struct manager *m);

/*
 * After the jump: of what could not be restored the journal tells, and of nothing else. Sessions that
 * lack a link say so, too: @sessions are those of the record. @unreadable, or NULL: why the record tells of
 * no network, which is then empty.
 */
void network_restore(struct manager *m, const struct net_record *record, const char *unreadable,
		     struct session_list *sessions);

/* Within the time that guests can wait, as net_replay(); @only as in struct net_gate, or NULL. */
int network_replay(struct manager *m, const struct net_record *record, char *const *only,
		   struct net_report *ret, char **ret_error);
/* To the journal, unless there is nothing to be said. */
void network_say(const struct net_result *result);

/* For a check. network_facts_clear() the result. */
void network_facts(struct manager *m, struct preflight_network *ret);
void network_facts_clear(struct preflight_network *facts);

#endif

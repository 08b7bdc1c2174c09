/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-tap - the queues of TAP links in custody, on both sides of the jump: what they are is noted
 * as late as possible, and whose link did not come back is said to his session.
 */
#ifndef LUOD_NETWORK_TAP_H
#define LUOD_NETWORK_TAP_H

#include "manager.h"
#include "net-replay.h"

/*
 * Notes what each queue of the sessions that go along is now. Without its link one cannot be opened
 * anew: its session is left behind. A negative errno: that ended the update.
 */
int network_tap_look(struct manager *m);

/* To the journal: queues whose links are not in the record. */
void network_tap_say_missing(const struct manager *m);

/*
 * After the jump: the reason of a session that lacks one of its links. @report is NULL when nothing was
 * restored, because of @error.
 */
void network_tap_blame(struct session_list *sessions, const struct net_record *wanted,
		       const struct net_report *report, const char *error);

/* Later: @report is of the links that were not there. Who lacks none any more has no reason. */
void network_tap_review(struct manager *m, const struct net_record *wanted,
			const struct net_report *report);

#endif

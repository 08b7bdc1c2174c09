/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-replay-private - a replay on its way, for the files of net-replay. */
#ifndef LUOD_NET_REPLAY_PRIVATE_H
#define LUOD_NET_REPLAY_PRIVATE_H

#include "limits.h"
#include "net-apply-private.h"
#include "net-plan.h"
#include "net-replay.h"

struct replay {
	const struct net_record *record;
	struct net_machine *machine;
	const struct net_gate *gate;
	struct net_plan plan;
	struct net_report *report;
	int error; /* of our own: -ENOMEM */
};

/* Is it one of those that this replay is for? */
bool replay_wants(const struct replay *p, const char *namespace, const char *object);

/* Copies the texts. */
void replay_note(struct replay *p, const struct net_result *result);

/* Those of one namespace of the record, when all links are there. */
void replay_routes(struct replay *p, size_t namespace);

#endif

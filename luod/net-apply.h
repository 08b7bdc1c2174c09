/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-apply - brings one link to what a record says, as a whole or not at all.
 *
 * Whose link is it? One that is not there is made, and is ours. One that is there and down is
 * nobody's yet: it gets what the record says. One that is up is somebody's, of networkd, say: what
 * already matches is left alone, what is missing is added, and what is otherwise is a conflict: it
 * stays as it is and is reported. A link comes up when the rest of it is done.
 *
 * Every change has its inverse built before it is made; after a failure they are sent, the last one
 * first, and of a link that was made the only one that counts is its end. An inverse that fails does
 * not keep the others from being sent, and what it leaves behind is said beside the reason.
 */
#ifndef LUOD_NET_APPLY_H
#define LUOD_NET_APPLY_H

#include "net-machine.h"

/*
 * What a replay may do. Asked before every change: a negative errno says that it must not be made. This is where a
 * deadline comes in. A replay that was broken off is taken up when @others says which links were up
 * before it ("NAME" or "NAMESPACE/NAME", NULL behind the last): what else is up now, is so by its doing,
 * and is treated like a link that is down. Without @others it is told to @begins, before anything is
 * changed, what there is. With @only, it is done for those objects alone (net_object(), NULL behind the last),
 * and no namespace is made. All but @userdata may be NULL.
 */
struct net_gate {
	int (*may_change)(void *userdata);
	void *userdata;
	char *const *others;
	char *const *only;
	void (*begins)(const struct net_record *now, void *userdata);
};

struct net_wish {
	const struct net_record *record;
	size_t namespace; /* its index in the record */
	const struct net_link *link;
	const struct net_link *peer; /* of a veth, or NULL */
	size_t peer_namespace;
	bool made; /* a moment ago, as the other end of a pair */
};

struct net_deed {
	bool made, peer_made;
	bool begun; /* by a replay that was broken off */
	bool ours;  /* made, or nobody's when it was found */
	unsigned int changes;
	char *conflict; /* what is otherwise, and was left so; NULL: nothing */
	char *later;	/* what cannot be set yet; NULL: nothing */
	char *error;	/* why it failed; NULL: it did not */
	bool stuck;	/* and could not be undone as a whole: @error says what not */
	bool absent;	/* it failed for want of something that may come yet */
};

void net_deed_clear(struct net_deed *deed);

/*
 * 0, or a negative errno, and then nothing has changed, unless the deed is stuck. @machine has been read; of the link in it
 * all that later links need to know is kept up to date.
 */
int net_apply(struct net_machine *machine, const struct net_wish *wish, const struct net_gate *gate,
	      struct net_deed *ret);

/*
 * What could not be set at first, and by now maybe can: rates of virtual functions, which most cards
 * take only when they have a carrier. Nothing else is touched. As net_apply().
 */
int net_apply_rates(struct net_machine *machine, const struct net_wish *wish,
		    const struct net_gate *gate, struct net_deed *ret);

/*
 * What other links have moved meanwhile, once all are there: set again if the link is @ours, and
 * otherwise a conflict. After a failure it is as the others have moved it.
 */
int net_apply_late(struct net_machine *machine, const struct net_wish *wish, bool ours,
		   const struct net_gate *gate, struct net_deed *deed);

#endif

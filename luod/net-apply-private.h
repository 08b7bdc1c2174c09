/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-apply-private - one link on its way, for the files of net-apply. */
#ifndef LUOD_NET_APPLY_PRIVATE_H
#define LUOD_NET_APPLY_PRIVATE_H

#include "net-apply.h"
#include "net-request.h"
#include "net-socket.h"

struct undo {
	struct undo *next;
	const char *what; /* it takes back; a literal */
	struct nl_msg *msg;
};

struct apply {
	struct net_machine *machine;
	const struct net_wish *wish;
	const struct net_link *wanted;
	const struct net_gate *gate;
	struct net_deed *deed;
	size_t place;	      /* its namespace, in the machine */
	struct net_link *now; /* the machine's */
	bool free;	      /* nobody's, or ours */
	bool attached;	      /* to its master, by us */
	bool late;	      /* only what others may have moved */
	bool elsewhere;	      /* below another master, and left there */
	unsigned int vfs_made;
	bool vfs_held; /* their drivers wait */
	struct undo *undo;
};

struct net_namespace *apply_namespace(const struct apply *a);
struct net_socket *apply_socket(const struct apply *a);

/* Notes what could not be done; the first word counts. Returns @error. */
int apply_fail(struct apply *a, int error, const char *format, ...) _printf_(3, 4);
/* Likewise, -ENODEV: something is not there, and may come later than luod. */
int apply_absent(struct apply *a, const char *format, ...) _printf_(2, 3);
/* Notes what is otherwise. */
void apply_conflict(struct apply *a, const char *format, ...) _printf_(2, 3);

/*
 * Sends @msg and keeps @inverse for the way back; takes both. @what, a literal, says what it is for. A
 * NULL @msg is out of memory, a NULL @inverse needs none. apply_add() is content when what is to be
 * added is there: somebody was quicker, or the kernel did it of its own accord.
 */
int apply_change(struct apply *a, const char *what, struct nl_msg *msg, struct nl_msg *inverse);
int apply_add(struct apply *a, const char *what, struct nl_msg *msg, struct nl_msg *inverse);
/* What came with what was added, and goes with it; content when it is not there. */
int apply_remove(struct apply *a, const char *what, struct nl_msg *msg);

/* Reads the machine again; @now is the link's new place, and NULL when it has gone. */
int apply_read_again(struct apply *a);

/* Makes the link that is not there (net-apply-make.c). */
int apply_make(struct apply *a);
/* Takes a link that is gone out of the machine's memory. */
void apply_forget(struct net_machine *machine, size_t place, struct net_link *link);

/* What its own settings are, and its master's (net-apply-link.c). */
int apply_settings(struct apply *a);
int apply_altnames(struct apply *a);
int apply_master(struct apply *a);
/* 0, or that it is not there: what would have to be unmade again is not made. */
int apply_find_master(struct apply *a);
int apply_port(struct apply *a);
int apply_vlans(struct apply *a);
int apply_flags(struct apply *a);

/* Addresses and neighbours (net-apply-ip.c), virtual functions (net-apply-vf.c). */
int apply_addresses(struct apply *a);
int apply_neighbours(struct apply *a);
int apply_vf_count(struct apply *a);
int apply_vfs(struct apply *a);
int apply_vf_drivers(struct apply *a);
int apply_vf_rates(struct apply *a);
int apply_vf_undo(struct apply *a);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inhibit-bus - while there are sessions, an ordinary shutdown is refused with a sentence that says
 * what to use instead.
 *
 * Two things refuse it. logind does, for a block inhibitor that luod holds: an fd, which ends with
 * luod, so a luod that is started again takes another. And PID 1 does, for those who do not ask
 * logind (guard.h). Both are there while there is a session that is not lost, except for the moment
 * of luod's own kexec.target, and except on a kernel without live update, where nothing else is left
 * to use.
 *
 * logind may be slow, absent, restarted, or come long after luod: nothing here waits for it. The
 * lock is asked for without starting logind (luod itself has stopped it in a quiesced host), and
 * whenever logind appears on the bus. A logind that is started again finds its locks again by
 * itself, mostly; asking anew does no harm.
 */
#ifndef LUOD_INHIBIT_BUS_H
#define LUOD_INHIBIT_BUS_H

#include <systemd/sd-bus.h>

#include "util.h"

struct manager;

struct inhibit {
	sd_bus *bus;	   /* the system bus, as long as it is up */
	sd_bus_slot *call; /* the lock has been asked for */
	sd_event_source *retry;
	int fd;		 /* the lock, or -EBADF */
	bool guarded;	 /* PID 1 refuses, too */
	bool aside;	 /* for luod's own jump */
	bool complained; /* about a logind that is absent or does not want */
};

/* For every new connection to the system bus. */
int inhibit_attach(sd_bus *bus, struct manager *m);

/* The set of sessions has changed, or is known for the first time: refuses, or ceases to. */
void inhibit_update(struct manager *m);

/* Lets luod's own shutdown pass, or ends that. */
void inhibit_stand_aside(struct manager *m, bool aside);

/* Ceases to refuse; for a luod that ends. */
void inhibit_clear(struct manager *m);

#endif

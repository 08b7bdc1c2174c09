/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * polkit-bus - may this caller do what only an administrator may? uid 0 may. Everybody else on the
 * system bus is asked for through polkit, with the caller's interactive flag; on the peer socket,
 * where polkit knows nobody, everybody else may not.
 *
 * polkit is asked without waiting: the method call is answered later, by being dispatched anew
 * once the answer is there. Until then luod keeps the call with the fds in it, for as long as a
 * person takes to type a password. So it is bounded how large a call is and how many there are
 * (limits.h), and one whose caller goes away is forgotten, by luod and by polkit.
 */
#ifndef LUOD_POLKIT_BUS_H
#define LUOD_POLKIT_BUS_H

#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "util.h"

struct manager;
struct polkit_query;

/* Which calls wait for polkit's answer. */
struct polkit {
	TAILQ_HEAD(polkit_query_list, polkit_query) queries;
	uint64_t last; /* number of the last query, for polkit to know it by */
};

void polkit_init(struct polkit *p);
/* Forgets what waits for an answer; nobody is told. */
void polkit_clear(struct polkit *p);

typedef int (*polkit_granted_t)(struct manager *m, sd_bus_message *call, sd_bus_error *error);

/*
 * For a method handler: `return polkit_check(m, call, "org.luod1.load", granted, error);`. Calls
 * granted() now or later; a refusal is answered here.
 */
int polkit_check(struct manager *m, sd_bus_message *call, const char *action,
		 polkit_granted_t granted, sd_bus_error *error);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * polkit-bus - may this caller do what only an administrator may? uid 0 may. Everybody else on the
 * system bus is asked for through polkit, with the caller's interactive flag; on the peer socket,
 * where polkit knows nobody, everybody else may not.
 *
 * polkit is asked without waiting: the method call is answered later, by being dispatched anew
 * once the answer is there.
 */
#ifndef LUOD_POLKIT_BUS_H
#define LUOD_POLKIT_BUS_H

#include "manager.h"

typedef int (*polkit_granted_t)(struct manager *m, sd_bus_message *call, sd_bus_error *error);

/*
 * For a method handler: `return polkit_check(m, call, "org.luod1.load", granted, error);`. Calls
 * granted() now or later; a refusal is answered here.
 */
int polkit_check(struct manager *m, sd_bus_message *call, const char *action,
		 polkit_granted_t granted, sd_bus_error *error);

#endif

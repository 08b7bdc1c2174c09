/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manager-bus - what the three D-Bus faces of luod (manager, session, job) share. */
#ifndef LUOD_MANAGER_BUS_H
#define LUOD_MANAGER_BUS_H

#include "manager.h"
#include "options-bus.h"

/* The head of a property's getter, of which all but two or three arguments never matter. */
#define PROPERTY_GETTER(name)                                                          \
	static int name(sd_bus *bus _unused_, const char *path _unused_,               \
			const char *interface _unused_, const char *property _unused_, \
			sd_bus_message *reply, void *userdata _unused_,                \
			sd_bus_error *error _unused_)

/* a(ssss): severity, code, object, message. */
int append_findings(sd_bus_message *reply, const struct findings *findings);

/* Why nothing may be changed now: luod does not know yet what there is, or an update runs. */
int manager_refuse_while_active(struct manager *m, sd_bus_error *error);

/* Methods of the manager, target-bus.c. */
int method_load(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_unload(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* history-bus.c. */
int method_get_timeline(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_updates(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* network-bus.c. */
int method_get_network(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_compare_network(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_replay_network(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Object paths; NULL-terminated, owned by the caller. Return 1, as node enumerators do. */
int job_paths(struct manager *m, char ***ret);
int session_paths(struct manager *m, char ***ret);

/* Remembers the caller as the one who answers for the session from now on. Announces nothing. */
void session_set_owner_connection(struct session *s, sd_bus_message *m,
				  const struct identity *caller);
/* Lets only the owner pass; when nobody answers for the session, it does from now on. */
int session_require_owner(struct session *s, sd_bus_message *m, sd_bus_error *error);

#endif

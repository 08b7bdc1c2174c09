/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-private - what the files of the bus layer share; nobody else includes it. */
#ifndef LUCTL_BUS_PRIVATE_H
#define LUCTL_BUS_PRIVATE_H

#include <systemd/sd-bus.h>

#include "luctl/bus.h"

#define LUCTL_NAME	     "org.luod1"
#define LUCTL_ROOT	     "/org/luod1"
#define LUCTL_SESSIONS	     LUCTL_ROOT "/session"
#define LUCTL_DEVICES	     LUCTL_ROOT "/device"
#define LUCTL_JOBS	     LUCTL_ROOT "/job"
#define LUCTL_MANAGER	     LUCTL_NAME ".Manager"
#define LUCTL_SESSION	     LUCTL_NAME ".Session"
#define LUCTL_DEVICE	     LUCTL_NAME ".Device"
#define LUCTL_JOB	     LUCTL_NAME ".Job"
#define LUCTL_PROPERTIES     "org.freedesktop.DBus.Properties"
#define LUCTL_OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

struct luctl_bus {
	sd_bus *bus;
	char *host;
	bool peer; /* no bus between: no destination, no senders */

	const struct luctl_follower *follower;
	struct luctl_job job; /* the followed one, kept up to date */
	bool lost;	      /* said so already */
};

/* Where messages go and come from: NULL on a peer connection. */
static inline const char *luctl_bus_peer_name(const struct luctl_bus *bus)
{
	return bus->peer ? NULL : LUCTL_NAME;
}

/*
 * One member of a struct that arrives as an entry of an a{sv}: @read puts the value of D-Bus type
 * @type to @offset, replacing what was there. A table of them ends with an empty entry.
 */
struct luctl_field {
	const char *key;
	const char *type;
	int (*read)(sd_bus_message *m, const char *type, void *member);
	size_t offset;
};

extern const struct luctl_field luctl_manager_fields[];
extern const struct luctl_field luctl_session_fields[];
extern const struct luctl_field luctl_device_fields[];
extern const struct luctl_field luctl_job_fields[];
extern const struct luctl_field luctl_timeline_fields[];

/*
 * Reads the a{sv} that comes next in @m into @object; keys that the table does not know are
 * skipped. -EBADMSG when a value has another type than the table says.
 */
int luctl_read_fields(sd_bus_message *m, const struct luctl_field *fields, void *object);

/* What every list of model.h looks like. */
struct luctl_list {
	void *items;
	size_t count;
};

/* Appends a zeroed item of @size bytes; NULL when out of memory. */
void *luctl_list_grow(struct luctl_list *list, size_t size);

/* Reads the a(ssss) that comes next in @m. */
int luctl_read_findings(sd_bus_message *m, const char *type, void *member);

/* Reads the a(stx) that comes next in @m. */
int luctl_read_marks(sd_bus_message *m, struct luctl_marks *marks);

/* Reads the aa{sv} that comes next in @m. */
int luctl_read_updates(sd_bus_message *m, struct luctl_updates *ret);

/* Each reads its kind out of the reply of GetManagedObjects. */
int luctl_read_sessions(sd_bus_message *m, struct luctl_sessions *ret);
int luctl_read_devices(sd_bus_message *m, struct luctl_devices *ret);

/* Any value that comes next in @m, as JSON: for what is only passed on. */
int luctl_read_json(sd_bus_message *m, json_t **ret);

/* Everything that is left in @m, as an array. */
int luctl_read_json_all(sd_bus_message *m, json_t **ret);

#endif

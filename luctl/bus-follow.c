/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-follow - luod's signals, from an event loop: those of one job, or all.
 *
 * The first state is asked for after the match is in place and with an asynchronous call: its
 * answer is then dispatched in the order in which luod sent it and its signals, so that nothing is
 * missed and nothing older overwrites something newer. Matches name the sender where there is a
 * bus, because on the system bus anybody may broadcast.
 */
#include "luctl/bus-private.h"

#define READ_JOB_USEC (180 * USEC_PER_SEC)
#define LOCAL_NAME    "org.freedesktop.DBus.Local"
#define LOCAL_PATH    "/org/freedesktop/DBus/Local"
#define DRIVER_NAME   "org.freedesktop.DBus"
#define DRIVER_PATH   "/org/freedesktop/DBus"

static void say_lost(struct luctl_bus *bus, enum luctl_lost why, const struct luctl_error *e)
{
	if (bus->lost)
		return;
	bus->lost = true;
	bus->follower->lost(why, e, bus->follower->userdata);
}

/* --- what ends it ------------------------------------------------------------------------------ */

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	say_lost(userdata, LUCTL_LOST_CONNECTION, NULL);
	return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct luctl_bus *bus = userdata;
	const char *name, *before, *after;

	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
		return 0;
	if (*before)
		say_lost(bus, LUCTL_LOST_LUOD, NULL);
	if (*after && bus->follower->signal) {
		struct luctl_signal signal = { .kind = LUCTL_SIGNAL_ARRIVED, .path = LUCTL_ROOT };

		bus->lost = false;
		bus->follower->signal(&signal, bus->follower->userdata);
	}
	return 0;
}

/* Adds the matches that every follower needs and lets @event drive the connection. */
static int follow(struct luctl_bus *bus, sd_event *event, const struct luctl_follower *follower)
{
	int r;

	bus->follower = follower;
	r = sd_bus_match_signal(bus->bus, NULL, LOCAL_NAME, LOCAL_PATH, LOCAL_NAME, "Disconnected",
				on_disconnected, bus);
	if (r >= 0 && !bus->peer)
		r = sd_bus_add_match(bus->bus, NULL,
				     "type='signal',sender='" DRIVER_NAME "',path='" DRIVER_PATH
				     "',"
				     "interface='" DRIVER_NAME "',member='NameOwnerChanged',"
				     "arg0='" LUCTL_NAME "'",
				     on_owner_changed, bus);
	return r < 0 ? r : sd_bus_attach_event(bus->bus, event, SD_EVENT_PRIORITY_NORMAL);
}

/* --- one job --------------------------------------------------------------------------------- */

static int on_job_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct luctl_bus *bus = userdata;
	const char *interface;

	if (sd_bus_message_read_basic(m, 's', &interface) < 0 || !streq(interface, LUCTL_JOB))
		return 0;
	if (luctl_read_fields(m, luctl_job_fields, &bus->job) >= 0)
		bus->follower->job(&bus->job, bus->follower->userdata);
	return 0;
}

static int on_job_read(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct luctl_bus *bus = userdata;
	const sd_bus_error *failure = sd_bus_message_get_error(m);
	struct luctl_error e = {};
	int r;

	if (failure) {
		luctl_error_set(&e, -sd_bus_message_get_errno(m), failure->name, failure->message,
				bus->host);
		say_lost(bus, LUCTL_LOST_OBJECT, &e);
		luctl_error_clear(&e);
		return 0;
	}
	r = luctl_read_fields(m, luctl_job_fields, &bus->job);
	if (r < 0) {
		luctl_error_set(&e, r, NULL, NULL, NULL);
		say_lost(bus, LUCTL_LOST_OBJECT, &e);
		luctl_error_clear(&e);
		return 0;
	}
	bus->follower->job(&bus->job, bus->follower->userdata);
	return 0;
}

/* luod may be in the middle of a step, and a host with much to preserve at its slowest. */
static int read_job(struct luctl_bus *bus, const char *path)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	if ((r = sd_bus_message_new_method_call(bus->bus, &m, luctl_bus_peer_name(bus), path,
						LUCTL_PROPERTIES, "GetAll")) < 0 ||
	    (r = sd_bus_message_append(m, "s", LUCTL_JOB)) < 0)
		return r;
	return sd_bus_call_async(bus->bus, NULL, m, on_job_read, bus, READ_JOB_USEC);
}

int luctl_bus_follow_job(struct luctl_bus *bus, sd_event *event, const char *path,
			 const struct luctl_follower *follower, struct luctl_error *e)
{
	int r;

	r = follow(bus, event, follower);
	if (r >= 0)
		r = sd_bus_match_signal(bus->bus, NULL, luctl_bus_peer_name(bus), path,
					LUCTL_PROPERTIES, "PropertiesChanged", on_job_changed, bus);
	if (r >= 0)
		r = read_job(bus, path);
	return r < 0 ? luctl_error_set(e, r, NULL, NULL, bus->host) : 0;
}

/* --- everything --------------------------------------------------------------------------------- */

static void say(struct luctl_bus *bus, const struct luctl_signal *signal)
{
	bus->follower->signal(signal, bus->follower->userdata);
}

/* PropertiesChanged: s interface, a{sv} changed, as invalidated. */
static int say_properties(struct luctl_bus *bus, sd_bus_message *m, const char *path)
{
	_cleanup_(json_decrefp) json_t *changed = NULL;
	const char *interface, *key;
	json_t *value;
	int r;

	r = sd_bus_message_read_basic(m, 's', &interface);
	if (r >= 0)
		r = luctl_read_json(m, &changed);
	if (r < 0)
		return r;
	json_object_foreach(changed, key, value)
		say(bus,
		    &(struct luctl_signal){ LUCTL_SIGNAL_PROPERTY, path, interface, key, value });
	return 0;
}

/* InterfacesAdded: o, a{sa{sv}}; InterfacesRemoved: o, as. The object matters, if it is luod's. */
static int say_object(struct luctl_bus *bus, sd_bus_message *m, enum luctl_signal_kind kind)
{
	_cleanup_(json_decrefp) json_t *interfaces = NULL;
	const char *path, *interface;
	json_t *properties, *name;
	size_t i;
	int r;

	r = sd_bus_message_read_basic(m, 'o', &path);
	if (r >= 0)
		r = luctl_read_json(m, &interfaces);
	if (r < 0)
		return r;
	json_object_foreach(interfaces, interface, properties)
		if (strncmp(interface, LUCTL_NAME, strlen(LUCTL_NAME)) == 0)
			say(bus, &(struct luctl_signal){ kind, path, interface, NULL, properties });
	json_array_foreach(interfaces, i, name)
		if (strncmp(json_string_value(name), LUCTL_NAME, strlen(LUCTL_NAME)) == 0)
			say(bus, &(struct luctl_signal){ kind, path, json_string_value(name), NULL,
							 NULL });
	return 0;
}

static int say_other(struct luctl_bus *bus, sd_bus_message *m, const char *path)
{
	_cleanup_(json_decrefp) json_t *arguments = NULL;
	int r = luctl_read_json_all(m, &arguments);

	if (r < 0)
		return r;
	say(bus, &(struct luctl_signal){ LUCTL_SIGNAL_OTHER, path, sd_bus_message_get_interface(m),
					 sd_bus_message_get_member(m), arguments });
	return 0;
}

/* A signal that cannot be read is one that this luctl does not know: passed over. */
static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct luctl_bus *bus = userdata;
	const char *path = sd_bus_message_get_path(m);

	if (sd_bus_message_is_signal(m, LUCTL_PROPERTIES, "PropertiesChanged") > 0)
		say_properties(bus, m, path);
	else if (sd_bus_message_is_signal(m, LUCTL_OBJECT_MANAGER, "InterfacesAdded") > 0)
		say_object(bus, m, LUCTL_SIGNAL_ADDED);
	else if (sd_bus_message_is_signal(m, LUCTL_OBJECT_MANAGER, "InterfacesRemoved") > 0)
		say_object(bus, m, LUCTL_SIGNAL_REMOVED);
	else
		say_other(bus, m, path);
	return 0;
}

int luctl_bus_follow_all(struct luctl_bus *bus, sd_event *event,
			 const struct luctl_follower *follower, struct luctl_error *e)
{
	const char *match = bus->peer ? "type='signal',path_namespace='" LUCTL_ROOT "'"
				      : "type='signal',sender='" LUCTL_NAME
					"',path_namespace='" LUCTL_ROOT "'";
	int r;

	r = follow(bus, event, follower);
	if (r >= 0)
		r = sd_bus_add_match(bus->bus, NULL, match, on_signal, bus);
	return r < 0 ? luctl_error_set(e, r, NULL, NULL, bus->host) : 0;
}

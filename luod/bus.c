/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus - the set of connections, see bus.h. Identities are in identity-bus.c, peers in
 * peer-bus.c.
 *
 * The system bus may be absent (early boot, late shutdown, a restarted dbus-daemon): sd-bus waits
 * for its socket to appear, and a lost connection is replaced by a fresh one a moment later.
 */
#include "bus.h"

#include <stdarg.h>

#include "later.h"
#include "log.h"

#define FAR_BEHIND     64 /* messages that wait to be read */
#define RECONNECT_USEC (200 * USEC_PER_MSEC)

static int open_system(struct bus_set *set);

static int on_reconnect(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct bus_set *set = userdata;
	int r = open_system(set);

	if (r < 0 && !set->complained)
		log_warning_errno(r, "Cannot connect to the system bus again: %m. Trying on");
	set->complained = r < 0;
	if (r < 0)
		later(set->reconnect, RECONNECT_USEC);
	return 0;
}

static int on_name(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error _unused_)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);

	if (e)
		log_error("Cannot take the bus name " LUOD_BUS_NAME ": %s", e->message);
	return 1;
}

static int on_disconnected(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_)
{
	struct bus_set *set = userdata;

	log_info("The system bus went away; waiting for it. Peers are still served.");
	for (size_t i = 0; i < ARRAY_SIZE(set->cache); i++)
		identity_clear(&set->cache[i]);
	later(set->reconnect, RECONNECT_USEC);
	return 1;
}

static int bus_new_client(struct bus_set *set, sd_bus **ret)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	const char *address = set->system_address;
	int r;

	if (!address)
		address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
	if (!address)
		address = "unix:path=/run/dbus/system_bus_socket";
	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	if ((r = sd_bus_set_address(bus, address)) < 0 ||
	    (r = sd_bus_set_bus_client(bus, true)) < 0 ||
	    (r = sd_bus_set_trusted(bus, false)) < 0 ||
	    (r = sd_bus_set_watch_bind(bus, true)) < 0 ||
	    (r = sd_bus_set_description(bus, "luod")) < 0 ||
	    (r = sd_bus_negotiate_fds(bus, true)) < 0 || (r = sd_bus_start(bus)) < 0)
		return r;
	*ret = TAKE_PTR(bus);
	return 0;
}

static int open_system(struct bus_set *set)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	int r;

	r = bus_new_client(set, &bus);
	if (r < 0)
		return r;
	r = sd_bus_match_signal_async(bus, NULL, "org.freedesktop.DBus.Local",
				      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
				      "Disconnected", on_disconnected, NULL, set);
	if (r < 0)
		return r;
	r = set->attach(bus, set->userdata);
	if (r < 0)
		return r;
	r = sd_bus_request_name_async(bus, NULL, LUOD_BUS_NAME, 0, on_name, set);
	if (r < 0)
		return r;
	r = sd_bus_attach_event(bus, set->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		return r;
	sd_bus_close_unref(set->system);
	set->system = TAKE_PTR(bus);
	return 0;
}

void bus_set_clear(struct bus_set *set)
{
	bus_set_close_peers(set);
	sd_event_source_disable_unref(set->reconnect);
	for (size_t i = 0; i < ARRAY_SIZE(set->cache); i++)
		identity_clear(&set->cache[i]);
	sd_bus_flush_close_unref(set->system);
	free(set->system_address);
}

int bus_set_open_system(struct bus_set *set, const char *address)
{
	int r = free_and_strdup(&set->system_address, address);

	if (r >= 0)
		r = later_prepare(set->event, &set->reconnect, on_reconnect, set);
	return r < 0 ? r : open_system(set);
}

void bus_set_init(struct bus_set *set, sd_event *event, bus_attach_t attach, void *userdata)
{
	*set = (struct bus_set){
		.event = event,
		.attach = attach,
		.userdata = userdata,
		.listen_fd = -EBADF,
		.accepted_fd = -EBADF,
		.silent_fd = -EBADF,
	};
	TAILQ_INIT(&set->peers);
}

bool bus_set_is_peer(struct bus_set *set, sd_bus *bus)
{
	return bus != set->system;
}

/* Calls @expression for every connection that is up. */
#define FOR_EACH_BUS(set, bus, expression)                   \
	do {                                                 \
		struct bus_peer *_peer;                      \
		sd_bus *bus = (set)->system;                 \
                                                             \
		if (bus && sd_bus_is_ready(bus) > 0)         \
			(void)(expression);                  \
		TAILQ_FOREACH(_peer, &(set)->peers, entry) { \
			bus = _peer->bus;                    \
			if (sd_bus_is_open(bus) > 0)         \
				(void)(expression);          \
		}                                            \
	} while (0)

/* Those whose value grows with what a session, a device or a host has. */
static bool is_long(const char *property)
{
	static const char *const names[] = { "Devices",	  "Findings", "Links", "Reasons",
					     "Resources", "Taps",     "Users" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], property))
			return true;
	return false;
}

/* That they are others now, and not what they are. */
static int emit_names(sd_bus *bus, const char *path, const char *interface, char **names)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	if ((r = sd_bus_message_new_signal(bus, &m, path, "org.freedesktop.DBus.Properties",
					   "PropertiesChanged")) < 0 ||
	    (r = sd_bus_message_append(m, "sa{sv}", interface, 0)) < 0 ||
	    (r = sd_bus_message_append_strv(m, names)) < 0)
		return r;
	return sd_bus_send(bus, m, NULL);
}

/* To somebody who is far behind: luod keeps it until he reads. */
static int emit_in_short(sd_bus *bus, const char *path, const char *interface, char **properties)
{
	size_t n = strv_length(properties), n_long = 0, n_others = 0;
	_cleanup_free_ char **longs = calloc(n + 1, sizeof(char *));
	_cleanup_free_ char **others = calloc(n + 1, sizeof(char *));
	int r = 0;

	if (!longs || !others)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_long(properties[i]))
			longs[n_long++] = properties[i];
		else
			others[n_others++] = properties[i];
	if (n_long > 0)
		r = emit_names(bus, path, interface, longs);
	if (r >= 0 && n_others > 0)
		r = sd_bus_emit_properties_changed_strv(bus, path, interface, others);
	return r;
}

static int emit_changed(sd_bus *bus, const char *path, const char *interface, char **properties)
{
	uint64_t behind;

	if (sd_bus_get_n_queued_write(bus, &behind) >= 0 && behind > FAR_BEHIND)
		return emit_in_short(bus, path, interface, properties);
	return sd_bus_emit_properties_changed_strv(bus, path, interface, properties);
}

void bus_set_emit_changed(struct bus_set *set, const char *path, const char *interface,
			  char **properties)
{
	FOR_EACH_BUS(set, bus, emit_changed(bus, path, interface, properties));
}

void bus_set_emit_added(struct bus_set *set, const char *path)
{
	FOR_EACH_BUS(set, bus, sd_bus_emit_object_added(bus, path));
}

void bus_set_emit_removed(struct bus_set *set, const char *path)
{
	FOR_EACH_BUS(set, bus, sd_bus_emit_object_removed(bus, path));
}

static int emit_signal(sd_bus *bus, const char *path, const char *interface, const char *member,
		       const char *types, va_list ap)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	va_list copy;
	int r;

	r = sd_bus_message_new_signal(bus, &m, path, interface, member);
	if (r < 0)
		return r;
	va_copy(copy, ap);
	r = sd_bus_message_appendv(m, types, copy);
	va_end(copy);
	if (r < 0)
		return r;
	return sd_bus_send(bus, m, NULL);
}

void bus_set_emit_signal(struct bus_set *set, const char *path, const char *interface,
			 const char *member, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	FOR_EACH_BUS(set, bus, emit_signal(bus, path, interface, member, types, ap));
	va_end(ap);
}

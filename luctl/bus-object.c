/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-object - the sessions and devices in a reply of GetManagedObjects, sorted. */
#include "luctl/bus-private.h"

/* One kind of object; its struct begins with its path. */
struct object_kind {
	const char *interface;
	const struct luctl_field *fields;
	size_t size;
};

static const struct object_kind session_objects = {
	LUCTL_SESSION,
	luctl_session_fields,
	sizeof(struct luctl_session),
};

static const struct object_kind device_objects = {
	LUCTL_DEVICE,
	luctl_device_fields,
	sizeof(struct luctl_device),
};

_Static_assert(offsetof(struct luctl_session, path) == 0, "a session begins with its path");
_Static_assert(offsetof(struct luctl_device, path) == 0, "a device begins with its path");

static int read_object(sd_bus_message *m, const struct object_kind *kind, const char *path,
		       struct luctl_list *objects)
{
	char **object = luctl_list_grow(objects, kind->size);

	if (!object)
		return -ENOMEM;
	*object = strdup(path);
	return *object ? luctl_read_fields(m, kind->fields, object) : -ENOMEM;
}

/* The a{sa{sv}} of one object: one of the kind is added, others are passed over. */
static int read_interfaces(sd_bus_message *m, const struct object_kind *kind, const char *path,
			   struct luctl_list *objects)
{
	const char *interface;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sa{sv}}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sa{sv}")) > 0) {
		r = sd_bus_message_read_basic(m, 's', &interface);
		if (r >= 0 && streq(interface, kind->interface))
			r = read_object(m, kind, path, objects);
		else if (r >= 0)
			r = sd_bus_message_skip(m, "a{sv}");
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_objects(sd_bus_message *m, const struct object_kind *kind,
			struct luctl_list *objects)
{
	const char *path;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}")) > 0) {
		r = sd_bus_message_read_basic(m, 'o', &path);
		if (r >= 0)
			r = read_interfaces(m, kind, path, objects);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r;
}

static int by_owner_and_name(const void *a, const void *b)
{
	const struct luctl_session *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return strcmp(strempty(x->name), strempty(y->name));
}

int luctl_read_sessions(sd_bus_message *m, struct luctl_sessions *ret)
{
	struct luctl_sessions sessions;
	struct luctl_list fresh = {};
	int r;

	r = read_objects(m, &session_objects, &fresh);
	memcpy(&sessions, &fresh, sizeof(fresh));
	if (r < 0) {
		luctl_sessions_clear(&sessions);
		return r;
	}
	if (sessions.count)
		qsort(sessions.items, sessions.count, sizeof(*sessions.items), by_owner_and_name);
	*ret = sessions;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct luctl_device *x = a, *y = b;

	return strcmp(strempty(x->address), strempty(y->address));
}

int luctl_read_devices(sd_bus_message *m, struct luctl_devices *ret)
{
	struct luctl_devices devices;
	struct luctl_list fresh = {};
	int r;

	r = read_objects(m, &device_objects, &fresh);
	memcpy(&devices, &fresh, sizeof(fresh));
	if (r < 0) {
		luctl_devices_clear(&devices);
		return r;
	}
	if (devices.count)
		qsort(devices.items, devices.count, sizeof(*devices.items), by_address);
	*ret = devices;
	return 0;
}

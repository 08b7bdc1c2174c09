/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-read - from D-Bus messages to the structs of model.h, driven by tables of fields.
 *
 * One reader serves GetAll, GetManagedObjects and PropertiesChanged alike: it fills in what is
 * there, replaces what was known, and passes over what it does not know, so that a newer luod can
 * say more than this luctl understands.
 */
#include "luctl/bus-private.h"

/* --- readers of single members ------------------------------------------------------------- */

static int read_string(sd_bus_message *m, const char *type, void *member)
{
	char **s = member;
	const char *value;
	char *copy;
	int r;

	r = sd_bus_message_read_basic(m, type[0], &value);
	if (r < 0)
		return r;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*s);
	*s = copy;
	return 0;
}

static int read_number(sd_bus_message *m, const char *type, void *member)
{
	return sd_bus_message_read_basic(m, type[0], member);
}

static int read_bool(sd_bus_message *m, const char *type, void *member)
{
	int value, r;

	r = sd_bus_message_read_basic(m, type[0], &value);
	if (r >= 0)
		*(bool *)member = value;
	return r;
}

static int read_strv(sd_bus_message *m, const char *type, void *member)
{
	char ***strv = member, **fresh = NULL;
	size_t n = 0;
	int r;

	r = sd_bus_message_enter_container(m, 'a', type + 1);
	if (r < 0)
		return r;
	while (!sd_bus_message_at_end(m, false)) {
		char **larger = reallocarray(fresh, n + 2, sizeof(*fresh));

		if (!larger) {
			r = -ENOMEM;
			goto fail;
		}
		fresh = larger;
		fresh[n] = fresh[n + 1] = NULL;
		r = read_string(m, type + 1, &fresh[n]);
		if (r < 0)
			goto fail;
		n++;
	}
	luctl_strv_free(*strv);
	*strv = fresh;
	return sd_bus_message_exit_container(m);
fail:
	luctl_strv_free(fresh);
	return r;
}

/* --- arrays of structs ------------------------------------------------------------------------ */

#define IS_LIST(type)                                                                         \
	_Static_assert(offsetof(type, items) == offsetof(struct luctl_list, items) &&         \
			       offsetof(type, count) == offsetof(struct luctl_list, count) && \
			       sizeof(type) == sizeof(struct luctl_list),                     \
		       #type " is no list")

IS_LIST(struct luctl_findings);
IS_LIST(struct luctl_resources);
IS_LIST(struct luctl_features);
IS_LIST(struct luctl_marks);
IS_LIST(struct luctl_left_behinds);
IS_LIST(struct luctl_sessions);
IS_LIST(struct luctl_covers);
IS_LIST(struct luctl_reasons);
IS_LIST(struct luctl_devices);
IS_LIST(struct luctl_updates);

/* How the items of one kind of list arrive. */
struct list_kind {
	const char *array; /* signature of an item, in the array */
	char container;
	const char *contents;
	size_t size;
	int (*read)(sd_bus_message *m, void *item);
	void (*clear)(void *list);
};

void *luctl_list_grow(struct luctl_list *list, size_t size)
{
	char *larger = reallocarray(list->items, list->count + 1, size);

	if (!larger)
		return NULL;
	list->items = larger;
	return memset(larger + list->count++ * size, 0, size);
}

static int read_items(sd_bus_message *m, const struct list_kind *kind, struct luctl_list *list)
{
	int r;

	while ((r = sd_bus_message_enter_container(m, kind->container, kind->contents)) > 0) {
		void *item = luctl_list_grow(list, kind->size);

		if (!item)
			return -ENOMEM;
		r = kind->read(m, item);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r;
}

static int read_list(sd_bus_message *m, const struct list_kind *kind, void *member)
{
	struct luctl_list fresh = {};
	int r;

	r = sd_bus_message_enter_container(m, 'a', kind->array);
	if (r < 0)
		return r;
	r = read_items(m, kind, &fresh);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0) {
		kind->clear(&fresh);
		return r;
	}
	kind->clear(member);
	memcpy(member, &fresh, sizeof(fresh));
	return 0;
}

static int read_finding(sd_bus_message *m, void *item)
{
	struct luctl_finding *finding = item;
	int r;

	r = read_string(m, "s", &finding->severity);
	if (r >= 0)
		r = read_string(m, "s", &finding->code);
	if (r >= 0)
		r = read_string(m, "s", &finding->object);
	return r < 0 ? r : read_string(m, "s", &finding->message);
}

static int read_two(sd_bus_message *m, char **first, char **second)
{
	int r = read_string(m, "s", first);

	return r < 0 ? r : read_string(m, "s", second);
}

static int read_resource(sd_bus_message *m, void *item)
{
	struct luctl_resource *resource = item;
	int r = read_two(m, &resource->label, &resource->kind);

	return r < 0 ? r : sd_bus_message_read(m, "tt", &resource->token, &resource->bytes);
}

static int read_left_behind(sd_bus_message *m, void *item)
{
	struct luctl_left_behind *one = item;
	int r;

	if ((r = sd_bus_message_read(m, "u", &one->uid)) < 0 ||
	    (r = read_string(m, "s", &one->name)) < 0 || (r = read_string(m, "s", &one->unit)) < 0)
		return r;
	return read_string(m, "s", &one->why);
}

static int read_feature(sd_bus_message *m, void *item)
{
	struct luctl_feature *feature = item;
	int r;

	r = read_string(m, "s", &feature->name);
	return r < 0 ? r : read_bool(m, "b", &feature->present);
}

static int read_reason(sd_bus_message *m, void *item)
{
	struct luctl_reason *reason = item;

	return read_two(m, &reason->code, &reason->message);
}

static int read_cover(sd_bus_message *m, void *item)
{
	struct luctl_cover *cover = item;

	return read_two(m, &cover->label, &cover->address);
}

static int read_mark(sd_bus_message *m, void *item)
{
	struct luctl_mark *mark = item;
	int64_t realtime;
	int r;

	r = read_string(m, "s", &mark->name);
	if (r >= 0)
		r = sd_bus_message_read(m, "tx", &mark->usec, &realtime);
	if (r >= 0)
		mark->realtime = realtime > 0 ? (uint64_t)realtime : 0;
	return r;
}

#define LIST_KIND(name, container, open, contents, close)                  \
	static void clear_##name##s(void *list)                            \
	{                                                                  \
		luctl_##name##s_clear(list);                               \
	}                                                                  \
	static const struct list_kind name##s = {                          \
		open contents close,	     container,	  contents,        \
		sizeof(struct luctl_##name), read_##name, clear_##name##s, \
	}

LIST_KIND(finding, 'r', "(", "ssss", ")");
LIST_KIND(resource, 'r', "(", "sstt", ")");
LIST_KIND(feature, 'e', "{", "sb", "}");
LIST_KIND(mark, 'r', "(", "stx", ")");
LIST_KIND(left_behind, 'r', "(", "usss", ")");
LIST_KIND(cover, 'r', "(", "ss", ")");
LIST_KIND(reason, 'r', "(", "ss", ")");

int luctl_read_findings(sd_bus_message *m, const char *type, void *member)
{
	return read_list(m, &findings, member);
}

static int read_resources(sd_bus_message *m, const char *type, void *member)
{
	return read_list(m, &resources, member);
}

static int read_covers(sd_bus_message *m, const char *type, void *member)
{
	return read_list(m, &covers, member);
}

static int read_left_behinds(sd_bus_message *m, const char *type, void *member)
{
	return read_list(m, &left_behinds, member);
}

static int read_reasons(sd_bus_message *m, const char *type, void *member)
{
	return read_list(m, &reasons, member);
}

static int read_features(sd_bus_message *m, const char *type, void *member)
{
	return read_list(m, &features, member);
}

int luctl_read_marks(sd_bus_message *m, struct luctl_marks *ret)
{
	return read_list(m, &marks, ret);
}

/* --- dictionaries --------------------------------------------------------------------------- */

static const struct luctl_field *find_field(const struct luctl_field *fields, const char *key)
{
	for (const struct luctl_field *f = fields; f->key; f++)
		if (streq(f->key, key))
			return f;
	return NULL;
}

static int read_field(sd_bus_message *m, const struct luctl_field *fields, void *object)
{
	const struct luctl_field *field;
	const char *key;
	int r;

	r = sd_bus_message_read_basic(m, 's', &key);
	if (r < 0)
		return r;
	field = find_field(fields, key);
	if (!field)
		return sd_bus_message_skip(m, "v");
	r = sd_bus_message_enter_container(m, 'v', field->type);
	if (r == -ENXIO)
		return -EBADMSG;
	if (r < 0)
		return r;
	r = field->read(m, field->type, (char *)object + field->offset);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int luctl_read_fields(sd_bus_message *m, const struct luctl_field *fields, void *object)
{
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_field(m, fields, object);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

#define FIELD(structure, key, type, reader, member)                           \
	{                                                                     \
		key, type, reader, offsetof(struct luctl_##structure, member) \
	}

static const struct luctl_field target_fields[] = {
	FIELD(target, "release", "s", read_string, release),
	FIELD(target, "command-line", "s", read_string, command_line),
	FIELD(target, "kernel", "s", read_string, kernel),
	FIELD(target, "initrd", "s", read_string, initrd),
	FIELD(target, "size", "t", read_number, size),
	FIELD(target, "liveupdate", "b", read_bool, liveupdate),
	{},
};

static int read_target(sd_bus_message *m, const char *type, void *member)
{
	struct luctl_target fresh = {};
	int r;

	r = luctl_read_fields(m, target_fields, &fresh);
	if (r < 0) {
		luctl_target_clear(&fresh);
		return r;
	}
	fresh.loaded = fresh.release || fresh.kernel || fresh.size;
	luctl_target_clear(member);
	*(struct luctl_target *)member = fresh;
	return 0;
}

const struct luctl_field luctl_manager_fields[] = {
	FIELD(manager, "Version", "s", read_string, version),
	FIELD(manager, "State", "s", read_string, state),
	FIELD(manager, "UpdateId", "s", read_string, update_id),
	FIELD(manager, "KernelRelease", "s", read_string, kernel_release),
	FIELD(manager, "Jump", "s", read_string, jump),
	FIELD(manager, "Target", "a{sv}", read_target, target),
	FIELD(manager, "Features", "a{sb}", read_features, features),
	FIELD(manager, "Findings", "a(ssss)", luctl_read_findings, findings),
	FIELD(manager, "Sessions", "u", read_number, sessions),
	FIELD(manager, "Jobs", "ao", read_strv, jobs),
	{},
};

const struct luctl_field luctl_session_fields[] = {
	FIELD(session, "Name", "s", read_string, name),
	FIELD(session, "Uid", "u", read_number, uid),
	FIELD(session, "Unit", "s", read_string, unit),
	FIELD(session, "KernelName", "s", read_string, kernel_name),
	FIELD(session, "Mode", "s", read_string, mode),
	FIELD(session, "Policy", "s", read_string, policy),
	FIELD(session, "ClaimPolicy", "s", read_string, claim_policy),
	FIELD(session, "UnclaimedPolicy", "s", read_string, unclaimed_policy),
	FIELD(session, "ClaimTimeout", "t", read_number, claim_timeout),
	FIELD(session, "ReadyTimeout", "t", read_number, ready_timeout),
	FIELD(session, "OwnerConnected", "b", read_bool, owner_connected),
	FIELD(session, "State", "s", read_string, state),
	FIELD(session, "Reason", "s", read_string, reason),
	FIELD(session, "Resources", "a(sstt)", read_resources, resources),
	FIELD(session, "Devices", "a(ss)", read_covers, covers),
	FIELD(session, "Links", "as", read_strv, links),
	FIELD(session, "Taps", "a(ss)", read_covers, taps),
	FIELD(session, "PreservedBytes", "t", read_number, preserved_bytes),
	FIELD(session, "DeliveredBy", "s", read_string, delivered_by),
	FIELD(session, "UpdateId", "s", read_string, update_id),
	{},
};

const struct luctl_field luctl_device_fields[] = {
	FIELD(device, "Address", "s", read_string, address),
	FIELD(device, "Driver", "s", read_string, driver),
	FIELD(device, "Node", "s", read_string, node),
	FIELD(device, "Vendor", "s", read_string, vendor),
	FIELD(device, "Product", "s", read_string, product),
	FIELD(device, "Class", "s", read_string, class),
	FIELD(device, "Group", "s", read_string, group),
	FIELD(device, "GroupSize", "u", read_number, group_size),
	FIELD(device, "Iommu", "s", read_string, iommu),
	FIELD(device, "NumaNode", "i", read_number, numa_node),
	FIELD(device, "PhysicalFunction", "s", read_string, physical_function),
	FIELD(device, "VirtualFunctions", "u", read_number, virtual_functions),
	FIELD(device, "PowerState", "s", read_string, power_state),
	FIELD(device, "Interrupts", "s", read_string, interrupts),
	FIELD(device, "Users", "as", read_strv, users),
	FIELD(device, "Session", "s", read_string, session),
	FIELD(device, "Preservable", "b", read_bool, preservable),
	FIELD(device, "Reasons", "a(ss)", read_reasons, reasons),
	{},
};

const struct luctl_field luctl_job_fields[] = {
	FIELD(job, "Id", "u", read_number, id),
	FIELD(job, "UpdateId", "s", read_string, update_id),
	FIELD(job, "State", "s", read_string, state),
	FIELD(job, "Step", "s", read_string, step),
	FIELD(job, "StepNumber", "u", read_number, step_number),
	FIELD(job, "StepCount", "u", read_number, step_count),
	FIELD(job, "Error", "s", read_string, error),
	FIELD(job, "Cause", "s", read_string, cause),
	FIELD(job, "Findings", "a(ssss)", luctl_read_findings, findings),
	FIELD(job, "Waiting", "as", read_strv, waiting),
	{},
};

const struct luctl_field luctl_timeline_fields[] = {
	FIELD(timeline, "update-id", "s", read_string, update_id),
	FIELD(timeline, "from", "s", read_string, from),
	FIELD(timeline, "to", "s", read_string, to),
	FIELD(timeline, "jump", "s", read_string, jump),
	FIELD(timeline, "result", "s", read_string, result),
	FIELD(timeline, "error", "s", read_string, error),
	FIELD(timeline, "reason", "s", read_string, reason),
	FIELD(timeline, "forced", "s", read_string, forced),
	FIELD(timeline, "delivered", "s", read_string, delivered),
	FIELD(timeline, "uid", "u", read_number, uid),
	FIELD(timeline, "unit", "s", read_string, unit),
	FIELD(timeline, "began-usec", "t", read_number, began),
	FIELD(timeline, "ended-usec", "t", read_number, ended),
	FIELD(timeline, "blackout-usec", "t", read_number, blackout),
	FIELD(timeline, "left-behind", "a(usss)", read_left_behinds, left_behind),
	{},
};

/* --- updates of ListUpdates ------------------------------------------------------------------- */

int luctl_read_updates(sd_bus_message *m, struct luctl_updates *ret)
{
	struct luctl_updates updates;
	struct luctl_list fresh = {};
	int r;

	r = sd_bus_message_enter_container(m, 'a', "a{sv}");
	while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
		struct luctl_timeline *update = luctl_list_grow(&fresh, sizeof(*update));

		if (update)
			*update = (struct luctl_timeline)LUCTL_TIMELINE_UNKNOWN;
		r = update ? luctl_read_fields(m, luctl_timeline_fields, update) : -ENOMEM;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	memcpy(&updates, &fresh, sizeof(fresh));
	if (r < 0) {
		luctl_updates_clear(&updates);
		return r;
	}
	*ret = updates;
	return 0;
}

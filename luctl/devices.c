/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices - the verb of that name: a table of all devices, or all about the named ones. */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

#define DOMAIN_0 "0000:"

/* "00:03.0" is one of the domain 0000. */
static bool matches(const struct luctl_device *device, const char *wanted)
{
	const char *address = strempty(device->address);

	return streq(address, wanted) || (strncmp(address, DOMAIN_0, strlen(DOMAIN_0)) == 0 &&
					  streq(address + strlen(DOMAIN_0), wanted));
}

static bool is_wanted(const struct luctl_device *device, char **wanted)
{
	for (char **name = wanted; *name; name++)
		if (matches(device, *name))
			return true;
	return false;
}

static bool has(const struct luctl_devices *devices, const char *wanted)
{
	for (size_t i = 0; i < devices->count; i++)
		if (matches(&devices->items[i], wanted))
			return true;
	return false;
}

/* Keeps what @wanted names, in luod's order. Complains about a name that nothing has. */
static int select_devices(struct luctl *luctl, struct luctl_devices *devices, char **wanted)
{
	int result = LUCTL_OK;
	size_t kept = 0;

	if (!*wanted)
		return LUCTL_OK;
	for (char **name = wanted; *name; name++) {
		if (has(devices, *name))
			continue;
		luctl_complain(luctl,
			       "There is no device %s that is bound to vfio-pci or pci-dmamem. "
			       "'luctl devices' lists them.",
			       *name);
		result = LUCTL_FAILED;
	}
	for (size_t i = 0; i < devices->count; i++) {
		struct luctl_device *d = &devices->items[i], other;

		if (!is_wanted(d, wanted))
			continue;
		other = devices->items[kept];
		devices->items[kept++] = *d;
		*d = other;
	}
	while (devices->count > kept)
		luctl_device_clear(&devices->items[--devices->count]);
	return result;
}

/* "device-vf, device-ats"; caller frees. */
static char *join_codes(const struct luctl_reasons *reasons)
{
	char *text = strdup("");

	for (size_t i = 0; text && i < reasons->count; i++) {
		char *longer =
			strprintf("%s%s%s", text, i ? ", " : "", strempty(reasons->items[i].code));

		free(text);
		text = longer;
	}
	return text;
}

static void add_row(struct luctl_table *table, const struct luctl_device *d)
{
	_cleanup_free_ char *ids = strprintf("%s:%s", strempty(d->vendor), strempty(d->product));
	_cleanup_free_ char *users = luctl_strv_join(d->users, ", ");
	_cleanup_free_ char *codes = join_codes(&d->reasons);

	/* Not nothing: scripts count columns. */
	luctl_table_add(table, (const char *const[]){ d->address, ids, d->driver,
						      isempty(d->iommu) ? "-" : d->iommu,
						      isempty(d->session) ? "-" : d->session,
						      isempty(d->label) ? "-" : d->label,
						      isempty(users) ? "-" : users,
						      d->preservable ? "yes" : "no", codes });
}

static int print_table(struct luctl *luctl, const struct luctl_devices *devices)
{
	static const struct luctl_column columns[] = {
		{ "DEVICE" },
		{ "ID" },
		{ "DRIVER" },
		{ "IOMMU" },
		{ "SESSION" },
		{ "LABEL" },
		{ "USERS", .wrap = true },
		{ "PRESERVABLE" },
		{ "REASONS", .wrap = true },
	};
	_cleanup_(luctl_table_freep) struct luctl_table *table =
		luctl_table_new(luctl, columns, ARRAY_SIZE(columns));

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < devices->count; i++)
		add_row(table, &devices->items[i]);
	return luctl_table_print(table);
}

static void print_line(struct luctl *luctl, const char *label, const char *text)
{
	_cleanup_free_ char *safe = luctl_safe(text);

	if (!isempty(safe))
		fprintf(luctl->out, "%17s: %s\n", label, safe);
}

static void print_one(struct luctl *luctl, const struct luctl_device *d)
{
	_cleanup_free_ char *ids = strprintf("%s:%s, class %s", strempty(d->vendor),
					     strempty(d->product), strempty(d->class));
	_cleanup_free_ char *group = strprintf("%s, with %u device%s in all", strempty(d->group),
					       d->group_size, d->group_size == 1 ? "" : "s");
	_cleanup_free_ char *node = strprintf("%d", d->numa_node);
	_cleanup_free_ char *functions = strprintf("%u", d->virtual_functions);
	_cleanup_free_ char *users = luctl_strv_join(d->users, ", ");

	print_line(luctl, "Device", d->address);
	print_line(luctl, "ID", ids);
	print_line(luctl, "Driver", d->driver);
	print_line(luctl, "Node", d->node);
	print_line(luctl, "IOMMU", d->iommu);
	print_line(luctl, "Group", isempty(d->group) ? NULL : group);
	print_line(luctl, "NUMA node", d->numa_node < 0 ? NULL : node);
	print_line(luctl, "Function of", d->physical_function);
	print_line(luctl, "Virtual functions", d->virtual_functions ? functions : NULL);
	print_line(luctl, "Power", d->power_state);
	print_line(luctl, "Interrupts", d->interrupts);
	print_line(luctl, "Users", users);
	print_line(luctl, "Session", d->session);
	print_line(luctl, "Label there", d->label);
	print_line(luctl, "Preservable", d->preservable ? "yes" : "no");
	for (size_t i = 0; i < d->reasons.count; i++)
		print_line(luctl, d->reasons.items[i].code, d->reasons.items[i].message);
}

static void print_each(struct luctl *luctl, const struct luctl_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		if (i)
			fputc('\n', luctl->out);
		print_one(luctl, &devices->items[i]);
	}
}

/* What the sessions call their devices. */
static int get_devices(struct luctl *luctl, struct luctl_devices *devices)
{
	_cleanup_(luctl_sessions_clear) struct luctl_sessions sessions = {};
	int r = luctl_connect(luctl);

	if (r >= 0)
		r = luctl_bus_get_devices(luctl->bus, devices, &luctl->error);
	if (r >= 0)
		r = luctl_bus_get_sessions(luctl->bus, &sessions, &luctl->error);
	return r < 0 ? r : luctl_devices_label(devices, &sessions);
}

int luctl_verb_devices(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_devices_clear) struct luctl_devices devices = {};
	int result, r;

	r = get_devices(luctl, &devices);
	if (r < 0)
		return luctl_fail(luctl, "Cannot list the devices");
	result = select_devices(luctl, &devices, argv);
	if (luctl->options.json)
		return luctl_print_json(luctl,
					luctl_json_single("devices", luctl_json_devices(&devices)),
					false)
			       ?: result;
	if (*argv)
		print_each(luctl, &devices);
	else if (devices.count)
		r = print_table(luctl, &devices);
	else if (!luctl->options.no_legend)
		luctl_remark(luctl, "There are no devices bound to vfio-pci or pci-dmamem.");
	return r < 0 ? LUCTL_FAILED : result;
}

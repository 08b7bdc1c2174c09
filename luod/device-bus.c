/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device-bus - org.luod1.Device; documented in org.luod1(5). */
#include "device-bus.h"

#include "log.h"
#include "manager-bus.h"
#include "metrics.h"

/* --- announcements ---------------------------------------------------------------------------- */

#define PROPERTY_OF(name, field)                                     \
	{                                                            \
		name, offsetof(struct device_facts, field),          \
			sizeof(((struct device_facts *)NULL)->field) \
	}

/* What can change while it is there, and is a property as it is. */
static const struct {
	const char *name;
	size_t offset, size;
} changing[] = {
	PROPERTY_OF("Driver", driver),
	PROPERTY_OF("Node", node),
	PROPERTY_OF("Group", iommu_group),
	PROPERTY_OF("GroupSize", group_size),
	PROPERTY_OF("Iommu", iommu),
	PROPERTY_OF("NumaNode", numa_node),
	PROPERTY_OF("PhysicalFunction", physical_function),
	PROPERTY_OF("VirtualFunctions", virtual_functions),
	PROPERTY_OF("PowerState", power_state),
	PROPERTY_OF("Interrupts", interrupts),
};

/* What is judged depends on all of them, and on facts that are no property. */
static void on_changed(struct device *d, const struct device_facts *before, void *userdata)
{
	struct manager *m = userdata;
	char *names[ARRAY_SIZE(changing) + 3];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(changing); i++)
		if (memcmp((const char *)&d->facts + changing[i].offset,
			   (const char *)before + changing[i].offset, changing[i].size) != 0)
			names[n++] = (char *)changing[i].name;
	names[n++] = (char *)"Preservable";
	names[n++] = (char *)"Reasons";
	names[n] = NULL;
	bus_set_emit_changed(&m->buses, d->path, LUOD_DEVICE_INTERFACE, names);
	metrics_changed(m);
}

static void on_added(struct device *d, void *userdata)
{
	struct manager *m = userdata;

	d->manager = m;
	cover_device(m, d);
	log_debug("Device %s (%s)", d->facts.address, d->facts.driver);
	bus_set_emit_added(&m->buses, d->path);
	metrics_changed(m);
}

static void on_removed(struct device *d, void *userdata)
{
	struct manager *m = userdata;

	if (d->session)
		log_warning("Device %s of session %s is gone, or was taken away from VFIO",
			    d->facts.address, d->session);
	bus_set_emit_removed(&m->buses, d->path);
	metrics_changed(m);
}

const struct inventory_calls device_calls = { on_added, on_changed, on_removed };

/* --- properties ------------------------------------------------------------------------------- */

PROPERTY_GETTER(get_text)
{
	return sd_bus_message_append(reply, "s", (const char *)userdata);
}

PROPERTY_GETTER(get_users)
{
	const struct device *d = userdata;
	int r = sd_bus_message_open_container(reply, 'a', "s");

	for (unsigned int i = 0; r >= 0 && i < d->n_users; i++)
		r = sd_bus_message_append(reply, "s", d->users[i]);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

PROPERTY_GETTER(get_preservable)
{
	_cleanup_(findings_free) struct findings reasons = {};
	int r = device_reasons(userdata, &reasons);

	return r < 0 ? r : sd_bus_message_append(reply, "b", reasons.n == 0);
}

PROPERTY_GETTER(get_reasons)
{
	_cleanup_(findings_free) struct findings reasons = {};
	int r = device_reasons(userdata, &reasons);

	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(ss)");
	for (size_t i = 0; r >= 0 && i < reasons.n; i++)
		r = sd_bus_message_append(reply, "(ss)", reasons.items[i].code,
					  reasons.items[i].message);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

#define FACT(field) offsetof(struct device, facts.field)

/* In full words: tests/docs compares them with the manual. */
static const sd_bus_vtable device_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Address", "s", get_text, FACT(address), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Driver", "s", get_text, FACT(driver), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Node", "s", get_text, FACT(node), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Vendor", "s", get_text, FACT(vendor), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Product", "s", get_text, FACT(product), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Class", "s", get_text, FACT(class), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Group", "s", get_text, FACT(iommu_group),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("GroupSize", "u", NULL, FACT(group_size),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Iommu", "s", get_text, FACT(iommu), SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("NumaNode", "i", NULL, FACT(numa_node),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PhysicalFunction", "s", get_text, FACT(physical_function),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("VirtualFunctions", "u", NULL, FACT(virtual_functions),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("PowerState", "s", get_text, FACT(power_state),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Interrupts", "s", get_text, FACT(interrupts),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Users", "as", get_users, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Session", "s", NULL, offsetof(struct device, session),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Preservable", "b", get_preservable, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Reasons", "a(ss)", get_reasons, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END,
};

static int find(sd_bus *bus _unused_, const char *path, const char *interface _unused_,
		void *userdata, void **ret, sd_bus_error *error _unused_)
{
	_cleanup_free_ char *address = NULL;
	struct manager *m = userdata;
	struct device **d;
	int r = sd_bus_path_decode(path, LUOD_ROOT "/device", &address);

	if (r <= 0)
		return r;
	d = inventory_find(&m->inventory, address);
	*ret = d ? *d : NULL;
	return d != NULL;
}

/* Whoever lists them wants all, also while luod is still looking. */
static int enumerate(sd_bus *bus _unused_, const char *prefix _unused_, void *userdata, char ***ret,
		     sd_bus_error *error _unused_)
{
	struct inventory *i = &((struct manager *)userdata)->inventory;
	_cleanup_(strv_freep) char **paths = NULL;

	inventory_settle(i);
	paths = calloc(i->n + 1, sizeof(char *));
	if (!paths)
		return -ENOMEM;
	for (size_t j = 0; j < i->n; j++) {
		paths[j] = strdup(i->devices[j]->path);
		if (!paths[j])
			return -ENOMEM;
	}
	*ret = TAKE_PTR(paths);
	return 1;
}

int device_attach(sd_bus *bus, struct manager *m)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, LUOD_ROOT "/device", LUOD_DEVICE_INTERFACE,
					   device_vtable, find, m);

	return r < 0 ? r : sd_bus_add_node_enumerator(bus, NULL, LUOD_ROOT "/device", enumerate, m);
}

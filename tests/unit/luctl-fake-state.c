/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the objects of the played luod say, but its job: see luctl-fake-server.h. */
#include "luctl-fake-server.h"

int fake_findings(sd_bus_message *m, bool errors)
{
	int r = sd_bus_message_open_container(m, 'a', "(ssss)");

	if (r >= 0 && errors)
		r = sd_bus_message_append(m, "(ssss)", "error", "target-not-liveupdate", "6.1.0",
					  "The target kernel lacks live-update support");
	if (r >= 0)
		r = sd_bus_message_append(m, "(ssss)", "warning", "memfd-noexec", "0/vm1",
					  "Comes back \"sealed\"\033[31m");
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int fake_get_manager(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	const struct fake_script *script = s->script;
	int r;

	if (streq(property, "Version"))
		return sd_bus_message_append(reply, "s", "9.9");
	if (streq(property, "State"))
		return sd_bus_message_append(reply, "s", script->state ?: "loaded");
	if (streq(property, "UpdateId"))
		return sd_bus_message_append(reply, "s", "");
	if (streq(property, "KernelRelease"))
		return sd_bus_message_append(reply, "s", "7.3.4-old");
	if (streq(property, "Jump"))
		return sd_bus_message_append(reply, "s", "direct");
	if (streq(property, "Sessions"))
		return sd_bus_message_append(reply, "u", script->no_sessions ? 0 : 2);
	if (streq(property, "Features"))
		return sd_bus_message_append(reply, "a{sb}", 2, "liveupdate", true, "abi-list",
					     false);
	if (streq(property, "Findings"))
		return fake_findings(reply, !script->clean);
	if (streq(property, "Jobs"))
		return s->has_job ? sd_bus_message_append(reply, "ao", 1, "/org/luod1/job/7")
				  : sd_bus_message_append(reply, "ao", 0);
	if (script->not_loaded)
		return sd_bus_message_append(reply, "a{sv}", 0);
	r = sd_bus_message_append(reply, "a{sv}", 6, "release", "s", "7.3.4-new", "command-line",
				  "s", "root=/dev/vda", "kernel", "s", "/boot/vmlinuz-new",
				  "initrd", "s", "/boot/initrd", "size", "t", UINT64_C(61865984),
				  "liveupdate", "b", true);
	return r;
}

int fake_get_wrong(sd_bus *bus, const char *path, const char *interface, const char *property,
		   sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	return sd_bus_message_append(reply, "u", 5);
}

/* The two sessions by name; the first has memory, a device, and a reason that a terminal would obey. */
int fake_get_session(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct fake_script *script = ((struct fake_server *)userdata)->script;
	bool first = strstr(path, "vm1") != NULL;

	if (streq(property, "Name"))
		return sd_bus_message_append(reply, "s", first ? "vm1" : "vm2");
	if (streq(property, "Uid"))
		return sd_bus_message_append(reply, "u", first ? 0 : 1000);
	if (streq(property, "Unit"))
		return sd_bus_message_append(reply, "s", "vmm.service");
	if (streq(property, "ClaimTimeout"))
		return sd_bus_message_append(reply, "t", first ? UINT64_MAX : UINT64_C(30000000));
	if (streq(property, "ReadyTimeout"))
		return sd_bus_message_append(reply, "t", first ? UINT64_C(0) : UINT64_C(9000000));
	if (streq(property, "OwnerConnected"))
		return sd_bus_message_append(reply, "b", first);
	if (streq(property, "State"))
		return sd_bus_message_append(reply, "s",
					     first ? script->session_state ?: "vetoed" : "idle");
	if (streq(property, "Reason"))
		return sd_bus_message_append(reply, "s", first ? "no\033[2J way" : "");
	if (streq(property, "PreservedBytes"))
		return sd_bus_message_append(reply, "t", first ? UINT64_C(268435456) : UINT64_C(0));
	if (streq(property, "Resources"))
		return first ? sd_bus_message_append(reply, "a(sstt)", 3, "ram", "memory",
						     UINT64_C(1), UINT64_C(268435456), "nic",
						     "device", UINT64_C(2), UINT64_C(0), "net0",
						     "tap", UINT64_C(3), UINT64_C(0))
			     : sd_bus_message_append(reply, "a(sstt)", 0);
	if (streq(property, "Devices"))
		return first ? sd_bus_message_append(reply, "a(ss)", 1, "nic", "0000:00:03.0")
			     : sd_bus_message_append(reply, "a(ss)", 0);
	if (streq(property, "Taps"))
		return first ? sd_bus_message_append(reply, "a(ss)", 1, "net0", "guests/tap7")
			     : sd_bus_message_append(reply, "a(ss)", 0);
	if (streq(property, "Links"))
		return first ? sd_bus_message_append(reply, "as", 2, "tap0", "guests/mv\177")
			     : sd_bus_message_append(reply, "as", 0);
	if (streq(property, "Mode"))
		return sd_bus_message_append(reply, "s", "custody");
	if (streq(property, "Policy"))
		return sd_bus_message_append(reply, "s", "required");
	if (streq(property, "ClaimPolicy"))
		return sd_bus_message_append(reply, "s", "unit");
	if (streq(property, "UnclaimedPolicy"))
		return sd_bus_message_append(reply, "s", "hold");
	if (streq(property, "KernelName"))
		return sd_bus_message_append(reply, "s", first ? "luod/0/vm1" : "luod/1000/vm2");
	return sd_bus_message_append(reply, "s", "");
}

/* Two devices: one in a session, and one that somebody else uses and that two things speak against. */
int fake_get_device(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	bool first = strstr(path, "_3a03_") != NULL;

	if (streq(property, "Address"))
		return sd_bus_message_append(reply, "s", first ? "0000:00:03.0" : "0000:00:04.0");
	if (streq(property, "Driver"))
		return sd_bus_message_append(reply, "s", "vfio-pci");
	if (streq(property, "Vendor"))
		return sd_bus_message_append(reply, "s", "8086");
	if (streq(property, "Product"))
		return sd_bus_message_append(reply, "s", "10d3");
	if (streq(property, "Group"))
		return sd_bus_message_append(reply, "s", "7");
	if (streq(property, "GroupSize"))
		return sd_bus_message_append(reply, "u", first ? 1 : 2);
	if (streq(property, "VirtualFunctions"))
		return sd_bus_message_append(reply, "u", first ? 0 : 4);
	if (streq(property, "NumaNode"))
		return sd_bus_message_append(reply, "i", first ? -1 : 1);
	if (streq(property, "Users"))
		return first ? sd_bus_message_append(reply, "as", 0)
			     : sd_bus_message_append(reply, "as", 2, "vm@2.service",
						     "process 7 (q\033[2J)");
	if (streq(property, "Session"))
		return sd_bus_message_append(reply, "s", first ? "0/vm1" : "");
	if (streq(property, "Preservable"))
		return sd_bus_message_append(reply, "b", first);
	if (streq(property, "Reasons"))
		return first ? sd_bus_message_append(reply, "a(ss)", 0)
			     : sd_bus_message_append(reply, "a(ss)", 2, "device-group",
						     "It shares its group.", "device-has-vfs",
						     "It has functions.");
	return sd_bus_message_append(reply, "s", "");
}

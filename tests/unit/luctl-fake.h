/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luctl-fake - a luod played by a child process, for tests of luctl.
 *
 * It has two sessions, a target, features, findings and one timeline; what Update leads to, and
 * which method fails how, is told by a struct fake_script before the child is forked. It speaks
 * either to peers on a socket of its own, or as org.luod1 on a bus. It checks nothing: a test says
 * what luctl makes of an answer, not whether luod would have given it.
 */
#ifndef TESTS_LUCTL_FAKE_H
#define TESTS_LUCTL_FAKE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include <cmocka.h>

#include "luctl/luctl.h"

#define FAKE_ID	       "0123456789abcdef0123456789abcdef"
#define FAKE_ID_ALIKE  "0123456789ffffffffffffffffffffff"
#define FAKE_ID_OLD    "fedcba98765432100000000000000000"
#define FAKE_STEPS_MAX 16

struct fake_step {
	const char *step;
	uint32_t number;
	const char *waiting; /* one name, or NULL */
};

struct fake_script {
	const char *state; /* of the manager; NULL: loaded */
	bool not_loaded;
	bool no_sessions;
	bool no_devices;
	bool no_updates;
	bool clean;		 /* Check finds no errors */
	bool bad_types;		 /* GetAll lies about types */
	const char *fail_method; /* this method fails … */
	const char *fail_name;	 /* … with this error … */
	const char *fail_text;	 /* … and this text */

	struct fake_step steps[FAKE_STEPS_MAX];
	const char *end_state; /* of the job, after the steps; NULL: it stays running */
	const char *end_error;
	const char *end_cause;
	bool end_findings;
	bool die;		 /* exit instead of ending the job */
	const char *expect_load; /* Load fails unless it is called with these options */
};

struct fake {
	pid_t pid;
	char directory[64];
	char address[128];
};

/* --- the child ------------------------------------------------------------------------------------ */

#define FAKE_BUSES_MAX 8

struct fake_server {
	const struct fake_script *script;
	sd_event *event;
	sd_bus *buses[FAKE_BUSES_MAX];
	unsigned int next_bus;
	unsigned int next_step;
	const char *step, *waiting, *job_state, *job_error, *job_cause;
	uint32_t number;
	bool job_findings, has_job, ticks;
};

static int fake_findings(sd_bus_message *m, bool errors)
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

static int fake_get_manager(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
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

static int fake_get_wrong(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	return sd_bus_message_append(reply, "u", 5);
}

/* The two sessions by name; the first has a resource and a reason that a terminal would obey. */
static int fake_get_session(sd_bus *bus, const char *path, const char *interface,
			    const char *property, sd_bus_message *reply, void *userdata,
			    sd_bus_error *error)
{
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
		return sd_bus_message_append(reply, "s", first ? "vetoed" : "idle");
	if (streq(property, "Reason"))
		return sd_bus_message_append(reply, "s", first ? "no\033[2J way" : "");
	if (streq(property, "PreservedBytes"))
		return sd_bus_message_append(reply, "t", first ? UINT64_C(268435456) : UINT64_C(0));
	if (streq(property, "Resources"))
		return first ? sd_bus_message_append(reply, "a(sstt)", 1, "ram", "memory",
						     UINT64_C(1), UINT64_C(268435456))
			     : sd_bus_message_append(reply, "a(sstt)", 0);
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
static int fake_get_device(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error)
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

static void fake_emit(struct fake_server *s, const char *const properties[])
{
	for (unsigned int i = 0; i < FAKE_BUSES_MAX; i++) {
		if (!s->buses[i])
			continue;
		sd_bus_emit_properties_changed_strv(s->buses[i], "/org/luod1/job/7",
						    "org.luod1.Job", (char **)properties);
		sd_bus_flush(s->buses[i]);
	}
}

/* One line of the script every 20 ms: a step, then another, then the end. */
static int fake_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct fake_server *s = userdata;
	const struct fake_step *step = &s->script->steps[s->next_step];

	if (s->next_step < FAKE_STEPS_MAX && step->step) {
		s->next_step++;
		s->step = step->step;
		s->number = step->number;
		s->waiting = step->waiting;
		fake_emit(s, (const char *const[]){ "Step", "StepNumber", "Waiting", NULL });
		sd_event_source_set_time_relative(source, 20 * USEC_PER_MSEC);
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	if (s->script->die)
		_exit(0);
	if (s->script->end_state) {
		s->job_state = s->script->end_state;
		s->job_error = s->script->end_error;
		s->job_cause = s->script->end_cause;
		s->job_findings = s->script->end_findings;
		/* As luod does: a job that has ended is in no step. */
		s->step = s->waiting = NULL;
		s->number = 0;
		fake_emit(s, (const char *const[]){ "State", "Step", "StepNumber", "Error", "Cause",
						    "Waiting", NULL });
	}
	return 0;
}

static int fake_get_job(sd_bus *bus, const char *path, const char *interface, const char *property,
			sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;

	/* Nothing happens before luctl looks: however slow it is, it sees the first step. */
	if (s->has_job && !s->ticks) {
		s->ticks = true;
		sd_event_add_time_relative(s->event, NULL, CLOCK_MONOTONIC, 20 * USEC_PER_MSEC, 1,
					   fake_tick, s);
	}
	if (streq(property, "Id"))
		return sd_bus_message_append(reply, "u", 7);
	if (streq(property, "UpdateId"))
		return sd_bus_message_append(reply, "s", FAKE_ID);
	if (streq(property, "State"))
		return sd_bus_message_append(reply, "s", strempty(s->job_state));
	if (streq(property, "Step"))
		return sd_bus_message_append(reply, "s", strempty(s->step));
	if (streq(property, "StepNumber"))
		return sd_bus_message_append(reply, "u", s->number);
	if (streq(property, "StepCount"))
		return sd_bus_message_append(reply, "u", 8);
	if (streq(property, "Error"))
		return sd_bus_message_append(reply, "s", strempty(s->job_error));
	if (streq(property, "Cause"))
		return sd_bus_message_append(reply, "s", strempty(s->job_cause));
	if (streq(property, "Findings"))
		return s->job_findings ? fake_findings(reply, true)
				       : sd_bus_message_append(reply, "a(ssss)", 0);
	return s->waiting ? sd_bus_message_append(reply, "as", 1, s->waiting)
			  : sd_bus_message_append(reply, "as", 0);
}

/* Turns the options of a call into "key=value key=value", fds as "fd". */
static int fake_options(sd_bus_message *m, char *text, size_t size)
{
	const char *key, *contents, *string;
	uint8_t value[8];
	char type;
	int r;

	text[0] = '\0';
	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		char one[256];

		sd_bus_message_read(m, "s", &key);
		sd_bus_message_peek_type(m, &type, &contents);
		sd_bus_message_enter_container(m, 'v', contents);
		if (contents[0] == 's')
			sd_bus_message_read_basic(m, 's', &string);
		else
			sd_bus_message_read_basic(m, contents[0], value);
		snprintf(one, sizeof(one), "%s%s=%s", *text ? " " : "", key,
			 contents[0] == 's'   ? string
			 : contents[0] == 'h' ? "fd"
					      : "yes");
		strncat(text, one, size - strlen(text) - 1);
		sd_bus_message_exit_container(m);
		r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static bool fake_fails(struct fake_server *s, sd_bus_message *m, sd_bus_error *error)
{
	if (!s->script->fail_method || !streq(s->script->fail_method, sd_bus_message_get_member(m)))
		return false;
	sd_bus_error_set(error, s->script->fail_name, s->script->fail_text);
	return true;
}

static int fake_load(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	char options[1024];
	struct stat st;
	int fd;

	if (fake_fails(s, m, error))
		return -EINVAL;
	if (sd_bus_message_read(m, "h", &fd) < 0 || fstat(fd, &st) < 0 || st.st_size != 6)
		return sd_bus_error_set(error, "org.luod1.Error.BadImage", "bad kernel fd");
	fake_options(m, options, sizeof(options));
	if (s->script->expect_load && !streq(s->script->expect_load, options))
		return sd_bus_error_set(error, "org.luod1.Error.InvalidOption", options);
	return sd_bus_reply_method_return(m, NULL);
}

static int fake_check(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;
	sd_bus_message *reply;
	int r;

	if (fake_fails(s, m, error))
		return -EINVAL;
	sd_bus_message_new_method_return(m, &reply);
	fake_findings(reply, !s->script->clean);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

static int fake_update(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;

	if (fake_fails(s, m, error))
		return -EINVAL;
	s->has_job = true;
	s->job_state = "running";
	return sd_bus_reply_method_return(m, "o", "/org/luod1/job/7");
}

static int fake_plain(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	if (fake_fails(userdata, m, error))
		return -EINVAL;
	return sd_bus_reply_method_return(m, NULL);
}

/* The first session may be closed, the other is a part of an update. */
static int fake_close(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	if (!strstr(sd_bus_message_get_path(m), "vm1"))
		return sd_bus_error_set(error, "org.luod1.Error.Busy", "It is part of an update.");
	return fake_plain(m, userdata, error);
}

/* An update of 1.5 s: 100 ms before the first owner is ready, 1 s of blackout. */
/* Three updates, newest first; of the last, which an older luod wrote down, little is known. */
static int fake_updates(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const uint64_t epoch = UINT64_C(1763700000000000);
	sd_bus_message *reply;
	int r;

	if (fake_fails(userdata, m, error))
		return -EINVAL;
	sd_bus_message_new_method_return(m, &reply);
	sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (!((struct fake_server *)userdata)->script->no_updates) {
		sd_bus_message_append(reply, "a{sv}", 11, "update-id", "s", FAKE_ID, "from", "s",
				      "7.3.4-old", "to", "s", "7.3.4-new", "jump", "s", "direct",
				      "result", "s", "done", "reason", "s", "a good one", "uid",
				      "u", (uint32_t)1000, "unit", "s", "ops.service", "began-usec",
				      "t", epoch, "blackout-usec", "t", UINT64_C(1000000),
				      "left-behind", "a(usss)", 1, (uint32_t)0, "vm7", "vm.service",
				      "its owner vetoed");
		sd_bus_message_append(reply, "a{sv}", 8, "update-id", "s", FAKE_ID_ALIKE, "from",
				      "s", "7.3.4-old", "to", "s", "7.3.4-new", "result", "s",
				      "cancelled", "reason", "s", "too early", "error", "s",
				      "called\033[31m off", "uid", "u", (uint32_t)0,
				      "from-the-future", "a{sv}", 0);
		sd_bus_message_append(reply, "a{sv}", 2, "update-id", "s", FAKE_ID_OLD, "result",
				      "s", "done");
	}
	sd_bus_message_close_container(reply);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static int fake_timeline(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	static const struct {
		const char *name;
		uint64_t usec;
	} marks[] = {
		{ "begin", 0 },
		{ "check", 10000 },
		{ "memory", 90000 },
		{ "first-ready", 100000 },
		{ "all-ready", 120000 },
		{ "jump", 200000 },
		{ "keeper", 900000 },
		{ "luod", 950000 },
		{ "future", 960000 },
		{ "first-claim", 1000000 },
		{ "first-resumed", 1050000 },
		{ "last-claim", 1060000 },
		{ "last-resumed", 1100000 },
		{ "finished", 1500000 },
	};
	const uint64_t epoch = UINT64_C(1763700000000000);
	sd_bus_message *reply;
	const char *id;
	int r;

	if (fake_fails(userdata, m, error))
		return -EINVAL;
	if (sd_bus_message_read(m, "s", &id) < 0)
		return -EINVAL;
	sd_bus_message_new_method_return(m, &reply);
	sd_bus_message_append(reply, "a{sv}", 8, "update-id", "s", *id ? id : FAKE_ID, "from", "s",
			      "7.3.4-old", "to", "s", "7.3.4-new", "jump", "s", "direct", "result",
			      "s", "done", "blackout-usec", "t", UINT64_C(1000000), "news", "as", 1,
			      "unknown", "left-behind", "a(usss)", 2, (uint32_t)0, "vm7",
			      "vm.service", "its owner vetoed", (uint32_t)1000, "odd", "",
			      "\033[31mred");
	sd_bus_message_open_container(reply, 'a', "(stx)");
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		sd_bus_message_append(reply, "(stx)", marks[i].name, marks[i].usec,
				      (int64_t)(epoch + marks[i].usec));
	sd_bus_message_close_container(reply);
	r = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return r;
}

/* For watch: announces a few things when asked. */
static int fake_noise(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct fake_server *s = userdata;

	for (unsigned int i = 0; i < FAKE_BUSES_MAX; i++) {
		if (!s->buses[i])
			continue;
		sd_bus_emit_properties_changed(s->buses[i], "/org/luod1", "org.luod1.Manager",
					       "State", "Sessions", NULL);
		sd_bus_emit_signal(s->buses[i], "/org/luod1/session/_30_2fvm1", "org.luod1.Session",
				   "PrepareForUpdate", "st", FAKE_ID, UINT64_C(30000000));
		sd_bus_emit_interfaces_removed(s->buses[i], "/org/luod1/session/_30_2fvm1",
					       "org.luod1.Session", NULL);
		sd_bus_flush(s->buses[i]);
	}
	return sd_bus_reply_method_return(m, NULL);
}

#define FAKE_PROPERTY(name, type, get) \
	SD_BUS_PROPERTY(name, type, get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable fake_device_vtable[] = {
	SD_BUS_VTABLE_START(0),
	FAKE_PROPERTY("Address", "s", fake_get_device),
	FAKE_PROPERTY("Driver", "s", fake_get_device),
	FAKE_PROPERTY("Vendor", "s", fake_get_device),
	FAKE_PROPERTY("Product", "s", fake_get_device),
	FAKE_PROPERTY("Iommu", "s", fake_get_device),
	FAKE_PROPERTY("Group", "s", fake_get_device),
	FAKE_PROPERTY("GroupSize", "u", fake_get_device),
	FAKE_PROPERTY("VirtualFunctions", "u", fake_get_device),
	FAKE_PROPERTY("NumaNode", "i", fake_get_device),
	FAKE_PROPERTY("Users", "as", fake_get_device),
	FAKE_PROPERTY("Session", "s", fake_get_device),
	FAKE_PROPERTY("Preservable", "b", fake_get_device),
	FAKE_PROPERTY("Reasons", "a(ss)", fake_get_device),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	FAKE_PROPERTY("Version", "s", fake_get_manager),
	FAKE_PROPERTY("State", "s", fake_get_manager),
	FAKE_PROPERTY("UpdateId", "s", fake_get_manager),
	FAKE_PROPERTY("KernelRelease", "s", fake_get_manager),
	FAKE_PROPERTY("Target", "a{sv}", fake_get_manager),
	FAKE_PROPERTY("Features", "a{sb}", fake_get_manager),
	FAKE_PROPERTY("Findings", "a(ssss)", fake_get_manager),
	FAKE_PROPERTY("Jump", "s", fake_get_manager),
	FAKE_PROPERTY("Sessions", "u", fake_get_manager),
	FAKE_PROPERTY("Jobs", "ao", fake_get_manager),
	SD_BUS_METHOD("Load", "ha{sv}", "", fake_load, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Unload", "", "", fake_plain, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Check", "a{sv}", "a(ssss)", fake_check, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Update", "a{sv}", "o", fake_update, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Cancel", "s", "", fake_plain, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetTimeline", "s", "a{sv}a(stx)", fake_timeline, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListUpdates", "a{sv}", "aa{sv}", fake_updates, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("MakeNoise", "", "", fake_noise, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_wrong_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("State", "u", fake_get_wrong, 0, 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_session_vtable[] = {
	SD_BUS_VTABLE_START(0),
	FAKE_PROPERTY("Name", "s", fake_get_session),
	FAKE_PROPERTY("Uid", "u", fake_get_session),
	FAKE_PROPERTY("Unit", "s", fake_get_session),
	FAKE_PROPERTY("KernelName", "s", fake_get_session),
	FAKE_PROPERTY("Mode", "s", fake_get_session),
	FAKE_PROPERTY("Policy", "s", fake_get_session),
	FAKE_PROPERTY("ClaimPolicy", "s", fake_get_session),
	FAKE_PROPERTY("UnclaimedPolicy", "s", fake_get_session),
	FAKE_PROPERTY("ClaimTimeout", "t", fake_get_session),
	FAKE_PROPERTY("ReadyTimeout", "t", fake_get_session),
	FAKE_PROPERTY("OwnerConnected", "b", fake_get_session),
	FAKE_PROPERTY("State", "s", fake_get_session),
	FAKE_PROPERTY("Reason", "s", fake_get_session),
	FAKE_PROPERTY("Resources", "a(sstt)", fake_get_session),
	FAKE_PROPERTY("PreservedBytes", "t", fake_get_session),
	FAKE_PROPERTY("DeliveredBy", "s", fake_get_session),
	FAKE_PROPERTY("UpdateId", "s", fake_get_session),
	SD_BUS_METHOD("Close", "", "", fake_close, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable fake_job_vtable[] = {
	SD_BUS_VTABLE_START(0),
	FAKE_PROPERTY("Id", "u", fake_get_job),
	FAKE_PROPERTY("UpdateId", "s", fake_get_job),
	FAKE_PROPERTY("State", "s", fake_get_job),
	FAKE_PROPERTY("Step", "s", fake_get_job),
	FAKE_PROPERTY("StepNumber", "u", fake_get_job),
	FAKE_PROPERTY("StepCount", "u", fake_get_job),
	FAKE_PROPERTY("Error", "s", fake_get_job),
	FAKE_PROPERTY("Cause", "s", fake_get_job),
	FAKE_PROPERTY("Findings", "a(ssss)", fake_get_job),
	FAKE_PROPERTY("Waiting", "as", fake_get_job),
	SD_BUS_VTABLE_END,
};

static void fake_attach(struct fake_server *s, sd_bus *bus)
{
	const sd_bus_vtable *manager = s->script->bad_types ? fake_wrong_vtable
							    : fake_manager_vtable;
	sd_bus **slot;

	sd_bus_add_object_manager(bus, NULL, "/org/luod1");
	sd_bus_add_object_vtable(bus, NULL, "/org/luod1", "org.luod1.Manager", manager, s);
	sd_bus_add_object_vtable(bus, NULL, "/org/luod1/job/7", "org.luod1.Job", fake_job_vtable,
				 s);
	if (!s->script->no_sessions) {
		sd_bus_add_object_vtable(bus, NULL, "/org/luod1/session/_30_2fvm1",
					 "org.luod1.Session", fake_session_vtable, s);
		sd_bus_add_object_vtable(bus, NULL, "/org/luod1/session/_31000_2fvm2",
					 "org.luod1.Session", fake_session_vtable, s);
	}
	if (!s->script->no_devices) {
		sd_bus_add_object_vtable(bus, NULL, "/org/luod1/device/_30000_3a00_3a03_2e0",
					 "org.luod1.Device", fake_device_vtable, s);
		sd_bus_add_object_vtable(bus, NULL, "/org/luod1/device/_30000_3a00_3a04_2e0",
					 "org.luod1.Device", fake_device_vtable, s);
	}
	sd_bus_attach_event(bus, s->event, 0);
	/* The newest few are enough: older ones have long hung up. */
	slot = &s->buses[s->next_bus++ % FAKE_BUSES_MAX];
	sd_bus_close_unref(*slot);
	*slot = bus;
}

static int fake_accept(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct fake_server *s = userdata;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id;
	sd_bus *bus;

	if (peer < 0)
		_exit(1);
	sd_id128_randomize(&id);
	if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, peer, peer) < 0 ||
	    sd_bus_set_server(bus, true, id) < 0 || sd_bus_set_anonymous(bus, true) < 0 ||
	    sd_bus_set_trusted(bus, true) < 0 || sd_bus_negotiate_fds(bus, true) < 0 ||
	    sd_bus_start(bus) < 0)
		_exit(1);
	fake_attach(s, bus);
	return 0;
}

/* @listener: for peers; @bus_address: or else a bus. @ready gets a byte when the name is there. */
static void fake_serve(const struct fake_script *script, int listener, const char *bus_address,
		       int ready)
{
	struct fake_server s = { .script = script };
	sd_bus *bus;

	if (sd_event_new(&s.event) < 0)
		_exit(1);
	if (listener >= 0) {
		sd_event_add_io(s.event, NULL, listener, EPOLLIN, fake_accept, &s);
	} else {
		if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, bus_address) < 0 ||
		    sd_bus_set_bus_client(bus, true) < 0 || sd_bus_start(bus) < 0)
			_exit(1);
		fake_attach(&s, bus);
		if (sd_bus_request_name(bus, "org.luod1", 0) < 0)
			_exit(1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	sd_event_loop(s.event);
	_exit(0);
}

/* --- the test --------------------------------------------------------------------------------- */

/* @bus_address: NULL to serve peers at @f->address. The script is copied by fork(). */
static void fake_start(struct fake *f, const struct fake_script *script, const char *bus_address)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listener = -1, pipes[2];
	char byte;

	*f = (struct fake){};
	assert_int_equal(pipe(pipes), 0);
	strcpy(f->directory, "/tmp/test-luctl-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	if (!bus_address) {
		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/bus", f->directory);
		snprintf(f->address, sizeof(f->address), "--address=unix:path=%s/bus",
			 f->directory);
		listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_return_code(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), errno);
		assert_return_code(listen(listener, 8), errno);
	}
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		/* A test that fails leaves nobody behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fake_serve(script, listener, bus_address, pipes[1]);
	}
	close_fd(listener);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	close(pipes[0]);
}

static void fake_stop(struct fake *f)
{
	char path[128];

	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	snprintf(path, sizeof(path), "%s/bus", f->directory);
	unlink(path);
	rmdir(f->directory);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The played luod itself: its job goes through a script, its objects are on every bus. */
#include "luctl-fake-server.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-id128.h>

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
	SD_BUS_METHOD("GetNetwork", "s", "ss", fake_get_network, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("CompareNetwork", "s", "a(sssss)", fake_compare_network,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ReplayNetwork", "s", "a(ssss)", fake_replay_network,
		      SD_BUS_VTABLE_UNPRIVILEGED),
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
	FAKE_PROPERTY("Devices", "a(ss)", fake_get_session),
	FAKE_PROPERTY("Links", "as", fake_get_session),
	FAKE_PROPERTY("Taps", "a(ss)", fake_get_session),
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

void fake_start(struct fake *f, const struct fake_script *script, const char *bus_address)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listener = -1, pipes[2];
	char byte;

	*f = (struct fake){};
	assert_int_equal(pipe(pipes), 0);
	snprintf(f->directory, sizeof(f->directory), "/tmp/test-luctl-XXXXXX");
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

void fake_stop(struct fake *f)
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pid1-bus - see pid1-bus.h. */
#include "pid1-bus.h"

#include "log.h"

#define PID1_ADDRESS	  "unix:path=/run/systemd/private"
#define CALL_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define PID1_NAME	  "org.freedesktop.systemd1"
#define PID1_PATH	  "/org/freedesktop/systemd1"
#define PID1_MANAGER	  "org.freedesktop.systemd1.Manager"

/* Kinds of units that make sense to start again; scopes, slices and devices are not startable. */
static const char *const startable[] = { ".service", ".socket",	   ".timer", ".path",
					 ".mount",   ".automount", ".swap",  ".target" };

static void finish(struct pid1 *p, int error, const char *text)
{
	pid1_done_t done = p->done;

	free(p->job);
	p->job = NULL;
	p->done = NULL;
	if (done)
		done(error, text, p->userdata);
}

static void all_answered(struct pid1 *p, int error)
{
	pid1_done_t started = p->started;

	p->unheard = false;
	p->started = NULL;
	if (started)
		started(error, NULL, p->started_userdata);
}

static int on_lost(sd_bus_message *m _unused_, void *userdata, sd_bus_error *error _unused_)
{
	struct pid1 *p = userdata;

	p->bus = sd_bus_close_unref(p->bus);
	if (p->unheard)
		all_answered(p, -ECONNRESET);
	finish(p, -ECONNRESET, "The connection to PID 1 was lost.");
	return 1;
}

static void check_stops(struct pid1 *p);

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct pid1 *p = userdata;
	const char *path, *unit, *result;
	char text[512];
	int r;

	if (!p->done)
		return 0;
	r = sd_bus_message_read(m, "uoss", NULL, &path, &unit, &result);
	if (r < 0)
		return r;
	if (p->job && streq(p->job, path)) {
		free(p->job);
		p->job = NULL;
		if (!streq(result, "done")) {
			snprintf(text, sizeof(text), "systemd could not start %s (result: %s).",
				 unit, result);
			finish(p, -EIO, text);
			return 0;
		}
		if (!p->wait_for_stops) {
			finish(p, 0, NULL);
			return 0;
		}
	}
	if (!p->job)
		check_stops(p);
	return 0;
}

static int connect_pid1(struct pid1 *p, sd_event *event)
{
	_cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
	int r;

	if (p->bus)
		return 0;
	p->event = event;
	if ((r = sd_bus_new(&bus)) < 0 || (r = sd_bus_set_address(bus, PID1_ADDRESS)) < 0 ||
	    (r = sd_bus_set_description(bus, "pid1")) < 0 ||
	    (r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC)) < 0 ||
	    (r = sd_bus_start(bus)) < 0 ||
	    (r = sd_bus_match_signal_async(bus, NULL, NULL, PID1_PATH, PID1_MANAGER, "JobRemoved",
					   on_job_removed, NULL, p)) < 0 ||
	    (r = sd_bus_match_signal_async(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Local",
					   "Disconnected", on_lost, NULL, p)) < 0 ||
	    (r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL)) < 0)
		return r;
	p->bus = TAKE_PTR(bus);
	return 0;
}

/* A failed call ends what is waited for; true when it did. */
static bool failed_call(struct pid1 *p, sd_bus_message *reply)
{
	const sd_bus_error *e = sd_bus_message_get_error(reply);

	if (!e)
		return false;
	finish(p, -sd_bus_error_get_errno(e), strempty(e->message));
	return true;
}

static int on_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct pid1 *p = userdata;
	const char *type;
	unsigned int stops = 0;
	int r;

	if (!p->done || p->job || failed_call(p, m))
		return 0;
	r = sd_bus_message_enter_container(m, 'a', "(usssoo)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(m, "(usssoo)", NULL, NULL, &type, NULL, NULL, NULL)) > 0)
		stops += streq(type, "stop");
	if (r < 0)
		return r;
	if (stops == 0)
		finish(p, 0, NULL);
	return 0;
}

static void check_stops(struct pid1 *p)
{
	int r = sd_bus_call_method_async(p->bus, NULL, PID1_NAME, PID1_PATH, PID1_MANAGER,
					 "ListJobs", on_jobs, p, NULL);

	if (r < 0)
		finish(p, r, "Cannot ask PID 1 for its jobs.");
}

static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct pid1 *p = userdata;
	const char *path;
	int r;

	if (!p->done || failed_call(p, m))
		return 0;
	r = sd_bus_message_read(m, "o", &path);
	if (r < 0)
		return r;
	return free_and_strdup(&p->job, path);
}

static int on_slice(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct pid1 *p = userdata;

	failed_call(p, m);
	return 0;
}

static int append_slice(sd_bus_message *m, const char *slice, char **units)
{
	int r;

	if ((r = sd_bus_message_append(m, "ss", slice, "replace")) < 0 ||
	    (r = sd_bus_message_open_container(m, 'a', "(sv)")) < 0 ||
	    (r = sd_bus_message_append(m, "(sv)", "Description", "s",
				       "What stays during a live update")) < 0 ||
	    (r = sd_bus_message_open_container(m, 'r', "sv")) < 0 ||
	    (r = sd_bus_message_append(m, "s", "Wants")) < 0 ||
	    (r = sd_bus_message_open_container(m, 'v', "as")) < 0 ||
	    (r = sd_bus_message_append_strv(m, units)) < 0 ||
	    (r = sd_bus_message_close_container(m)) < 0 ||
	    (r = sd_bus_message_close_container(m)) < 0 ||
	    (r = sd_bus_message_close_container(m)) < 0)
		return r;
	return sd_bus_message_append(m, "a(sa(sv))", 0);
}

int pid1_start_slice(struct pid1 *p, sd_event *event, const char *slice, char **units)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = connect_pid1(p, event);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_call(p->bus, &m, PID1_NAME, PID1_PATH, PID1_MANAGER,
					   "StartTransientUnit");
	if (r < 0)
		return r;
	r = append_slice(m, slice, units);
	return r < 0 ? r : sd_bus_call_async(p->bus, NULL, m, on_slice, p, 0);
}

int pid1_stop_unit(struct pid1 *p, sd_event *event, const char *unit)
{
	int r = connect_pid1(p, event);

	return r < 0 ? r
		     : sd_bus_call_method_async(p->bus, NULL, PID1_NAME, PID1_PATH, PID1_MANAGER,
						"StopUnit", NULL, NULL, "ss", unit, "replace");
}

/* PID 1 works through the calls of a connection in order: none has to wait for the one before. */
int pid1_start_unit(struct pid1 *p, sd_event *event, const char *unit, const char *mode,
		    pid1_done_t done, void *userdata)
{
	int r = connect_pid1(p, event);

	if (r < 0)
		return r;
	if (p->done)
		return -EBUSY;
	r = sd_bus_call_method_async(p->bus, NULL, PID1_NAME, PID1_PATH, PID1_MANAGER, "StartUnit",
				     on_started, p, "ss", unit, mode);
	if (r < 0)
		return r;
	p->wait_for_stops = streq(mode, "isolate");
	p->done = done;
	p->userdata = userdata;
	return 0;
}

/* Each call has an answer: that of a connection that gets lost comes from here, and then on_lost(). */
static int on_one_started(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct pid1 *p = userdata;

	if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY))
		p->unheard = true;
	if (--p->unanswered > 0)
		return 0;
	if (!p->unheard)
		all_answered(p, 0);
	else if (sd_bus_is_open(p->bus) > 0)
		all_answered(p, -ETIMEDOUT);
	return 0;
}

int pid1_start_units(struct pid1 *p, sd_event *event, char **units, pid1_done_t started,
		     void *userdata)
{
	int r = connect_pid1(p, event);

	if (r < 0)
		return r;
	p->unheard = false;
	p->started = started;
	p->started_userdata = userdata;
	for (char **unit = units; *unit; unit++) {
		r = sd_bus_call_method_async(p->bus, NULL, PID1_NAME, PID1_PATH, PID1_MANAGER,
					     "StartUnit", on_one_started, p, "ss", *unit,
					     "replace");
		if (r < 0) {
			p->unheard = true;
			return r;
		}
		p->unanswered++;
	}
	return 0;
}

static bool is_startable(const char *unit)
{
	const char *suffix = strrchr(unit, '.');

	for (size_t i = 0; suffix && i < ARRAY_SIZE(startable); i++)
		if (streq(suffix, startable[i]))
			return true;
	return false;
}

typedef bool (*unit_filter)(const char *name);

static int read_units(sd_bus_message *reply, unit_filter wanted, char ***ret)
{
	_cleanup_(strv_freep) char **units = NULL;
	const char *name;
	size_t n = 0;
	int r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");

	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(ssssssouso)", &name, NULL, NULL, NULL, NULL, NULL,
					NULL, NULL, NULL, NULL)) > 0) {
		char **larger;

		if (!wanted(name))
			continue;
		larger = reallocarray(units, n + 2, sizeof(char *));
		if (!larger)
			return -ENOMEM;
		units = larger;
		units[n] = strdup(name);
		units[n + 1] = NULL;
		if (!units[n++])
			return -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(units);
	return 0;
}

static int list_units(struct pid1 *p, sd_event *event, const char *const *states,
		      unit_filter wanted, char ***ret)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	int r;

	if ((r = connect_pid1(p, event)) < 0 ||
	    (r = sd_bus_message_new_method_call(p->bus, &m, PID1_NAME, PID1_PATH, PID1_MANAGER,
						"ListUnitsFiltered")) < 0 ||
	    (r = sd_bus_message_append_strv(m, (char **)states)) < 0 ||
	    (r = sd_bus_call(p->bus, m, 0, NULL, &reply)) < 0)
		return r;
	return read_units(reply, wanted, ret);
}

int pid1_list_active(struct pid1 *p, sd_event *event, char ***ret)
{
	static const char *const states[] = { "active", NULL };

	return list_units(p, event, states, is_startable, ret);
}

static bool is_any(const char *name _unused_)
{
	return true;
}

int pid1_list_up(struct pid1 *p, sd_event *event, char ***ret)
{
	static const char *const states[] = { "active", "activating", "reloading", NULL };

	return list_units(p, event, states, is_any, ret);
}

void pid1_cancel(struct pid1 *p)
{
	p->done = NULL;
	free(p->job);
	p->job = NULL;
}

void pid1_clear(struct pid1 *p)
{
	pid1_cancel(p);
	p->bus = sd_bus_close_unref(p->bus);
}

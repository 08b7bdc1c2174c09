/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus - the connection and the calls of bus.h; answers are decoded in bus-read.c. */
#include "luctl/luctl.h"

#include <unistd.h>

#include "luctl/bus-private.h"

/* Questions are answered at once; a check reads kernel images, and polkit may ask a human. */
#define ASK_USEC (25 * USEC_PER_SEC)
#define ACT_USEC (180 * USEC_PER_SEC)

/* --- connection ----------------------------------------------------------------------------- */

static int open_peer(const char *address, sd_bus **ret)
{
	sd_bus *bus;
	int r;

	r = sd_bus_new(&bus);
	if (r < 0)
		return r;
	r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, true);
	if (r >= 0)
		r = sd_bus_start(bus);
	/* Starting is asynchronous: without this a dead socket would only be noticed in a call. */
	while (r >= 0 && sd_bus_is_ready(bus) == 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, ASK_USEC) ?: -ETIMEDOUT;
	}
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static bool no_bus_there(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

static int open_any(const char *host, const char *address, struct luctl_bus *bus,
		    bool *ret_fell_back)
{
	int r;

	if (address) {
		bus->peer = true;
		return open_peer(address, &bus->bus);
	}
	if (host)
		return sd_bus_open_system_remote(&bus->bus, host);
	r = sd_bus_open_system(&bus->bus);
	if (!no_bus_there(r) || geteuid() != 0)
		return r;
	*ret_fell_back = true;
	bus->peer = true;
	return open_peer(LUCTL_PEER_ADDRESS, &bus->bus);
}

int luctl_bus_open(const char *host, const char *address, struct luctl_bus **ret,
		   bool *ret_fell_back, struct luctl_error *e)
{
	_cleanup_(luctl_bus_freep) struct luctl_bus *bus = calloc(1, sizeof(*bus));
	bool fell_back = false;
	int r;

	if (!bus)
		return luctl_error_set(e, -ENOMEM, NULL, NULL, NULL);
	if (host) {
		bus->host = strdup(host);
		if (!bus->host)
			return luctl_error_set(e, -ENOMEM, NULL, NULL, NULL);
	}
	r = open_any(host, address, bus, &fell_back);
	if (r < 0 && address)
		return luctl_error_take(
			e, r, r == -EACCES ? LUCTL_UNAUTHORISED : LUCTL_UNREACHABLE,
			strprintf("cannot connect to %s: %s. Is luod running there?", address,
				  strerror(-r)));
	if (r < 0 && host)
		return luctl_error_take(
			e, r, LUCTL_UNREACHABLE,
			strprintf("cannot reach the system bus of %s: %s. Does 'ssh %s' work?",
				  host, strerror(-r), host));
	if (no_bus_there(r) && !fell_back)
		return luctl_error_take(
			e, r, LUCTL_UNREACHABLE,
			strdup("there is no system bus. As root, luctl speaks to luod without it."));
	if (r < 0)
		return luctl_error_set(e, r, NULL, NULL, NULL);
	sd_bus_set_allow_interactive_authorization(bus->bus, true);
	*ret = TAKE_PTR(bus);
	*ret_fell_back = fell_back;
	return 0;
}

void luctl_bus_free(struct luctl_bus *bus)
{
	if (!bus)
		return;
	sd_bus_flush_close_unref(bus->bus);
	luctl_job_clear(&bus->job);
	free(bus->host);
	free(bus);
}

/* --- calls ---------------------------------------------------------------------------------- */

static int call(struct luctl_bus *bus, sd_bus_message *m, uint64_t usec, sd_bus_message **ret,
		struct luctl_error *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_call(bus->bus, m, usec, &error, ret);
	if (r < 0)
		luctl_error_set(e, r, error.name, error.message, bus->host);
	sd_bus_error_free(&error);
	return r;
}

static int new_call(struct luctl_bus *bus, const char *path, const char *interface,
		    const char *member, sd_bus_message **ret)
{
	return sd_bus_message_new_method_call(bus->bus, ret, luctl_bus_peer_name(bus), path,
					      interface, member);
}

/* A message that could not be put together, or an answer that could not be taken apart. */
static int bad_message(struct luctl_error *e, int r)
{
	return r < 0 ? luctl_error_set(e, r, NULL, NULL, NULL) : r;
}

static int get_all(struct luctl_bus *bus, const char *path, const char *interface,
		   const struct luctl_field *fields, void *object, uint64_t usec,
		   struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	int r;

	r = new_call(bus, path, LUCTL_PROPERTIES, "GetAll", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", interface);
	if (r < 0)
		return bad_message(e, r);
	r = call(bus, m, usec, &reply, e);
	if (r < 0)
		return r;
	return bad_message(e, luctl_read_fields(reply, fields, object));
}

int luctl_bus_get_manager(struct luctl_bus *bus, struct luctl_manager *ret, struct luctl_error *e)
{
	struct luctl_manager manager = {};
	int r = get_all(bus, LUCTL_ROOT, LUCTL_MANAGER, luctl_manager_fields, &manager, ASK_USEC,
			e);

	if (r < 0) {
		luctl_manager_clear(&manager);
		return r;
	}
	*ret = manager;
	return 0;
}

int luctl_bus_get_job(struct luctl_bus *bus, const char *path, struct luctl_job *ret,
		      struct luctl_error *e)
{
	struct luctl_job job = {};
	/* Its luod may be in the middle of a step. */
	int r = get_all(bus, path, LUCTL_JOB, luctl_job_fields, &job, ACT_USEC, e);

	if (r < 0) {
		luctl_job_clear(&job);
		return r;
	}
	*ret = job;
	return 0;
}

static int get_objects(struct luctl_bus *bus, sd_bus_message **ret, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	r = new_call(bus, LUCTL_ROOT, LUCTL_OBJECT_MANAGER, "GetManagedObjects", &m);
	return r < 0 ? bad_message(e, r) : call(bus, m, ASK_USEC, ret, e);
}

int luctl_bus_get_sessions(struct luctl_bus *bus, struct luctl_sessions *ret, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = get_objects(bus, &reply, e);

	return r < 0 ? r : bad_message(e, luctl_read_sessions(reply, ret));
}

int luctl_bus_get_devices(struct luctl_bus *bus, struct luctl_devices *ret, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = get_objects(bus, &reply, e);

	return r < 0 ? r : bad_message(e, luctl_read_devices(reply, ret));
}

int luctl_bus_get_timeline(struct luctl_bus *bus, const char *update_id, struct luctl_timeline *ret,
			   struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	struct luctl_timeline timeline = LUCTL_TIMELINE_UNKNOWN;
	int r;

	r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, "GetTimeline", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", update_id);
	if (r < 0)
		return bad_message(e, r);
	r = call(bus, m, ASK_USEC, &reply, e);
	if (r < 0)
		return r;
	r = luctl_read_fields(reply, luctl_timeline_fields, &timeline);
	if (r >= 0)
		r = luctl_read_marks(reply, &timeline.marks);
	if (r < 0) {
		luctl_timeline_clear(&timeline);
		return bad_message(e, r);
	}
	*ret = timeline;
	return 0;
}

/* Calls the manager without any of the options that the method has. */
static int ask_plainly(struct luctl_bus *bus, const char *member, uint64_t usec,
		       sd_bus_message **ret, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, member, &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 0);
	return r < 0 ? bad_message(e, r) : call(bus, m, usec, ret, e);
}

int luctl_bus_get_updates(struct luctl_bus *bus, struct luctl_updates *ret, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = ask_plainly(bus, "ListUpdates", ASK_USEC, &reply, e);

	return r < 0 ? r : bad_message(e, luctl_read_updates(reply, ret));
}

int luctl_bus_check(struct luctl_bus *bus, struct luctl_findings *ret, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	int r = ask_plainly(bus, "Check", ACT_USEC, &reply, e);

	return r < 0 ? r : bad_message(e, luctl_read_findings(reply, "a(ssss)", ret));
}

/* Appends { @key: @value } unless there is no value. */
static int append_string(sd_bus_message *m, const char *key, const char *value)
{
	return value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int append_load(sd_bus_message *m, const struct luctl_load *load)
{
	int r;

	r = sd_bus_message_append(m, "h", load->kernel_fd);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0 && load->initrd_fd >= 0)
		r = sd_bus_message_append(m, "{sv}", "initrd", "h", load->initrd_fd);
	if (r >= 0)
		r = append_string(m, "command-line", load->command_line);
	if (r >= 0 && !load->command_line)
		r = sd_bus_message_append(m, "{sv}", "reuse-command-line", "b", true);
	if (r >= 0)
		r = append_string(m, "append", load->append);
	if (r >= 0)
		r = append_string(m, "kernel-path", load->kernel_path);
	if (r >= 0)
		r = append_string(m, "initrd-path", load->initrd_path);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int luctl_bus_load(struct luctl_bus *bus, const struct luctl_load *load, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	if (sd_bus_can_send(bus->bus, 'h') <= 0)
		return luctl_error_take(
			e, -EOPNOTSUPP, LUCTL_FAILED,
			bus->host
				? strprintf(
					  "open files cannot be passed to another host. Run 'luctl load' on %s.",
					  bus->host)
				: strdup("open files cannot be passed over this connection."));
	r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, "Load", &m);
	if (r >= 0)
		r = append_load(m, load);
	if (r < 0)
		return bad_message(e, r);
	return call(bus, m, ACT_USEC, NULL, e);
}

int luctl_bus_unload(struct luctl_bus *bus, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, "Unload", &m);
	if (r < 0)
		return bad_message(e, r);
	return call(bus, m, ACT_USEC, NULL, e);
}

static int append_update(sd_bus_message *m, const char *jump, const char *reason, bool force)
{
	int r;

	r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r >= 0)
		r = append_string(m, "jump", jump);
	if (r >= 0)
		r = append_string(m, "reason", reason);
	if (r >= 0 && force)
		r = sd_bus_message_append(m, "{sv}", "force", "b", true);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int luctl_bus_update(struct luctl_bus *bus, const char *jump, const char *reason, bool force,
		     char **ret_job, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	char *job;
	int r;

	r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, "Update", &m);
	if (r >= 0)
		r = append_update(m, jump, reason, force);
	if (r < 0)
		return bad_message(e, r);
	r = call(bus, m, ACT_USEC, &reply, e);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return bad_message(e, r);
	job = strdup(path);
	if (!job)
		return bad_message(e, -ENOMEM);
	*ret_job = job;
	return 0;
}

int luctl_bus_cancel(struct luctl_bus *bus, const char *reason, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, "Cancel", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", strempty(reason));
	if (r < 0)
		return bad_message(e, r);
	return call(bus, m, ACT_USEC, NULL, e);
}

int luctl_bus_close_session(struct luctl_bus *bus, const char *path, struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r = new_call(bus, path, LUCTL_SESSION, "Close", &m);

	return r < 0 ? bad_message(e, r) : call(bus, m, ACT_USEC, NULL, e);
}

/* The arguments of the answer, as an array; asked with one string. */
static int ask_json(struct luctl_bus *bus, const char *member, const char *argument, json_t **ret,
		    struct luctl_error *e)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	int r = new_call(bus, LUCTL_ROOT, LUCTL_MANAGER, member, &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "s", argument);
	if (r < 0)
		return bad_message(e, r);
	r = call(bus, m, ACT_USEC, &reply, e);
	return r < 0 ? r : bad_message(e, luctl_read_json_all(reply, ret));
}

int luctl_bus_get_network(struct luctl_bus *bus, const char *source, json_t **ret,
			  struct luctl_error *e)
{
	return ask_json(bus, "GetNetwork", source, ret, e);
}

int luctl_bus_compare_network(struct luctl_bus *bus, const char *record, json_t **ret,
			      struct luctl_error *e)
{
	return ask_json(bus, "CompareNetwork", record, ret, e);
}

int luctl_bus_replay_network(struct luctl_bus *bus, const char *record, json_t **ret,
			     struct luctl_error *e)
{
	return ask_json(bus, "ReplayNetwork", record, ret, e);
}

char *luctl_bus_object_name(const char *path)
{
	char *name = NULL;

	if (streq(path, LUCTL_ROOT))
		return strdup("luod");
	if (sd_bus_path_decode(path, LUCTL_SESSIONS, &name) > 0 ||
	    sd_bus_path_decode(path, LUCTL_DEVICES, &name) > 0)
		return name;
	if (sd_bus_path_decode(path, LUCTL_JOBS, &name) > 0) {
		_cleanup_free_ char *number = name;

		return strprintf("job %s", number);
	}
	return strdup(path);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * update - the verbs update and cancel.
 *
 * An update belongs to luod, not to the luctl that asked for it: luctl follows the job and tells,
 * one line for each step, rewritten in place on a terminal. Interrupting luctl, or losing the
 * connection, changes nothing about the update. When all goes well the last thing that happens is
 * that the machine, and luctl with it, jumps.
 */
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

#define TICK_USEC (500 * USEC_PER_MSEC)

struct progress {
	struct luctl *luctl;
	sd_event *event;
	bool in_place;
	bool silent;
	bool direct; /* Jump=direct */

	char *update_id;
	char *step; /* the one that runs; NULL before the first */
	uint32_t number, count;
	uint64_t since; /* monotonic */
	char *waiting;
	json_t *steps;

	bool ended;
	char *ended_in;	       /* the step; NULL when it is not known */
	int result;	       /* enum luctl_exit */
	struct luctl_job last; /* how the job ended */
};

/* What luctl knows about luod's steps; the names are ABI. */
struct step {
	const char *name;
	const char *title;
};

static const struct step *find_step(const char *name)
{
	static const struct step other = { "", "" };
	static const struct step steps[] = {
		{ "check", "check" },
		{ "sessions", "create kernel sessions" },
		{ "memory", "preserve memory" },
		{ "network", "record the network" },
		{ "quiesce", "stop other services" },
		{ "barrier", "wait until every owner is ready" },
		{ "devices", "mark and preserve devices" },
		{ "record", "write the handover record" },
		{ "filesystems", "freeze filesystems" },
		{ "jump", "leave this kernel" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (streq(steps[i].name, strempty(name)))
			return &steps[i];
	return &other;
}

static const char *result_word(int result)
{
	switch ((enum luctl_exit)result) {
	case LUCTL_OK:
		return "done";
	case LUCTL_REFUSED:
		return "refused";
	case LUCTL_CALLED_OFF:
		return "called-off";
	case LUCTL_UNKNOWN:
		return "unknown";
	case LUCTL_FAILED:
	case LUCTL_USAGE:
	case LUCTL_UNREACHABLE:
	case LUCTL_UNAUTHORISED:
	case LUCTL_WRONG_STATE:
	case LUCTL_DIFFERS:
		return "failed";
	}
	return "failed";
}

static int replace(char **s, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*s);
	*s = copy;
	return 0;
}

/* luctl may have to speak of an update before it has heard which one it is. */
static const char *id_of(const struct progress *p)
{
	if (!isempty(p->update_id))
		return p->update_id;
	return isempty(p->last.update_id) ? "(unknown)" : p->last.update_id;
}

static void progress_clear(struct progress *p)
{
	sd_event_unref(p->event);
	free(p->update_id);
	free(p->step);
	free(p->waiting);
	free(p->ended_in);
	json_decref(p->steps);
	luctl_job_clear(&p->last);
}

/* --- what is shown ------------------------------------------------------------------------------ */

static size_t terminal_width(FILE *f)
{
	struct winsize size;

	if (ioctl(fileno(f), TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* " 3/8  memory        preserve memory"; of how many is not known of a job that ended too early. */
static void print_step(struct progress *p)
{
	_cleanup_free_ char *name = luctl_safe(p->step);

	if (p->count > 0)
		fprintf(p->luctl->out, "%2u/%u", p->number, p->count);
	else
		fprintf(p->luctl->out, "%2u  ", p->number);
	fprintf(p->luctl->out, "  %-12s %-32s", strempty(name), find_step(p->step)->title);
}

/* The line of the running step, on a terminal; cut, because a wrapped line cannot be rewritten. */
static void show_running(struct progress *p)
{
	_cleanup_free_ char *took = NULL, *waiting = luctl_safe(p->waiting);
	int room = (int)terminal_width(p->luctl->out) - 72;

	took = luctl_format_duration((now_usec(CLOCK_MONOTONIC) - p->since) / TICK_USEC *
				     TICK_USEC);
	fputs("\r\033[K", p->luctl->out);
	print_step(p);
	fprintf(p->luctl->out, "%10s", strempty(took));
	if (!isempty(waiting) && room > 0)
		fprintf(p->luctl->out, "  waits for %.*s", room, waiting);
	fflush(p->luctl->out);
}

static void show_waiting(struct progress *p)
{
	_cleanup_free_ char *waiting = luctl_safe(p->waiting);

	if (p->silent || !p->step)
		return;
	if (p->in_place)
		show_running(p);
	else if (!isempty(waiting))
		fprintf(p->luctl->out, "      %s waits for %s\n", p->step, waiting);
	fflush(p->luctl->out);
}

static json_t *json_step(const struct progress *p, const char *how, uint64_t took)
{
	json_t *object = json_object();

	luctl_json_set(&object, "name", luctl_json_text(p->step));
	luctl_json_set(&object, "number", json_integer(p->number));
	luctl_json_set(&object, "state", json_string(how));
	luctl_json_set(&object, "duration-usec", luctl_json_u64(took));
	return object;
}

/* The step that runs is over. @how: "done", "failed", … */
static void end_step(struct progress *p, const char *how)
{
	uint64_t took = now_usec(CLOCK_MONOTONIC) - p->since;
	_cleanup_free_ char *text = luctl_format_duration(took);

	if (!p->step)
		return;
	luctl_json_append(&p->steps, json_step(p, how, took));
	if (!p->silent) {
		if (p->in_place)
			fputs("\r\033[K", p->luctl->out);
		print_step(p);
		fprintf(p->luctl->out, "%10s  %s%s%s\n", strempty(text),
			luctl_color(p->luctl->out, luctl_color_of(how)), how,
			luctl_color(p->luctl->out, LUCTL_PLAIN));
		fflush(p->luctl->out);
	}
	free(p->step);
	p->step = NULL;
}

static int begin_step(struct progress *p, const struct luctl_job *job)
{
	p->number = job->step_number;
	p->count = job->step_count;
	p->since = now_usec(CLOCK_MONOTONIC);
	if (replace(&p->waiting, "") < 0)
		return -ENOMEM;
	return replace(&p->step, job->step);
}

/* --- following the job -------------------------------------------------------------------------- */

/* Not sd_event_exit(): that closes the connection, and the job is still to be asked how it ended. */
static void finish(struct progress *p, int result)
{
	p->result = result;
	p->ended = true;
}

static void out_of_memory(struct progress *p)
{
	luctl_complain(p->luctl, "out of memory");
	finish(p, LUCTL_UNKNOWN);
}

/* The exit code of a job that has ended. */
static int judge(const struct luctl_job *job)
{
	static const struct {
		const char *cause;
		int result;
	} causes[] = {
		{ "check", LUCTL_REFUSED },
		{ "veto", LUCTL_CALLED_OFF },
		{ "deadline", LUCTL_CALLED_OFF },
		{ "cancelled", LUCTL_CALLED_OFF },
	};

	if (streq(strempty(job->state), "done"))
		return LUCTL_OK;
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (streq(strempty(job->cause), causes[i].cause))
			return causes[i].result;
	return LUCTL_FAILED;
}

static int on_end(struct progress *p, const struct luctl_job *job)
{
	int result = judge(job);

	if (p->step && replace(&p->ended_in, p->step) < 0)
		return -ENOMEM;
	end_step(p, result == LUCTL_OK ? "done" : "failed");
	finish(p, result);
	return 0;
}

static int on_progress(struct progress *p, const struct luctl_job *job)
{
	_cleanup_free_ char *waiting = luctl_strv_join(job->waiting, ", ");

	if (!waiting)
		return -ENOMEM;
	/* The numbers may come in a signal after that of the name. */
	p->number = job->step_number;
	p->count = job->step_count;
	if (!streq(waiting, strempty(p->waiting))) {
		if (replace(&p->waiting, waiting) < 0)
			return -ENOMEM;
		show_waiting(p);
	} else if (p->in_place && !p->silent && p->step) {
		show_running(p);
	}
	return 0;
}

static void on_job(const struct luctl_job *job, void *userdata)
{
	struct progress *p = userdata;
	bool running = isempty(job->state) || streq(job->state, "running");
	int r = 0;

	if (job->update_id)
		r = replace(&p->update_id, job->update_id);
	/* Signals may arrive before the whole job has been read: of how many steps is not known yet. */
	if (r >= 0 && running && job->step_count == 0)
		return;
	if (r >= 0 && !isempty(job->step) && !streq(job->step, strempty(p->step))) {
		end_step(p, "done");
		r = begin_step(p, job);
	}
	if (r >= 0)
		r = running ? on_progress(p, job) : on_end(p, job);
	if (r < 0)
		out_of_memory(p);
}

static void on_lost(enum luctl_lost why, const struct luctl_error *e, void *userdata)
{
	static const char *const texts[] = {
		[LUCTL_LOST_LUOD] = "luod went away",
		[LUCTL_LOST_CONNECTION] = "the connection ended",
		[LUCTL_LOST_OBJECT] = "the job cannot be read",
	};
	struct progress *p = userdata;
	_cleanup_free_ char *step = p->step ? strdup(p->step) : NULL;
	/* A direct jump leaves nobody behind on this host who could tell of it: it was none. */
	bool proved = !p->direct || p->luctl->options.host;
	bool jumps = proved && step && streq(step, "jump");

	end_step(p, jumps ? "done" : "unknown");
	if (jumps) {
		luctl_remark(p->luctl,
			     "%s: the machine changes kernels. 'luctl timeline' tells afterwards.",
			     texts[why]);
		return finish(p, LUCTL_OK);
	}
	luctl_complain(
		p->luctl,
		"Lost sight of update %s%s%s: %s%s%s. 'luctl status' and 'luctl timeline' tell what became of it.",
		id_of(p), step ? " in step " : "", strempty(step), texts[why], e ? ": " : "",
		e ? strempty(e->text) : "");
	finish(p, LUCTL_UNKNOWN);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct progress *p = userdata;

	if (p->step)
		show_running(p);
	sd_event_source_set_time_relative(source, TICK_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct progress *p = userdata;

	end_step(p, "running");
	luctl_complain(
		p->luctl,
		"Update %s takes longer than --timeout and goes on. 'luctl cancel' calls it off.",
		id_of(p));
	finish(p, LUCTL_UNKNOWN);
	return 0;
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *info,
			void *userdata)
{
	struct progress *p = userdata;

	end_step(p, "running");
	luctl_complain(p->luctl, "Update %s goes on. 'luctl cancel' calls it off.", id_of(p));
	finish(p, LUCTL_UNKNOWN);
	return 0;
}

static int add_sources(struct progress *p)
{
	uint64_t timeout = p->luctl->options.timeout_usec;
	int r;

	r = sd_event_add_signal(p->event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, on_interrupt, p);
	if (r >= 0)
		r = sd_event_add_signal(p->event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK,
					on_interrupt, p);
	if (r >= 0 && p->in_place && !p->silent)
		r = sd_event_add_time_relative(p->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0,
					       on_tick, p);
	if (r >= 0 && timeout != USEC_INFINITY)
		r = sd_event_add_time_relative(p->event, NULL, CLOCK_MONOTONIC, timeout, 0,
					       on_timeout, p);
	return r;
}

static int follow(struct progress *p, const char *path)
{
	const struct luctl_follower follower = { .job = on_job, .lost = on_lost, .userdata = p };
	int r;

	r = add_sources(p);
	if (r < 0)
		return luctl_error_set(&p->luctl->error, r, NULL, NULL, NULL);
	r = luctl_bus_follow_job(p->luctl->bus, p->event, path, &follower, &p->luctl->error);
	if (r < 0)
		return r;
	while (r >= 0 && !p->ended)
		r = sd_event_run(p->event, UINT64_MAX);
	return r < 0 ? luctl_error_set(&p->luctl->error, r, NULL, NULL, NULL) : 0;
}

/* --- the end ------------------------------------------------------------------------------------ */

/* The whole of a job that failed: luod may have announced only parts of it. */
static void read_end(struct progress *p, const char *path)
{
	_cleanup_(luctl_manager_clear) struct luctl_manager manager = {};
	struct luctl_error ignored = {};

	if (p->result == LUCTL_OK || p->result == LUCTL_UNKNOWN)
		goto out;
	if (path)
		luctl_bus_get_job(p->luctl->bus, path, &p->last, &ignored);
	if (p->result != LUCTL_REFUSED || p->last.findings.count)
		goto out;
	if (luctl_bus_get_manager(p->luctl->bus, &manager, &ignored) >= 0) {
		p->last.findings = manager.findings;
		manager.findings = (struct luctl_findings){};
	}
out:
	luctl_error_clear(&ignored);
}

static void tell_end(struct progress *p)
{
	const char *error = strempty(p->last.error), *id = id_of(p);

	switch ((enum luctl_exit)p->result) {
	case LUCTL_OK:
		if (!p->silent)
			fputs("The machine changes kernels now.\n", p->luctl->out);
		return;
	case LUCTL_REFUSED:
		/* On paper, findings belong behind the steps. */
		if (!p->luctl->options.json)
			luctl_print_findings(p->luctl, &p->last.findings);
		fflush(p->luctl->out);
		luctl_complain(
			p->luctl,
			"The update was refused%s%.*s. No guest was touched; --force insists.",
			*error ? ": " : "", luctl_trimmed(error), error);
		return;
	case LUCTL_CALLED_OFF:
		luctl_complain(p->luctl, "Update %s was called off%s%.*s. Every guest goes on.", id,
			       *error ? ": " : "", luctl_trimmed(error), error);
		return;
	case LUCTL_UNKNOWN:
		return;
	case LUCTL_FAILED:
	case LUCTL_USAGE:
	case LUCTL_UNREACHABLE:
	case LUCTL_UNAUTHORISED:
	case LUCTL_WRONG_STATE:
	case LUCTL_DIFFERS:
		luctl_complain(p->luctl, "Update %s failed%s%.*s. Every guest goes on.", id,
			       *error ? ": " : "", luctl_trimmed(error), error);
		return;
	}
}

static int print_json(struct progress *p)
{
	json_t *document = luctl_json_job(&p->last);

	luctl_json_set(&document, "result", json_string(result_word(p->result)));
	luctl_json_set(&document, "steps", TAKE_PTR(p->steps));
	return luctl_print_json(p->luctl, document, false);
}

static void announce(struct progress *p, const struct luctl_manager *manager)
{
	_cleanup_free_ char *from = luctl_safe(manager->kernel_release);
	_cleanup_free_ char *to = luctl_safe(manager->target.release);
	const char *jump = p->luctl->options.jump ?: strempty(manager->jump);

	p->direct = streq(jump, "direct");
	if (p->silent)
		return;
	fprintf(p->luctl->out, "Update from %s to %s, jump %s\n", strempty(from), strempty(to),
		jump);
	fflush(p->luctl->out);
}

static int start(struct progress *p, char **ret_path)
{
	_cleanup_(luctl_manager_clear) struct luctl_manager manager = {};
	struct luctl *luctl = p->luctl;
	int r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_get_manager(luctl->bus, &manager, &luctl->error);
	if (r >= 0)
		r = luctl_bus_update(luctl->bus, luctl->options.jump, luctl->options.reason,
				     luctl->options.force, ret_path, &luctl->error);
	if (r >= 0)
		announce(p, &manager);
	return r;
}

/* luod refused at once, without a job. */
static int refused(struct progress *p)
{
	p->result = LUCTL_REFUSED;
	read_end(p, NULL);
	tell_end(p);
	return (p->luctl->options.json ? print_json(p) : LUCTL_OK) ?: LUCTL_REFUSED;
}

static int started(struct progress *p, const char *path)
{
	struct luctl *luctl = p->luctl;

	if (luctl_bus_get_job(luctl->bus, path, &p->last, &luctl->error) < 0)
		return luctl_fail(luctl, "The update was started, but its job cannot be read");
	if (luctl->options.json)
		return luctl_print_json(luctl, luctl_json_job(&p->last), false);
	if (!p->silent)
		fprintf(luctl->out, "Update %s has been started.\n", strempty(p->last.update_id));
	return LUCTL_OK;
}

/* What luctl saw itself, for a document about a job that can no longer be asked, or forgets. */
static int fill_in(struct progress *p)
{
	int r = 0;

	if (isempty(p->last.update_id) && p->update_id)
		r = replace(&p->last.update_id, p->update_id);
	if (r >= 0 && isempty(p->last.step) && p->ended_in) {
		r = replace(&p->last.step, p->ended_in);
		p->last.step_number = p->number;
	}
	return r;
}

int luctl_verb_update(struct luctl *luctl, char **argv)
{
	_cleanup_(progress_clear) struct progress p = {
		.luctl = luctl,
		.in_place = luctl_is_terminal(luctl->out),
		.silent = luctl->options.quiet || luctl->options.json,
		.steps = json_array(),
		.result = LUCTL_UNKNOWN,
	};
	_cleanup_free_ char *path = NULL;
	int r;

	r = start(&p, &path);
	if (r < 0 && luctl->error.exit_code == LUCTL_REFUSED)
		return refused(&p);
	if (r < 0)
		return luctl_fail(luctl, "Cannot start the update");
	if (luctl->options.no_wait)
		return started(&p, path);
	if (sd_event_new(&p.event) < 0 || follow(&p, path) < 0) {
		luctl_fail(luctl, "The update was started, but cannot be followed");
		return LUCTL_UNKNOWN;
	}
	read_end(&p, path);
	tell_end(&p);
	if (luctl->options.json)
		return (fill_in(&p) < 0 ? LUCTL_FAILED : print_json(&p)) ?: p.result;
	return p.result;
}

int luctl_verb_cancel(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_manager_clear) struct luctl_manager manager = {};
	int r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_cancel(luctl->bus, luctl->options.reason, &luctl->error);
	if (r >= 0)
		r = luctl_bus_get_manager(luctl->bus, &manager, &luctl->error);
	if (r < 0)
		return luctl_fail(luctl, "Cannot cancel");
	if (luctl->options.json)
		return luctl_print_json(
			luctl, luctl_json_single("state", luctl_json_text(manager.state)), false);
	if (!luctl->options.quiet)
		fprintf(luctl->out, "The update %s.\n",
			streq(strempty(manager.state), "aborting") ? "is being called off"
								   : "has been called off");
	return LUCTL_OK;
}

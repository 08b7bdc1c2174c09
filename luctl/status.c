/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status - the verbs status and version: what luod is and what it does, in one screen. */
#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

/* So many sessions fit on a screen. */
#define AWAITED_MAX 16

/* Everything that status tells. */
struct report {
	struct luctl_manager manager;
	struct luctl_sessions sessions;
	struct luctl_timeline timeline;
	bool has_timeline;
	struct luctl_job job;
	bool has_job;
};

static void report_clear(struct report *report)
{
	luctl_manager_clear(&report->manager);
	luctl_sessions_clear(&report->sessions);
	luctl_timeline_clear(&report->timeline);
	luctl_job_clear(&report->job);
}

/* What a state means, for people who see it for the first time. */
static const char *explain_state(const char *state)
{
	static const struct {
		const char *state;
		const char *meaning;
	} states[] = {
		{ "idle", "no kernel is loaded" },
		{ "loaded", "the next kernel is loaded, nothing has been started" },
		{ "preparing", "an update is under way, guests are running" },
		{ "frozen", "guests are paused, the jump is about to happen" },
		{ "aborting", "the update is being called off" },
		{ "restoring", "the new kernel runs, owners come back to their sessions" },
		{ "finishing", "every owner is back, the last ones finish" },
		{ "degraded", "something did not come through the update" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (streq(states[i].state, strempty(state)))
			return states[i].meaning;
	return "";
}

/* One "   Label: text" line; text that is empty makes no line. */
static void print_line(struct luctl *luctl, const char *label, const char *text)
{
	_cleanup_free_ char *safe = luctl_safe(text);

	if (!isempty(safe))
		fprintf(luctl->out, "%12s: %s\n", label, safe);
}

static void print_state(struct luctl *luctl, const struct luctl_manager *manager)
{
	const char *color = luctl_color(luctl->out, luctl_color_of(manager->state));
	const char *plain = luctl_color(luctl->out, LUCTL_PLAIN);
	_cleanup_free_ char *version = luctl_safe(manager->version);
	_cleanup_free_ char *release = luctl_safe(manager->kernel_release);
	_cleanup_free_ char *state = luctl_safe(manager->state);
	const char *meaning = explain_state(manager->state);

	fprintf(luctl->out, "%s%s%s luod %s on kernel %s\n", color, luctl_is_utf8() ? "●" : "*",
		plain, strempty(version), strempty(release));
	fprintf(luctl->out, "%12s: %s%s%s%s%s%s\n", "State", color, strempty(state), plain,
		*meaning ? " (" : "", meaning, *meaning ? ")" : "");
}

static void print_target(struct luctl *luctl, const struct luctl_target *target)
{
	_cleanup_free_ char *size = luctl_format_bytes(target->size), *line = NULL;

	if (!target->loaded) {
		print_line(luctl, "Target", "none ('luctl load KERNEL' loads one)");
		return;
	}
	line = strprintf("%s%s%s%s, %s%s", strempty(target->release),
			 isempty(target->kernel) ? "" : " (", strempty(target->kernel),
			 isempty(target->kernel) ? "" : ")", strempty(size),
			 target->liveupdate ? "" : ", WITHOUT live-update support");
	print_line(luctl, "Target", line);
	print_line(luctl, "Initrd", target->initrd);
	print_line(luctl, "Command line", target->command_line);
}

static void print_sessions(struct luctl *luctl, const struct luctl_sessions *sessions)
{
	_cleanup_free_ char *line = strprintf("%zu", sessions->count);
	const char *separator = " (";

	/* One "N state" for each state, in the order in which the states first appear. */
	for (size_t i = 0; line && i < sessions->count; i++) {
		const char *state = strempty(sessions->items[i].state);
		bool seen = false;
		char *longer;

		for (size_t j = 0; j < i && !seen; j++)
			seen = streq(strempty(sessions->items[j].state), state);
		if (seen)
			continue;
		longer = strprintf("%s%s%zu %s", line, separator,
				   luctl_sessions_count(sessions, state), state);
		free(line);
		line = longer;
		separator = ", ";
	}
	if (line && sessions->count) {
		char *longer = strprintf("%s)", line);

		free(line);
		line = longer;
	}
	print_line(luctl, "Sessions", line);
}

/* Whom an update that has jumped waits for: before the owner's Done all of it is the kernel's still. */
static bool is_awaited(const struct luctl_session *s)
{
	static const char *const states[] = { "unclaimed", "claimed", "resumed" };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (streq(strempty(s->state), states[i]))
			return true;
	return false;
}

/* "0/vm1: claimed; 'nic' at 0000:00:03.0 may be parked". Caller frees. */
static char *describe_awaited(const struct luctl_session *s)
{
	const struct luctl_covers *covers = &s->covers;
	char *text = strprintf("%u/%s: %s", s->uid, strempty(s->name), strempty(s->state));

	for (size_t i = 0; text && i < covers->count; i++) {
		const struct luctl_cover *c = &covers->items[i];
		char *longer = strprintf("%s%s '%s' at %s%s", text, i ? "," : "; device",
					 strempty(c->label), strempty(c->address),
					 i + 1 < covers->count ? "" : " may still be parked");

		free(text);
		text = longer;
	}
	return text;
}

static void print_awaited(struct luctl *luctl, const struct report *report)
{
	const char *state = strempty(report->manager.state);
	size_t n = 0;

	if (!streq(state, "restoring") && !streq(state, "finishing"))
		return;
	for (size_t i = 0; i < report->sessions.count; i++) {
		const struct luctl_session *s = &report->sessions.items[i];
		_cleanup_free_ char *line = NULL;

		if (!is_awaited(s) || n++ >= AWAITED_MAX)
			continue;
		line = describe_awaited(s);
		print_line(luctl, "Waits for", line);
	}
	if (n > AWAITED_MAX) {
		_cleanup_free_ char *more =
			strprintf("%zu more ('luctl sessions' has them)", n - AWAITED_MAX);

		print_line(luctl, "Waits for", more);
	}
}

static void print_features(struct luctl *luctl, const struct luctl_features *features)
{
	_cleanup_free_ char *missing = strdup("");
	size_t n = 0;

	for (size_t i = 0; missing && i < features->count; i++) {
		char *longer;

		if (features->items[i].present)
			continue;
		longer = strprintf("%s%s%s", missing, n++ ? ", " : "", features->items[i].name);
		free(missing);
		missing = longer;
	}
	print_line(luctl, "Missing", missing);
}

static void print_findings_summary(struct luctl *luctl, const struct luctl_findings *findings)
{
	size_t errors = luctl_findings_count(findings, "error");
	size_t warnings = luctl_findings_count(findings, "warning");
	_cleanup_free_ char *line = NULL;

	if (!errors && !warnings)
		return;
	line = strprintf("%zu error%s, %zu warning%s at the last check ('luctl check' has them)",
			 errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
	print_line(luctl, "Findings", line);
}

static void print_job(struct luctl *luctl, const struct luctl_job *job)
{
	_cleanup_free_ char *waiting = luctl_strv_join(job->waiting, ", "), *line = NULL;

	line = strprintf("%s %s: step %u/%u %s%s%s", strempty(job->update_id), strempty(job->state),
			 job->step_number, job->step_count, strempty(job->step),
			 isempty(waiting) ? "" : ", waits for ", strempty(waiting));
	print_line(luctl, "Update", line);
}

static void print_last_update(struct luctl *luctl, const struct luctl_timeline *timeline)
{
	const char *result = isempty(timeline->result) ? "no result yet" : timeline->result;
	_cleanup_free_ char *line = NULL, *blackout = NULL;

	if (timeline->blackout != USEC_INFINITY)
		blackout = luctl_format_duration(timeline->blackout);
	if (isempty(timeline->update_id)) /* what it was is in the record */
		line = strprintf("%s; its handover record was lost", result);
	else
		line = strprintf("%s from %s to %s: %s%s%s", timeline->update_id,
				 strempty(timeline->from), strempty(timeline->to), result,
				 blackout ? ", blackout " : "", strempty(blackout));
	print_line(luctl, "Last update", line);
	print_line(luctl, "Why", timeline->error);
}

static int get_report(struct luctl *luctl, struct report *report)
{
	struct luctl_error *e = &luctl->error;
	size_t n_jobs;
	int r;

	r = luctl_connect(luctl);
	if (r >= 0)
		r = luctl_bus_get_manager(luctl->bus, &report->manager, e);
	if (r >= 0)
		r = luctl_bus_get_sessions(luctl->bus, &report->sessions, e);
	if (r < 0)
		return r;
	r = luctl_bus_get_timeline(luctl->bus, "", &report->timeline, e);
	if (r < 0 && !luctl_error_is(e, "NoSuchUpdate"))
		return r;
	report->has_timeline = r >= 0;
	/* The newest job; it may end between the two calls, and then there is nothing to show. */
	n_jobs = luctl_strv_length(report->manager.jobs);
	if (n_jobs)
		report->has_job = luctl_bus_get_job(luctl->bus, report->manager.jobs[n_jobs - 1],
						    &report->job, e) >= 0;
	return 0;
}

static int print_report_json(struct luctl *luctl, const struct report *report)
{
	json_t *document = luctl_json_manager(&report->manager);

	luctl_json_set(&document, "job",
		       report->has_job ? luctl_json_job(&report->job) : json_null());
	luctl_json_set(&document, "last-update",
		       luctl_json_update(report->has_timeline ? &report->timeline : NULL));
	return luctl_print_json(luctl, document, false);
}

int luctl_verb_status(struct luctl *luctl, char **argv)
{
	_cleanup_(report_clear) struct report report = {};

	if (get_report(luctl, &report) < 0)
		return luctl_fail(luctl, "Cannot tell the status");
	if (luctl->options.json)
		return print_report_json(luctl, &report);
	print_state(luctl, &report.manager);
	print_target(luctl, &report.manager.target);
	print_line(luctl, "Jump", report.manager.jump);
	print_sessions(luctl, &report.sessions);
	print_awaited(luctl, &report);
	print_features(luctl, &report.manager.features);
	print_findings_summary(luctl, &report.manager.findings);
	if (report.has_job)
		print_job(luctl, &report.job);
	if (report.has_timeline)
		print_last_update(luctl, &report.timeline);
	return LUCTL_OK;
}

static int print_version_json(struct luctl *luctl, const char *luod)
{
	json_t *document = json_object();

	luctl_json_set(&document, "luctl", json_string(LUOD_VERSION));
	luctl_json_set(&document, "luod", luod ? json_string(luod) : json_null());
	return luctl_print_json(luctl, document, false);
}

int luctl_verb_version(struct luctl *luctl, char **argv)
{
	_cleanup_(luctl_manager_clear) struct luctl_manager manager = {};
	/* `luctl --version` says its own and asks nobody; a daemon that is not there is no error. */
	bool ask = !luctl->options.quiet;
	_cleanup_free_ char *version = NULL;

	if (ask && luctl_connect(luctl) >= 0)
		luctl_bus_get_manager(luctl->bus, &manager, &luctl->error);
	if (luctl->options.json)
		return print_version_json(luctl, manager.version);
	fprintf(luctl->out, "luctl %s\n", LUOD_VERSION);
	version = luctl_safe(manager.version);
	if (!isempty(version))
		fprintf(luctl->out, "luod %s\n", version);
	else if (ask)
		luctl_remark(luctl, "%s", luctl->error.text ?: "luod cannot be asked.");
	return LUCTL_OK;
}

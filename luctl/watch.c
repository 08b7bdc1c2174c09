/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch - the verb of that name: what luod announces, one line each, until interrupted.
 *
 * The first connection must work; from then on a luod that goes away is waited for. Events carry
 * the names of org.luod1(5), because they are that interface seen through a pipe.
 */
#include <signal.h>
#include <time.h>

#include "luctl/json.h"
#include "luctl/luctl.h"
#include "luctl/output.h"

#define RETRY_USEC USEC_PER_SEC

struct watcher {
	struct luctl *luctl;
	sd_event *event;
	sd_event_source *retry;
	struct luctl_follower follower;
};

/* --- lines ---------------------------------------------------------------------------------------- */

/* A value as one would say it: text as it is, lists with commas, the rest as JSON. Caller frees. */
static char *value_text(json_t *value)
{
	char *text;
	size_t i;
	json_t *item;

	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (!json_is_array(value))
		return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	text = strdup("");
	json_array_foreach(value, i, item) {
		_cleanup_free_ char *one =
			json_is_string(item) ? strdup(json_string_value(item))
					     : json_dumps(item, JSON_COMPACT | JSON_ENCODE_ANY);
		char *longer = text ? strprintf("%s%s%s", text, i ? ", " : "", strempty(one))
				    : NULL;

		free(text);
		text = longer;
	}
	return text;
}

/* Properties that say nothing to people that another one does not say better. */
static bool is_noise(const struct luctl_signal *signal)
{
	static const char *const noise[] = { "StepNumber", "StepCount", "Jobs" };

	for (size_t i = 0; i < ARRAY_SIZE(noise); i++)
		if (signal->kind == LUCTL_SIGNAL_PROPERTY && streq(signal->member, noise[i]))
			return true;
	return false;
}

/* What happened, as a sentence about the object. Caller frees. */
static char *describe(const struct luctl_signal *signal)
{
	_cleanup_free_ char *value = signal->value ? value_text(signal->value) : NULL;

	switch (signal->kind) {
	case LUCTL_SIGNAL_PROPERTY:
		return strprintf("%s is %s", signal->member, isempty(value) ? "empty" : value);
	case LUCTL_SIGNAL_ADDED:
		return strdup("appeared");
	case LUCTL_SIGNAL_REMOVED:
		return strdup("is gone");
	case LUCTL_SIGNAL_OTHER:
		return strprintf("%s%s%s", signal->member, isempty(value) ? "" : " ",
				 strempty(value));
	case LUCTL_SIGNAL_ARRIVED:
		return strdup("arrived");
	}
	return NULL;
}

static void print_text(struct luctl *luctl, const char *object, const char *text)
{
	uint64_t now = now_usec(CLOCK_REALTIME);
	_cleanup_free_ char *time = luctl_format_time(now), *safe_text = luctl_safe(text);
	_cleanup_free_ char *safe_object = luctl_safe(object);

	fprintf(luctl->out, "%s.%03u %-16s %s\n", strempty(time),
		(unsigned int)(now / USEC_PER_MSEC % 1000), strempty(safe_object),
		strempty(safe_text));
	fflush(luctl->out);
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static void print_line(struct luctl *luctl, const char *event, const struct luctl_signal *signal)
{
	_cleanup_free_ char *name = luctl_bus_object_name(signal->path);

	json_t *line = json_object();

	luctl_json_set(&line, "time-usec", luctl_json_u64(now_usec(CLOCK_REALTIME)));
	luctl_json_set(&line, "event", json_string(event));
	luctl_json_set(&line, "object", luctl_json_text(name));
	luctl_json_set(&line, "path", luctl_json_text(signal->path));
	luctl_json_set(&line, "interface", text_or_null(signal->interface));
	luctl_json_set(&line, "member", text_or_null(signal->member));
	luctl_json_set(&line, "value", signal->value ? json_incref(signal->value) : json_null());
	luctl_print_json(luctl, line, true);
}

static void on_signal(const struct luctl_signal *signal, void *userdata);

/* Something that is not a signal of luod's, said in the same form: the connection's ups and downs. */
static void say(struct watcher *w, const char *event, const char *text, json_t *value)
{
	const struct luctl_signal signal = { .path = "/org/luod1", .value = value };

	if (w->luctl->options.json)
		print_line(w->luctl, event, &signal);
	else
		print_text(w->luctl, "luod", text);
}

/* What state luod is in at the moment: where what follows begins. */
static void say_state(struct watcher *w)
{
	_cleanup_(luctl_manager_clear) struct luctl_manager manager = {};
	_cleanup_free_ char *text = NULL;
	json_t *value;

	if (luctl_bus_get_manager(w->luctl->bus, &manager, &w->luctl->error) < 0)
		return;
	text = strprintf("is here, State is %s", strempty(manager.state));
	value = json_object();
	luctl_json_set(&value, "state", luctl_json_text(manager.state));
	luctl_json_set(&value, "version", luctl_json_text(manager.version));
	luctl_json_set(&value, "kernel-release", luctl_json_text(manager.kernel_release));
	say(w, "connected", text, value);
	json_decref(value);
}

static void on_signal(const struct luctl_signal *signal, void *userdata)
{
	static const char *const events[] = {
		[LUCTL_SIGNAL_PROPERTY] = "property",
		[LUCTL_SIGNAL_ADDED] = "added",
		[LUCTL_SIGNAL_REMOVED] = "removed",
		[LUCTL_SIGNAL_OTHER] = "signal",
	};
	_cleanup_free_ char *name = NULL, *text = NULL;
	struct watcher *w = userdata;

	if (signal->kind == LUCTL_SIGNAL_ARRIVED)
		return say_state(w);
	if (w->luctl->options.json)
		return print_line(w->luctl, events[signal->kind], signal);
	if (is_noise(signal))
		return;
	name = luctl_bus_object_name(signal->path);
	text = describe(signal);
	print_text(w->luctl, name, text);
}

/* --- the connection ------------------------------------------------------------------------------- */

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

static int retry_later(struct watcher *w)
{
	int r;

	if (!w->retry)
		return sd_event_add_time_relative(w->event, &w->retry, CLOCK_MONOTONIC, RETRY_USEC,
						  0, on_retry, w);
	r = sd_event_source_set_time_relative(w->retry, RETRY_USEC);
	return r < 0 ? r : sd_event_source_set_enabled(w->retry, SD_EVENT_ONESHOT);
}

/* A connection that is gone cannot be freed from its own callback: the timer does that. */
static void on_lost(enum luctl_lost why, const struct luctl_error *e, void *userdata)
{
	struct watcher *w = userdata;

	say(w, "disconnected", "is gone", NULL);
	if (why == LUCTL_LOST_CONNECTION && retry_later(w) < 0)
		sd_event_exit(w->event, LUCTL_FAILED);
}

static int connect_and_follow(struct watcher *w)
{
	int r;

	r = luctl_connect(w->luctl);
	if (r >= 0)
		r = luctl_bus_follow_all(w->luctl->bus, w->event, &w->follower, &w->luctl->error);
	if (r >= 0)
		say_state(w);
	return r;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watcher *w = userdata;

	luctl_bus_free(w->luctl->bus);
	w->luctl->bus = NULL;
	return connect_and_follow(w) < 0 ? retry_later(w) : 0;
}

static int on_interrupt(sd_event_source *source, const struct signalfd_siginfo *info,
			void *userdata)
{
	struct watcher *w = userdata;

	return sd_event_exit(w->event, LUCTL_OK);
}

static void watcher_clear(struct watcher *w)
{
	sd_event_source_disable_unref(w->retry);
	/* The connection's sources hold the event and must go first. */
	luctl_bus_free(w->luctl->bus);
	w->luctl->bus = NULL;
	sd_event_unref(w->event);
}

static int prepare(struct watcher *w)
{
	int r;

	r = sd_event_new(&w->event);
	if (r >= 0)
		r = sd_event_add_signal(w->event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK,
					on_interrupt, w);
	if (r >= 0)
		r = sd_event_add_signal(w->event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK,
					on_interrupt, w);
	return r < 0 ? luctl_error_set(&w->luctl->error, r, NULL, NULL, NULL) : 0;
}

int luctl_verb_watch(struct luctl *luctl, char **argv)
{
	_cleanup_(watcher_clear) struct watcher w = { .luctl = luctl };
	int r;

	w.follower =
		(struct luctl_follower){ .signal = on_signal, .lost = on_lost, .userdata = &w };
	if (prepare(&w) < 0 || connect_and_follow(&w) < 0)
		return luctl_fail(luctl, "Cannot watch luod");
	r = sd_event_loop(w.event);
	return r < 0 ? LUCTL_FAILED : r;
}

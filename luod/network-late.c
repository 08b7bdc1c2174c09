/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-late - see network-late.h. */
#include "network-late.h"

#include <sys/inotify.h>

#include "history.h"
#include "log.h"
#include "net-machine.h"
#include "net-watch.h"
#include "network.h"
#include "network-last.h"
#include "network-note.h"
#include "network-tap.h"

/* What waits for a carrier; a switch with spanning tree takes half a minute. */
#define RATES_USEC  (500 * USEC_PER_MSEC)
#define RATES_TRIES 120

/* Events come in crowds, and not each brings what is waited for. */
#define PAUSE_MIN_USEC (20 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC (2 * USEC_PER_SEC)

/* What has not come by then is not on its way. */
#define WAIT_USEC (10 * 60 * USEC_PER_SEC)

#define NODE_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)

struct network_late {
	struct manager *manager;
	struct net_watch *watch;
	sd_event_source *links, *node, *again, *end;
	char **waiting; /* net_object() of each */
	uint64_t pause_usec;
	uint64_t began_usec;
};

/* --- rates ------------------------------------------------------------------------------------ */

static void try_rates(struct manager *m);

static int on_rates(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct manager *m = userdata;
	_cleanup_free_ char *why = NULL, *id = NULL;
	struct net_record record;
	size_t left = 0;
	int r = network_last_read(m, &record, &id);

	m->network_timer = sd_event_source_disable_unref(m->network_timer);
	if (r >= 0) {
		r = net_replay_rates(&record, &m->host, NULL, &left, &why);
		net_record_clear(&record);
	}
	if (r >= 0 && !left)
		log_notice("Network: what could not be set at first is set, too");
	else if (++m->network_tries < RATES_TRIES)
		try_rates(m);
	else
		log_warning("Network: not restored is what could not be set at first: %s",
			    why ? why : strerror(-r));
	return 0;
}

static void try_rates(struct manager *m)
{
	if (m->network_timer)
		return;
	if (sd_event_add_time_relative(m->event, &m->network_timer, CLOCK_MONOTONIC, RATES_USEC, 0,
				       on_rates, m) < 0)
		log_oom();
}

/* --- what waits ------------------------------------------------------------------------------- */

void network_late_free(struct network_late *late)
{
	if (!late)
		return;
	sd_event_source_disable_unref(late->links);
	sd_event_source_disable_unref(late->node);
	sd_event_source_disable_unref(late->again);
	sd_event_source_disable_unref(late->end);
	net_watch_free(late->watch);
	strv_free(late->waiting);
	free(late);
}

void network_late_end(struct manager *m)
{
	network_late_free(m->network_late);
	m->network_late = NULL;
	network_waiting_drop(m->paths.run);
}

/* All that failed, if any of it may come yet: what hangs on that may have failed for another reason. */
static int find_waiting(const struct net_report *report, char ***ret)
{
	_cleanup_(strv_freep) char **waiting = calloc(report->n + 1, sizeof(*waiting));
	bool absent = false;
	size_t n = 0;

	if (!waiting)
		return -ENOMEM;
	for (size_t i = 0; i < report->n; i++) {
		const struct net_result *one = &report->results[i];

		if (one->outcome != NET_FAILED)
			continue;
		absent |= one->absent;
		waiting[n] = net_object(one->namespace, one->object);
		if (!waiting[n++])
			return -ENOMEM;
	}
	if (!absent)
		return -ENOENT;
	*ret = TAKE_PTR(waiting);
	return 0;
}

static size_t count(char *const *strings)
{
	size_t n = 0;

	while (strings[n])
		n++;
	return n;
}

static void say_restored(const struct network_late *late, const struct net_report *report)
{
	uint64_t usec = now_usec(CLOCK_MONOTONIC) - late->began_usec;

	for (size_t i = 0; i < report->n; i++) {
		const struct net_result *one = &report->results[i];

		if (one->outcome == NET_FAILED)
			continue;
		network_say(one);
		log_notice("Network: '%s'%s%s is restored, %llu.%03llu s after the others",
			   one->object, *one->namespace ? " in namespace " : "", one->namespace,
			   (unsigned long long)(usec / USEC_PER_SEC),
			   (unsigned long long)(usec % USEC_PER_SEC / USEC_PER_MSEC));
	}
}

/* After its end an update has no timeline any more. */
static void mark_restored(struct manager *m, const char *id)
{
	if (update_active(m))
		timeline_mark_once(&m->update.timeline, MARK_NETWORK_RESTORED);
	else
		history_add_mark(m, id, MARK_NETWORK_RESTORED);
	log_notice("Network: what was not there at first is restored, too");
}

/* Goes on with what still waits, or comes to an end. True: something has been restored. */
static bool settle(struct network_late *late, const char *id, const struct net_report *report)
{
	struct manager *m = late->manager;
	_cleanup_(strv_freep) char **waiting = NULL;
	size_t failed = net_report_count(report, NET_FAILED);
	bool progress = failed < count(late->waiting);
	int r = find_waiting(report, &waiting);

	if (net_report_count(report, NET_LATER))
		try_rates(m);
	if (r < 0) {
		if (!failed)
			mark_restored(m, id);
		network_late_end(m);
		return progress;
	}
	if (progress)
		network_waiting_write(m->paths.run, waiting);
	strv_free(late->waiting);
	late->waiting = TAKE_PTR(waiting);
	return progress;
}

static void schedule(struct network_late *late);

static void try_again(struct network_late *late, const char *id, const struct net_record *record)
{
	struct manager *m = late->manager;
	_cleanup_free_ char *error = NULL;
	struct net_report report;
	bool progress;

	if (network_replay(late->manager, record, late->waiting, &report, &error) < 0) {
		log_warning("Network: what is not there yet cannot be looked after: %s, ignoring",
			    strempty(error));
		return;
	}
	say_restored(late, &report);
	network_tap_review(m, record, &report);
	progress = settle(late, id, &report);
	net_report_clear(&report);
	if (!m->network_late)
		return;
	late->pause_usec = progress			       ? PAUSE_MIN_USEC
			   : late->pause_usec < PAUSE_MAX_USEC ? 2 * late->pause_usec
							       : PAUSE_MAX_USEC;
}

static int on_again(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct network_late *late = userdata;
	_cleanup_free_ char *id = NULL;
	struct net_record record;

	late->again = sd_event_source_disable_unref(late->again);
	if (network_last_read(late->manager, &record, &id) < 0) {
		network_late_end(late->manager);
		return 0;
	}
	try_again(late, id, &record);
	net_record_clear(&record);
	return 0;
}

static void schedule(struct network_late *late)
{
	if (!late->again &&
	    sd_event_add_time_relative(late->manager->event, &late->again, CLOCK_MONOTONIC,
				       late->pause_usec, 1, on_again, late) < 0)
		log_oom();
}

/* --- events ----------------------------------------------------------------------------------- */

static int on_links(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
		    void *userdata)
{
	struct network_late *late = userdata;

	if (net_watch_read(late->watch))
		schedule(late);
	return 0;
}

static int on_node(sd_event_source *source, const struct inotify_event *event, void *userdata);

/* The host's: luod's own /dev has nothing of that. */
static int watch_folder(struct network_late *late, const char *folder)
{
	_cleanup_free_ char *path =
		strprintf("%s%s", strempty(late->manager->paths.host_root), folder);

	return path ? sd_event_add_inotify(late->manager->event, &late->node, path, NODE_EVENTS,
					   on_node, late)
		    : -ENOMEM;
}

/* The folder, or, as long as that is not there, the one above it. */
static int watch_node(struct network_late *late)
{
	int r;

	late->node = sd_event_source_disable_unref(late->node);
	r = watch_folder(late, "/dev/net");
	return r == -ENOENT ? watch_folder(late, "/dev") : r;
}

static int on_node(sd_event_source *source _unused_, const struct inotify_event *event,
		   void *userdata)
{
	struct network_late *late = userdata;
	const char *name = event->len ? event->name : "";

	if (streq(name, "net"))
		watch_node(late);
	if (streq(name, "net") || streq(name, "tun"))
		schedule(late);
	return 0;
}

static int on_end(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct network_late *late = userdata;

	for (size_t i = 0; late->waiting[i]; i++)
		log_warning("Network: '%s' has not come, and is not waited for any longer; "
			    "'luctl net replay' restores it when it is there",
			    late->waiting[i]);
	network_late_end(late->manager);
	return 0;
}

static int hear(struct network_late *late)
{
	sd_event *e = late->manager->event;
	int r;

	if ((r = net_watch_new(&late->watch)) < 0 ||
	    (r = sd_event_add_io(e, &late->links, net_watch_fd(late->watch), EPOLLIN, on_links,
				 late)) < 0)
		return r;
	r = sd_event_add_time_relative(e, &late->end, CLOCK_MONOTONIC, WAIT_USEC, USEC_PER_SEC,
				       on_end, late);
	return r < 0 ? r : watch_node(late);
}

/* Takes @waiting. What has come before luod listened is found at once. */
static int begin(struct manager *m, char **waiting)
{
	struct network_late *late = calloc(1, sizeof(*late));
	int r;

	if (!late) {
		strv_free(waiting);
		return -ENOMEM;
	}
	*late = (struct network_late){ .manager = m,
				       .waiting = waiting,
				       .pause_usec = PAUSE_MIN_USEC,
				       .began_usec = now_usec(CLOCK_MONOTONIC) };
	r = hear(late);
	if (r < 0) {
		network_late_free(late);
		return r;
	}
	m->network_late = late;
	schedule(late);
	return 0;
}

static void begin_or_say(struct manager *m, char **waiting)
{
	size_t n = count(waiting);
	int r = begin(m, waiting);

	if (r < 0)
		log_error_errno(r, "Network: what comes later is not restored by itself: %m");
	else
		log_notice(
			"Network: %zu links and routes are restored when what they need is there",
			n);
}

void network_late_begin(struct manager *m, const struct net_report *report)
{
	_cleanup_(strv_freep) char **waiting = NULL;
	int r;

	timeline_mark(&m->update.timeline, net_report_count(report, NET_FAILED)
						   ? MARK_NETWORK_INCOMPLETE
						   : MARK_NETWORK_RESTORED);
	if (net_report_count(report, NET_LATER))
		try_rates(m);
	if (find_waiting(report, &waiting) < 0)
		return;
	r = network_waiting_write(m->paths.run, waiting);
	if (r < 0)
		log_warning_errno(r, "A luod that is started again would not wait for links that "
				     "come later, ignoring: %m");
	begin_or_say(m, TAKE_PTR(waiting));
}

void network_late_resume(struct manager *m)
{
	_cleanup_(strv_freep) char **waiting = NULL;

	if (!m->network_late && network_waiting_read(m->paths.run, &waiting) >= 0)
		begin_or_say(m, TAKE_PTR(waiting));
}

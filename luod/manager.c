/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manager - see manager.h.
 *
 * Starting has two halves. First what a jump or a killed luod left behind is taken up; only then
 * are the connections opened. A client that comes earlier waits in the socket's queue (systemd
 * holds it) and never sees a luod that does not know its session yet.
 */
#include "manager.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>

#include "device-bus.h"
#include "later.h"
#include "log.h"
#include "network-late.h"
#include "metrics.h"
#include "quiesce.h"
#include "restore.h"
#include "step-device.h"

#define SETTLE_RETRY_USEC    (50 * USEC_PER_MSEC)
#define SETTLE_DEADLINE_USEC (30 * USEC_PER_SEC)
#define SETTLE_SLOW_USEC     (1 * USEC_PER_SEC)
#define PEERS_BESIDES	     32
#define PEER_QUEUE_BESIDES   256
#define PEER_SOCKET_FDNAME   "luod.socket"

/* --- configuration ---------------------------------------------------------------------------- */

static void warn_conf(const char *file, unsigned int line, const char *message,
		      void *userdata _unused_)
{
	if (line)
		log_message(LOG_WARNING, LUOD_MESSAGE_CONFIG_PROBLEM, "%s:%u: %s", file, line,
			    message);
	else
		log_message(LOG_WARNING, LUOD_MESSAGE_CONFIG_PROBLEM, "%s: %s", file, message);
}

void manager_load_conf(struct manager *m)
{
	char metrics_file[sizeof(m->conf.metrics_file)];

	memcpy(metrics_file, m->conf.metrics_file, sizeof(metrics_file));
	if (conf_load(&m->conf, m->paths.root, warn_conf, m) < 0) {
		log_oom();
		return;
	}
	log_set_level(m->conf.log_level);
	metrics_configured(m, metrics_file);
	/* One connection for each session, and some for those who look on. */
	m->buses.limits = (struct bus_limits){
		.peers = m->conf.max_sessions + PEERS_BESIDES,
		.peers_per_uid = m->conf.max_sessions_per_user + PEERS_BESIDES / 2,
		.queue = 4 * m->conf.max_sessions + LIMIT_DEVICES + PEER_QUEUE_BESIDES,
	};
	manager_emit(m, "Jump");
}

/* --- sessions --------------------------------------------------------------------------------- */

void manager_add_session(struct manager *m, struct session *s)
{
	s->manager = m;
	TAILQ_INSERT_TAIL(&m->sessions, s, entry);
	m->n_sessions++;
	bus_set_emit_added(&m->buses, s->path);
	manager_emit(m, "Sessions");
	manager_save(m);
	inhibit_update(m);
}

void manager_remove_session(struct manager *m, struct session *s)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		custody_forget(s, resource);
	bus_set_emit_removed(&m->buses, s->path);
	TAILQ_REMOVE(&m->sessions, s, entry);
	m->n_sessions--;
	session_free(s);
	cover_devices(m);
	manager_emit(m, "Sessions");
	manager_save(m);
	inhibit_update(m);
}

struct session *manager_find_session(struct manager *m, uid_t uid, const char *name)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->uid == uid && streq(s->name, name))
			return s;
	return NULL;
}

struct session *manager_find_session_by_path(struct manager *m, const char *path)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (streq(s->path, path))
			return s;
	return NULL;
}

unsigned int manager_count_sessions(const struct manager *m, uid_t uid)
{
	const struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		n += s->uid == uid;
	return n;
}

void manager_set_session_state(struct manager *m, struct session *s, enum session_state state,
			       const char *reason)
{
	if (!session_set_state(s, state, reason))
		return;
	session_emit(m, s, "State", "Reason", "UpdateId");
	if (state == SESSION_LOST)
		cover_devices(m);
	manager_save(m);
}

const char *manager_state(const struct manager *m)
{
	if (m->update.phase == PHASE_IDLE && m->target.loaded)
		return "loaded";
	return phase_to_string(m->update.phase);
}

/* --- starting --------------------------------------------------------------------------------- */

static int read_release(struct manager *m)
{
	struct utsname name;

	if (uname(&name) < 0)
		return -errno;
	return free_and_strdup(&m->kernel_release, name.release);
}

int manager_new(const struct manager_paths *paths, struct manager **ret)
{
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->start_counter = timeline_counter();
	m->paths = *paths;
	m->target = (struct target)TARGET_EMPTY;
	m->kernel_fd = -EBADF;
	m->settle_why = "luod-keeper is not ready";
	m->host = (struct host)HOST_BY_ITSELF;
	m->host.socket = paths->host;
	m->update.timeline.fd = -EBADF;
	m->inhibit.fd = -EBADF;
	polkit_init(&m->polkit);
	m->peer_socket = -EBADF;
	TAILQ_INIT(&m->sessions);
	TAILQ_INIT(&m->jobs);
	if ((r = sd_event_new(&m->event)) < 0 || (r = read_release(m)) < 0 ||
	    (r = custody_prepare(m)) < 0 || (r = manager_prepare_save(m)) < 0 ||
	    (r = quiesce_prepare(m)) < 0 || (r = fdstore_open(paths->keeper, &m->fdstore)) < 0)
		return r;
	bus_set_init(&m->buses, m->event, manager_attach, m);
	m->buses.peer_gone = session_peer_gone;
	inventory_init(&m->inventory, paths->root, &device_calls, m);
	conf_default(&m->conf);
	manager_load_conf(m);
	features_probe(&m->features, paths->root);
	*ret = TAKE_PTR(m);
	return 0;
}

struct manager *manager_free(struct manager *m)
{
	struct session *s;

	if (!m)
		return NULL;
	while (!TAILQ_EMPTY(&m->jobs))
		job_free(TAILQ_FIRST(&m->jobs));
	while ((s = TAILQ_FIRST(&m->sessions))) {
		TAILQ_REMOVE(&m->sessions, s, entry);
		session_free(s);
	}
	inhibit_clear(m);
	polkit_clear(&m->polkit);
	inventory_clear(&m->inventory);
	if (m->event)
		bus_set_clear(&m->buses);
	pid1_clear(&m->pid1);
	network_late_free(m->network_late);
	update_clear(&m->update);
	target_clear(&m->target);
	net_record_clear(&m->network);
	findings_free(&m->findings);
	fdstore_close(m->fdstore);
	host_close(&m->host);
	close_fd(m->kernel_fd);
	close_fd(m->peer_socket);
	for (unsigned int i = 0; i < m->n_passed; i++)
		close_fd(m->passed_fds[i]);
	free(m->passed_fds);
	strv_free(m->passed_names);
	sd_event_source_disable_unref(m->settle_timer);
	sd_event_source_disable_unref(m->store_again);
	sd_event_source_disable_unref(m->save_again);
	sd_event_source_disable_unref(m->quiesce_again);
	strv_free(m->unforgotten);
	sd_event_source_disable_unref(m->history_timer);
	sd_event_source_disable_unref(m->lost_timer);
	sd_event_source_disable_unref(m->metrics_timer);
	sd_event_source_disable_unref(m->network_timer);
	sd_event_unref(m->event);
	free(m->kernel_release);
	free(m->running);
	free(m->last_history);
	free(m);
	return NULL;
}

/* What systemd passes: the listening socket, the target's image, and what is in custody. */
static int take_passed_fds(struct manager *m)
{
	int n = sd_listen_fds_with_names(true, &m->passed_names);

	if (n <= 0)
		return n;
	m->passed_fds = calloc((size_t)n, sizeof(*m->passed_fds));
	if (!m->passed_fds)
		return -ENOMEM;
	m->n_passed = (unsigned int)n;
	for (int i = 0; i < n; i++) {
		m->passed_fds[i] = SD_LISTEN_FDS_START + i;
		if (streq(m->passed_names[i], PEER_SOCKET_FDNAME) && m->peer_socket < 0)
			m->peer_socket = TAKE_FD(m->passed_fds[i]);
	}
	return 0;
}

int manager_take_passed(struct manager *m, const char *name)
{
	for (unsigned int i = 0; i < m->n_passed; i++)
		if (m->passed_fds[i] >= 0 && streq(m->passed_names[i], name))
			return TAKE_FD(m->passed_fds[i]);
	return -EBADF;
}

/* After the sessions are known: gives the fds to those they belong to. */
static void adopt_passed_fds(struct manager *m)
{
	int image = manager_take_passed(m, TARGET_FDNAME);

	m->target.initrd_fd = manager_take_passed(m, TARGET_INITRD_FDNAME);
	/* Of one that was unloaded PID 1 may not have been told. */
	if (image >= 0 && !m->target.loaded) {
		close_fd(image);
		m->target_unstored = true;
	} else if (image >= 0 && target_adopt(&m->target, image) < 0) {
		target_clear(&m->target);
	}
	if (m->target.image_fd < 0)
		target_clear(&m->target);
	if (m->target_unstored)
		custody_store_target(m);
	custody_adopt(m, m->passed_names, m->passed_fds, m->n_passed);
	custody_drop_lost(m);
	devices_unmark_leftovers(m);
}

void manager_store_target(struct manager *m)
{
	custody_store_target(m);
	manager_save(m);
	manager_emit(m, "Target", "State");
}

/* Not before luod serves: after a jump guests wait for it, and devices for nobody. */
static void look_for_devices(struct manager *m)
{
	int blind, r = inventory_start(&m->inventory, m->event, &blind);

	if (r < 0)
		log_error_errno(r, "Cannot look for devices, ignoring: %m");
	else if (blind < 0)
		log_warning_errno(blind,
				  "Devices that come and go are seen by a check only, as udev's "
				  "events cannot be had: %m, ignoring");
}

static int serve(struct manager *m)
{
	const char *path = m->paths.peer_socket ? m->paths.peer_socket : m->conf.peer_socket;
	int r;

	if (m->peer_socket >= 0)
		r = bus_set_listen(&m->buses, TAKE_FD(m->peer_socket));
	else
		r = bus_set_listen_path(&m->buses, path);
	if (r < 0)
		return log_error_errno(r, "Cannot serve peers on %s: %m", path);
	r = bus_set_open_system(&m->buses, m->paths.bus_address);
	if (r < 0)
		return log_error_errno(r, "Cannot prepare the connection to the bus: %m");
	m->serving = true;
	look_for_devices(m);
	sd_notifyf(0, "READY=1\nSTATUS=%s", manager_state(m));
	return 0;
}

static int exit_on_failure(struct manager *m, int r)
{
	if (r < 0)
		sd_event_exit(m->event, r);
	return 0;
}

/*
 * Clients wait in the socket's queue meanwhile, but not for ever: when the keeper takes long, luod
 * serves those who want to know why, and goes on trying.
 */
static int settle_later(struct manager *m, uint64_t now)
{
	uint64_t delay = m->serving ? SETTLE_SLOW_USEC : SETTLE_RETRY_USEC;

	if (!m->serving && now >= m->settle_deadline_usec) {
		log_error(
			"What the kernel before this one left cannot be taken up yet: %s. Its sessions "
			"are safe with luod-keeper, but cannot be given out until then",
			m->settle_why);
		if (serve(m) < 0)
			return -EIO;
	}
	later(m->settle_timer, delay);
	return 0;
}

static int on_settle(sd_event_source *source _unused_, uint64_t usec, void *userdata)
{
	struct manager *m = userdata;

	if (restore_settle(m) == STEP_RETRY)
		return exit_on_failure(m, settle_later(m, usec));
	adopt_passed_fds(m);
	inhibit_update(m);
	m->settle_timer = sd_event_source_disable_unref(m->settle_timer);
	return exit_on_failure(m, m->serving ? 0 : serve(m));
}

static void explain_features(const struct manager *m)
{
	if (features_has(&m->features, FEATURE_LIVEUPDATE_ENABLED))
		return;
	log_message(LOG_WARNING, LUOD_MESSAGE_KERNEL_UNSUPPORTED,
		    "This kernel (%s) cannot do live updates: %s. luod goes on and tells so; "
		    "see luctl check.",
		    m->kernel_release,
		    features_has(&m->features, FEATURE_LIVEUPDATE)
			    ? "the Live Update Orchestrator is switched off (liveupdate=on)"
			    : "it has no Live Update Orchestrator (CONFIG_LIVEUPDATE)");
}

int manager_start(struct manager *m)
{
	uint64_t now = now_usec(CLOCK_MONOTONIC);

	if (mkdir(m->paths.run, 0755) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "Cannot make %s: %m", m->paths.run);
	if (take_passed_fds(m) < 0)
		return log_oom();
	explain_features(m);
	m->settle_deadline_usec = now + SETTLE_DEADLINE_USEC;
	return sd_event_add_time(m->event, &m->settle_timer, CLOCK_MONOTONIC, now, 1, on_settle, m);
}

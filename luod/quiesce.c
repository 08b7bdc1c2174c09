/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quiesce - see quiesce.h. */
#include "quiesce.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "later.h"
#include "log.h"

#define QUIESCE_TARGET "luod-quiesce.target"
#define QUIESCE_SLICE  "luodquiesce.slice" /* wanted by the target */
#define LIST_MAX       (1U << 20)
#define AGAIN_USEC     USEC_PER_SEC

static char *list_path(const struct manager *m)
{
	return strprintf("%s/quiesced-units", m->paths.run);
}

static bool is_in(char **units, const char *unit)
{
	for (; units && *units; units++)
		if (streq(*units, unit))
			return true;
	return false;
}

/*
 * The units of the sessions and of whoever asked, of those that are up: PID 1 would start the others,
 * and nobody has asked for a guest that has been stopped, or has died.
 */
static int kept_units(struct manager *m, char **up, char ***ret)
{
	_cleanup_(strv_freep) char **units = calloc(m->n_sessions + 2, sizeof(char *));
	const struct session *s;
	size_t n = 0;

	if (!units)
		return -ENOMEM;
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (is_in(up, s->unit) && !(units[n++] = strdup(s->unit)))
			return -ENOMEM;
	if (is_in(up, strempty(m->update.info.unit)) && !(units[n++] = strdup(m->update.info.unit)))
		return -ENOMEM;
	*ret = TAKE_PTR(units);
	return 0;
}

static int keep_units(struct manager *m)
{
	_cleanup_(strv_freep) char **up = NULL, **units = NULL;
	int r;

	if ((r = pid1_list_up(&m->pid1, m->event, &up)) < 0 || (r = kept_units(m, up, &units)) < 0)
		return r;
	return pid1_start_slice(&m->pid1, m->event, QUIESCE_SLICE, units);
}

/* NULL: out of memory. */
static char **split_lines(char *text)
{
	char **lines = calloc(1, sizeof(*lines)), *save = NULL;
	size_t n = 0;

	if (!lines)
		return NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char **larger = reallocarray(lines, n + 2, sizeof(char *));

		if (!larger) {
			free(lines);
			return NULL;
		}
		lines = larger;
		lines[n++] = line;
		lines[n] = NULL;
	}
	return lines;
}

/* -ENOENT: there is no list. The strings are in *ret_text; both are freed by the caller. */
static int read_list(const struct manager *m, char **ret_text, char ***ret)
{
	_cleanup_free_ char *path = list_path(m);
	int r = path ? file_read_full(path, LIST_MAX, ret_text, NULL) : -ENOMEM;

	if (r < 0)
		return r;
	*ret = split_lines(*ret_text);
	return *ret ? 0 : -ENOMEM;
}

/*
 * What is active now, for the undo: also for that of a luod which replaces this one. And what an earlier
 * undo has not started yet.
 */
static int remember_units(struct manager *m)
{
	_cleanup_(strv_freep) char **units = NULL;
	_cleanup_free_ char *text = NULL, *earlier_text = NULL, *path = list_path(m);
	_cleanup_free_ char **earlier = NULL;
	size_t size;
	FILE *f;
	int r = read_list(m, &earlier_text, &earlier);

	if (r < 0 && r != -ENOENT)
		return r;
	if ((r = pid1_list_active(&m->pid1, m->event, &units)) < 0)
		return r;
	f = open_memstream(&text, &size);
	if (!f || !path)
		return -ENOMEM;
	for (char **unit = units; unit && *unit; unit++)
		fprintf(f, "%s\n", *unit);
	for (char **unit = earlier; unit && *unit; unit++)
		if (!is_in(units, *unit))
			fprintf(f, "%s\n", *unit);
	if (fclose(f) != 0)
		return -ENOMEM;
	return file_write_atomic(path, text, size, 0600);
}

static int on_synced(sd_event_source *source, const siginfo_t *si, void *userdata)
{
	struct manager *m = userdata;

	sd_event_source_disable_unref(source);
	if (si->si_pid != m->update.sync_pid)
		return 0; /* of an update that was called off meanwhile */
	m->update.sync_pid = 0;
	m->update.quiesce = QUIESCE_SYNCED;
	update_continue(m);
	return 0;
}

/*
 * sync(2) can take as long as the disks need, and nothing ends it: not in the process that must
 * answer, and not with the fds of kernel sessions that would live on with it. Called off or not,
 * the child is waited for when it ends.
 */
static int sync_in_child(struct manager *m)
{
	sd_event_source *source;
	pid_t pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close_range(3, ~0U, 0);
		sync();
		_exit(0);
	}
	r = sd_event_add_child(m->event, &source, pid, WEXITED, on_synced, m);
	if (r >= 0)
		m->update.sync_pid = pid;
	return r;
}

static void on_isolated(int error, const char *text, void *userdata)
{
	struct manager *m = userdata;

	if (error < 0) {
		update_abort(m, text);
		return;
	}
	m->update.quiesce = QUIESCE_ISOLATED;
	update_continue(m);
}

int quiesce_act(struct manager *m)
{
	int r;

	switch (m->update.quiesce) {
	case QUIESCE_NONE:
		/* Guests would wait for its start later. Whether it can be had is seen then, too. */
		host_wake(&m->host);
		if ((r = remember_units(m)) < 0 || (r = keep_units(m)) < 0 ||
		    (r = pid1_start_unit(&m->pid1, m->event, QUIESCE_TARGET, "isolate", on_isolated,
					 m)) < 0)
			return update_fail(m, r, "Cannot ask systemd for " QUIESCE_TARGET ": %s.",
					   strerror(-r));
		m->update.quiesce = QUIESCE_ISOLATING;
		return STEP_WAIT;
	case QUIESCE_ISOLATING:
		return STEP_WAIT;
	case QUIESCE_ISOLATED:
		m->update.quiesce = QUIESCE_SYNCING;
		r = sync_in_child(m);
		return r < 0 ? r : STEP_WAIT;
	case QUIESCE_SYNCING:
		return STEP_WAIT;
	case QUIESCE_SYNCED:
		return STEP_DONE;
	}
	return -EINVAL;
}

static int on_again(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	quiesce_settle(userdata);
	return 0;
}

int quiesce_prepare(struct manager *m)
{
	return later_prepare(m->event, &m->quiesce_again, on_again, m);
}

/* The list in the file may be that of the next update by now. */
static void on_started(int error, const char *text _unused_, void *userdata)
{
	struct manager *m = userdata;
	_cleanup_free_ char *path = list_path(m);

	if (m->update.quiesce != QUIESCE_NONE)
		return;
	if (error < 0 || !path) {
		later(m->quiesce_again, AGAIN_USEC);
		return;
	}
	m->quiesce_complained = false;
	unlink(path);
}

static void start_units(struct manager *m)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char **units = NULL;
	int r = read_list(m, &text, &units);

	if (r == -ENOENT)
		return;
	if (r >= 0)
		r = pid1_start_units(&m->pid1, m->event, units, on_started, m);
	if (r >= 0)
		return;
	if (!m->quiesce_complained)
		log_error_errno(r,
				"Cannot start again what was stopped for the update, trying "
				"again: %m. 'systemctl isolate default.target' does it by hand.");
	m->quiesce_complained = true;
	later(m->quiesce_again, AGAIN_USEC);
}

static void undo(struct manager *m)
{
	int r;

	pid1_cancel(&m->pid1);
	m->update.sync_pid = 0;
	m->update.quiesce = QUIESCE_NONE;
	/* An active target would keep the slice from being made anew the next time. */
	r = pid1_stop_unit(&m->pid1, m->event, QUIESCE_TARGET);
	if (r >= 0)
		r = pid1_stop_unit(&m->pid1, m->event, QUIESCE_SLICE);
	if (r < 0 && !m->quiesce_complained)
		log_warning_errno(r, "Cannot take " QUIESCE_TARGET " away, ignoring: %m");
	start_units(m);
}

void quiesce_undo(struct manager *m)
{
	m->quiesce_complained = false;
	undo(m);
}

static bool is_missing(const char *path)
{
	return path && access(path, F_OK) < 0 && errno == ENOENT;
}

/* Another update may be under way by now, whose end does not see to what the one before it has stopped. */
void quiesce_settle(struct manager *m)
{
	_cleanup_free_ char *path = list_path(m);

	if (is_missing(path) || m->pid1.unanswered > 0)
		return;
	if (!path || update_active(m)) {
		later(m->quiesce_again, AGAIN_USEC);
		return;
	}
	if (!m->quiesce_complained)
		log_notice("Starting what an update that was called off has stopped");
	undo(m);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault-after-world - the next kernel after a jump, for as many luods as it takes: the kernel, the keeper,
 * PID 1's fd store and the history, played in memory that all these luods share. Each call of them may fail
 * when it is its turn, and at each fault point luod may be killed.
 *
 * The kernel's rules about sessions that came through a jump: what is in one can be retrieved again and
 * again until it is finished, and then nothing can; a second FINISH does no harm.
 */
#ifndef TESTS_FAULT_AFTER_WORLD_H
#define TESTS_FAULT_AFTER_WORLD_H

/* For tools that read this outside of a test build. */
#ifndef LUOD_FAULTS
#define LUOD_FAULTS
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "luod/barrier.h"
#include "luod/claim.h"
#include "luod/fault.h"
#include "luod/finish.h"
#include "luod/handover.h"
#include "luod/history.h"
#include "luod/holder.h"
#include "luod/kdev-luo.h"
#include "luod/log.h"
#include "luod/metrics.h"
#include "luod/network-late.h"
#include "luod/network.h"
#include "luod/restore.h"
#include "luod/step.h"
#include "silent-bus.h"

#define KILLED	   9
#define N_GUESTS   2
#define POINTS_MAX 64
#define RECORD_MAX 16384

enum {
	OWN,
	FIRST,
	LAST = FIRST + N_GUESTS - 1,
	N_SESSIONS
};

/* What outlives a luod. */
struct shared {
	struct {
		char name[64];
		bool kept, finished;
		bool retrieved;	   /* the keeper was asked for it */
		bool stored;	   /* its memory, in PID 1 */
		bool lost;	   /* reported as that */
		unsigned int done; /* told so to its owner */
	} sessions[N_SESSIONS];
	unsigned int calls, fail_at; /* that call fails, if it is not 0 */
	int error;
	char failed[32];
	char record[RECORD_MAX];
	bool record_is_lost;
	bool state_waits; /* a luod that is started again has no fd at first for reading state.json */
	unsigned int histories;
	char result[32];
	bool has_marks; /* of the history that was stored last */
	char points[POINTS_MAX][32];
	unsigned int n_points;
	unsigned int kill_at; /* that point, counted from 1 */
	unsigned int lives;
};

static struct shared *w;
static struct manager m;
static int files[N_SESSIONS], timeline_fd;
static char run_dir[64];
static unsigned int reached;

/* --- in place of fault.c ------------------------------------------------------------------------ */

int fault_point(const struct manager *manager _unused_, const char *point)
{
	if (w->lives > 1)
		return 0;
	assert_true(reached < POINTS_MAX);
	snprintf(w->points[reached++], sizeof(w->points[0]), "%s", point);
	if (w->kill_at == 0)
		w->n_points = reached;
	if (reached == w->kill_at)
		_exit(KILLED);
	return 0;
}

int fault_of_step(const struct manager *manager _unused_, const struct step *step _unused_,
		  const char *when _unused_)
{
	return 0;
}

/* --- in place of open(2) ------------------------------------------------------------------------- */

static bool is_withheld(const char *path)
{
	static unsigned int n;

	return w && w->state_waits && w->lives > 1 && strstr(path, "/state.json") && n++ == 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	if (is_withheld(path)) {
		snprintf(w->failed, sizeof(w->failed), "open");
		errno = EMFILE;
		return -1;
	}
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return openat(AT_FDCWD, path, flags, mode);
}

/* --- the kernel and the keeper ------------------------------------------------------------------ */

/* Whether the call that comes now is the one that fails. */
static int call(const char *name)
{
	if (++w->calls != w->fail_at)
		return 0;
	snprintf(w->failed, sizeof(w->failed), "%s", name);
	return -w->error;
}

static int find(const char *name)
{
	for (int i = 0; i < N_SESSIONS; i++)
		if (streq(w->sessions[i].name, name))
			return i;
	return -ENOENT;
}

static int session_of(int fd)
{
	struct stat a, b;

	assert_int_equal(fstat(fd, &a), 0);
	for (int i = 0; i < N_SESSIONS; i++)
		if (fstat(files[i], &b) == 0 && a.st_ino == b.st_ino)
			return i;
	fail_msg("this is no session");
	return -EBADF;
}

/* The last one the keeper has not found out of itself: luod, which has the record, asks for it by its name. */
static bool is_listed(size_t i)
{
	return i != N_SESSIONS - 1 || w->record_is_lost || w->sessions[i].retrieved;
}

int fdstore_list(struct fdstore *f _unused_, struct fdstore_list **ret)
{
	struct fdstore_list *list;
	int r = call("list");

	if (r < 0)
		return r;
	list = calloc(1, sizeof(*list) + N_SESSIONS * sizeof(list->entries[0]));
	assert_non_null(list);
	for (size_t i = 0; i < N_SESSIONS; i++) {
		struct keeper_entry *entry = &list->entries[list->count];

		if (!w->sessions[i].kept || !is_listed(i))
			continue;
		snprintf(entry->name, sizeof(entry->name), "%s", w->sessions[i].name);
		entry->origin = KEEPER_ORIGIN_NAME;
		list->count++;
	}
	*ret = list;
	return 0;
}

int fdstore_get(struct fdstore *f _unused_, const char *name, int *ret_fd)
{
	int i = find(name), r = call(i >= 0 && w->sessions[i].retrieved ? "ask" : "get");

	if (r < 0 || i < 0 || !w->sessions[i].kept || !is_listed((size_t)i))
		return r < 0 ? r : -ENOENT;
	*ret_fd = fd_dup(files[i]);
	return 0;
}

int fdstore_retrieve(struct fdstore *f _unused_, const char *name)
{
	int i = find(name), r = call("ask");

	if (r < 0 || i < 0 || !w->sessions[i].kept)
		return r < 0 ? r : -ENOENT;
	w->sessions[i].retrieved = true;
	return 0;
}

int fdstore_drop(struct fdstore *f _unused_, const char *name)
{
	int i = find(name), r = call("drop");

	if (r < 0 || i < 0 || !w->sessions[i].kept)
		return r < 0 ? r : -ENOENT;
	w->sessions[i].kept = false;
	w->sessions[i].finished = true; /* with its last fd */
	return 0;
}

int kdev_luo_session_retrieve_fd(int session, uint64_t token, int *ret_fd)
{
	int i = session_of(session), r = call("retrieve");

	if (r < 0)
		return r;
	if (w->sessions[i].finished ||
	    (i == OWN && token == HANDOVER_TOKEN_RECORD && w->record_is_lost))
		return -ENOENT;
	if (i == OWN && token == HANDOVER_TOKEN_RECORD)
		*ret_fd = memfd_new_sealed("record", w->record, strlen(w->record));
	else
		*ret_fd = i == OWN ? fd_dup(timeline_fd) : memfd_new("ram");
	return *ret_fd < 0 ? *ret_fd : 0;
}

int kdev_luo_session_finish(int session)
{
	int r = call("finish");

	if (r >= 0)
		w->sessions[session_of(session)].finished = true;
	return r;
}

/* --- PID 1 ------------------------------------------------------------------------------------ */

/* What has been retrieved once is in the fd store, and given to the next luod. */
int custody_fd(struct session *s, struct resource *resource)
{
	int i = find(s->kernel_name), r;

	if (resource->fd < 0 && w->sessions[i].stored)
		resource->fd = memfd_new("ram");
	if (resource->fd >= 0)
		return resource->fd;
	r = kdev_luo_session_retrieve_fd(s->kernel_fd, resource->token, &resource->fd);
	w->sessions[i].stored = r >= 0;
	return r < 0 ? r : resource->fd;
}

void custody_lose_tap(struct session *s _unused_, struct resource *resource)
{
	assert_int_equal(resource->kind, RESOURCE_MEMORY);
}

void custody_store_timeline(struct manager *manager _unused_)
{
}

int manager_take_passed(struct manager *manager _unused_, const char *name _unused_)
{
	return -EBADF;
}

/* --- luod around it --------------------------------------------------------------------------- */

void history_store(struct manager *manager, const char *result, const char *error _unused_)
{
	uint64_t usec;

	w->histories++;
	w->has_marks = manager->update.timeline.page &&
		       timeline_get(manager->update.timeline.page, MARK_FINISHED, &usec);
	snprintf(w->result, sizeof(w->result), "%s", result);
}

int history_recall(struct manager *manager _unused_, const char *id _unused_,
		   struct update_info *ret _unused_)
{
	return -ENOENT;
}

void history_settle(struct manager *manager _unused_)
{
}

void metrics_changed(struct manager *manager _unused_)
{
}

void network_restore(struct manager *manager _unused_, const struct net_record *record _unused_,
		     const char *unreadable _unused_, struct session_list *sessions _unused_)
{
}

void network_late_resume(struct manager *manager _unused_)
{
}

int holders_find(const char *root _unused_, struct holders *ret)
{
	*ret = (struct holders){};
	return 0;
}

void holders_clear(struct holders *h _unused_)
{
}

const char *holders_of(const struct holders *h _unused_, const char *session _unused_)
{
	return NULL;
}

void cover_devices(struct manager *manager _unused_)
{
}

bool session_owner_connected(const struct session *s _unused_)
{
	return true;
}

const char *manager_state(const struct manager *manager)
{
	return phase_to_string(manager->update.phase);
}

void manager_add_session(struct manager *manager, struct session *s)
{
	s->manager = manager;
	TAILQ_INSERT_TAIL(&manager->sessions, s, entry);
	manager->n_sessions++;
	manager_save(manager);
}

void manager_remove_session(struct manager *manager _unused_, struct session *s _unused_)
{
	fail();
}

struct session *manager_find_session(struct manager *manager, uid_t uid, const char *name)
{
	struct session *s;

	TAILQ_FOREACH(s, &manager->sessions, entry)
		if (s->uid == uid && streq(s->name, name))
			return s;
	return NULL;
}

void manager_set_session_state(struct manager *manager, struct session *s, enum session_state state,
			       const char *reason)
{
	if (session_set_state(s, state, reason))
		manager_save(manager);
}

void step_drop_kernel_session(struct manager *manager, struct session *s)
{
	fdstore_drop(manager->fdstore, s->kernel_name);
	s->kernel_fd = close_fd(s->kernel_fd);
}

static int no_act(struct manager *manager _unused_)
{
	return -EINVAL;
}

const struct step update_steps[] = { { "jump", MARK_JUMP, .act = no_act } };
const unsigned int update_n_steps = 1;

void bus_set_emit_signal(struct bus_set *set _unused_, const char *path _unused_,
			 const char *interface _unused_, const char *member _unused_,
			 const char *types _unused_, ...)
{
}

/* --- a machine ------------------------------------------------------------------------------- */

/* As the luod before the jump has written it. */
static void write_record(void)
{
	struct session_list sessions = TAILQ_HEAD_INITIALIZER(sessions);
	struct update_info info = { .id = "0123", .from = strdup("old"), .to = strdup("new") };
	_cleanup_free_ char *text = NULL, *error = NULL;
	struct resource *ram;
	struct session *s;

	for (size_t i = FIRST; i < N_SESSIONS; i++) {
		_cleanup_free_ char *name = strprintf("vm%zu", i);

		assert_int_equal(session_new(name, 0, "vm.service", &s), 0);
		s->mode = i == FIRST ? SESSION_CUSTODY : SESSION_DELEGATION;
		s->state = SESSION_READY;
		assert_int_equal(
			session_add_resource(s, "ram", RESOURCE_MEMORY, 1, 4096, -EBADF, &ram), 0);
		snprintf(w->sessions[i].name, sizeof(w->sessions[i].name), "%s", s->kernel_name);
		TAILQ_INSERT_TAIL(&sessions, s, entry);
	}
	snprintf(w->sessions[OWN].name, sizeof(w->sessions[OWN].name), "%s", HANDOVER_SESSION);
	assert_int_equal(handover_write_or_say(&info, &sessions, NULL, NULL, NULL, &text, &error),
			 0);
	assert_true(snprintf(w->record, sizeof(w->record), "%s", text) < RECORD_MAX);
	while ((s = TAILQ_FIRST(&sessions))) {
		TAILQ_REMOVE(&sessions, s, entry);
		session_free(s);
	}
	update_info_clear(&info);
}

/* A machine that comes out of the jump. */
static void boot(void)
{
	_cleanup_free_ char *state = strprintf("%s/state.json", run_dir);
	bool lost = w->record_is_lost, state_waits = w->state_waits;
	unsigned int n_points = w->n_points, kill_at = w->kill_at, fail_at = w->fail_at;
	int error = w->error;

	memset(w, 0, sizeof(*w));
	w->record_is_lost = lost;
	w->state_waits = state_waits;
	w->n_points = n_points;
	w->kill_at = kill_at;
	w->fail_at = fail_at;
	w->error = error;
	write_record();
	for (size_t i = 0; i < N_SESSIONS; i++)
		w->sessions[i].kept = true;
	unlink(state);
}

static int setup(void **state _unused_)
{
	struct timeline timeline;

	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w, MAP_FAILED);
	snprintf(run_dir, sizeof(run_dir), "/tmp/luod-after-XXXXXX");
	assert_non_null(mkdtemp(run_dir));
	for (size_t i = 0; i < N_SESSIONS; i++)
		files[i] = memfd_new("session");
	assert_int_equal(timeline_new(&timeline), 0);
	timeline_set_id(&timeline, "0123");
	timeline_fd = fd_dup(timeline.fd);
	timeline_close(&timeline);
	log_set_level(LOG_EMERG);
	return 0;
}

static int teardown(void **state _unused_)
{
	_cleanup_free_ char *path = strprintf("%s/state.json", run_dir);

	unlink(path);
	rmdir(run_dir);
	for (size_t i = 0; i < N_SESSIONS; i++)
		close(files[i]);
	close(timeline_fd);
	munmap(w, sizeof(*w));
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault: the whole table of steps as luod has it, under everything that can go wrong once.
 *
 * The engine, the steps, the barrier and what a step does to devices are the real ones; the kernel, the
 * keeper, PID 1 and the file systems are played here, by functions that each may fail when it is their turn.
 * So the tests need not know which steps there are, or what they do: they fail every point that luod
 * lists with every error, then the first call of an update, the second, and so on to the last one of its
 * undo. Afterwards nothing may be left: no fd, no kernel session, no mark, nothing frozen or stopped;
 * and the next update must come as far as the jump.
 */
#include <dirent.h>
#include <linux/iommufd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "luod/barrier.h"
#include "luod/fault.h"
#include "luod/freeze.h"
#include "luod/history.h"
#include "luod/holder.h"
#include "luod/kdev-kexec.h"
#include "luod/kdev-luo.h"
#include "luod/log.h"
#include "luod/network.h"
#include "luod/quiesce.h"
#include "luod/step.h"

#define KEPT_MAX  8
#define CALLS_MAX 500

static const int errors[] = { EIO, ENOMEM, EMFILE, ENOSPC };

static struct {
	struct manager m;
	char run[64];

	unsigned int calls, fail_at; /* that call fails, if it is not 0 */
	int error;
	bool failed_in_undo;

	struct {
		char name[64];
		int fd;
	} kept[KEPT_MAX]; /* by the keeper */
	bool marked;	  /* the page tables of the only device */
	bool quiesced, frozen, aside;

	unsigned int histories, jumps;
	char result[32], why[512];
} w;

/* Whether the call that comes now is the one that fails. */
static int call(void)
{
	if (++w.calls != w.fail_at)
		return 0;
	w.failed_in_undo = w.m.update.phase == PHASE_ABORTING;
	return -w.error;
}

/* --- the keeper ------------------------------------------------------------------------------- */

static int kept_find(const char *name)
{
	for (int i = 0; i < KEPT_MAX; i++)
		if (streq(w.kept[i].name, name))
			return i;
	return -ENOENT;
}

int fdstore_put(struct fdstore *f _unused_, const char *name, int fd)
{
	int r = call(), i = kept_find("");

	if (r < 0)
		return r;
	assert_true(i >= 0);
	snprintf(w.kept[i].name, sizeof(w.kept[i].name), "%s", name);
	w.kept[i].fd = fd_dup(fd);
	return 0;
}

int fdstore_drop(struct fdstore *f _unused_, const char *name)
{
	int r = call(), i = kept_find(name);

	if (r < 0 || i < 0)
		return r < 0 ? r : i;
	close(w.kept[i].fd);
	w.kept[i].name[0] = '\0';
	return 0;
}

int fdstore_list(struct fdstore *f _unused_, struct fdstore_list **ret)
{
	struct fdstore_list *list;
	int r = call();

	if (r < 0)
		return r;
	list = calloc(1, sizeof(*list) + KEPT_MAX * sizeof(list->entries[0]));
	assert_non_null(list);
	for (size_t i = 0; i < KEPT_MAX; i++) {
		struct keeper_entry *entry = &list->entries[list->count];

		if (!*w.kept[i].name)
			continue;
		snprintf(entry->name, sizeof(entry->name), "%s", w.kept[i].name);
		entry->origin = KEEPER_ORIGIN_PUT;
		list->count++;
	}
	*ret = list;
	return 0;
}

/* --- the kernel ------------------------------------------------------------------------------- */

int kdev_luo_try_open(void)
{
	int r = call();

	return r < 0 ? r : memfd_new("liveupdate");
}

/* A session lives as long as anybody has it; luod's own fds of it are always closed with the keeper's. */
int kdev_luo_create_session_on(int device _unused_, const char *name, int *ret_fd)
{
	int r = call(), fd;

	if (r < 0)
		return r;
	if (kept_find(name) >= 0)
		return -EEXIST;
	fd = memfd_new("session");
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int kdev_luo_session_preserve_fd(int session, int fd, uint64_t token _unused_)
{
	int r = call();

	assert_true(session >= 0 && fd >= 0);
	return r;
}

int kdev_luo_session_unpreserve_fd(int session, uint64_t token _unused_)
{
	assert_true(session >= 0);
	return call();
}

int ioctl(int fd, unsigned long request, ...)
{
	const struct iommu_hwpt_liveupdate_mark_preserve *mark;
	int r = call();
	va_list ap;

	assert_true(fd >= 0);
	va_start(ap, request);
	mark = va_arg(ap, const void *);
	va_end(ap);
	assert_int_equal(request, IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE);
	if (r >= 0 && mark->flags & IOMMU_HWPT_LIVEUPDATE_CLEAR && !w.marked)
		r = -ENOENT;
	if (r >= 0)
		w.marked = !(mark->flags & IOMMU_HWPT_LIVEUPDATE_CLEAR);
	errno = -r;
	return r < 0 ? -1 : 0;
}

int kdev_kexec_is_loaded(void)
{
	return 1;
}

int kdev_kexec_jump(void)
{
	w.jumps++;
	return call() < 0 ? -w.error : -EINVAL;
}

int target_load_again(const struct target *t _unused_)
{
	return call();
}

const char *target_release(const struct target *t _unused_)
{
	return "next";
}

int holders_find(const char *root _unused_, struct holders *ret)
{
	*ret = (struct holders){};
	return call();
}

void holders_clear(struct holders *h _unused_)
{
}

const char *holders_of(const struct holders *h _unused_, const char *session _unused_)
{
	return NULL;
}

/* --- the host --------------------------------------------------------------------------------- */

int quiesce_act(struct manager *m _unused_)
{
	w.quiesced = true; /* at least half of it */
	return call();
}

void quiesce_undo(struct manager *m _unused_)
{
	w.quiesced = false;
}

int filesystems_freeze(char **ret_path _unused_)
{
	int r = call();

	w.frozen = r >= 0;
	return r;
}

void filesystems_thaw(void)
{
	w.frozen = false;
}

int network_act(struct manager *m _unused_)
{
	return call();
}

int network_settle(struct manager *m _unused_)
{
	return call();
}

int pid1_start_unit(struct pid1 *p _unused_, sd_event *event _unused_, const char *unit _unused_,
		    const char *mode _unused_, pid1_done_t done _unused_, void *userdata _unused_)
{
	return call();
}

void inhibit_stand_aside(struct manager *m _unused_, bool aside)
{
	w.aside = aside;
}

int cover_look(struct manager *m _unused_, struct holders *ret)
{
	*ret = (struct holders){};
	return call();
}

void cover_devices(struct manager *m _unused_)
{
}

int device_read(const char *root _unused_, const char *address _unused_, struct device_facts *ret)
{
	*ret = (struct device_facts){ .interrupts = "none" };
	return call();
}

/* --- luod around the engine ------------------------------------------------------------------- */

bool manager_check(struct manager *m _unused_)
{
	return call() >= 0;
}

int manager_check_devices(struct manager *m _unused_, struct findings *ret)
{
	*ret = (struct findings){};
	return call();
}

const char *manager_state(const struct manager *m)
{
	return phase_to_string(m->update.phase);
}

void manager_save(struct manager *m _unused_)
{
}

void manager_set_session_state(struct manager *m _unused_, struct session *s,
			       enum session_state state, const char *reason)
{
	session_set_state(s, state, reason);
}

int manager_take_passed(struct manager *m _unused_, const char *name _unused_)
{
	return -EBADF;
}

bool session_owner_connected(const struct session *s _unused_)
{
	return true;
}

int custody_fd(struct session *s _unused_, struct resource *resource)
{
	int r = call();

	return r < 0 ? r : resource->fd;
}

void custody_store_fd(const char *name _unused_, int fd)
{
	assert_true(fd >= 0);
}

void custody_forget_fd(const char *name _unused_)
{
}

void history_begin(struct manager *m _unused_)
{
}

void history_store(struct manager *m _unused_, const char *result, const char *error)
{
	w.histories++;
	snprintf(w.result, sizeof(w.result), "%s", result);
	snprintf(w.why, sizeof(w.why), "%s", strempty(error));
}

void bus_set_emit_changed(struct bus_set *set _unused_, const char *path _unused_,
			  const char *interface _unused_, char **properties _unused_)
{
}

void bus_set_emit_added(struct bus_set *set _unused_, const char *path _unused_)
{
}

void bus_set_emit_removed(struct bus_set *set _unused_, const char *path _unused_)
{
}

/* All owners answer at once. */
void bus_set_emit_signal(struct bus_set *set _unused_, const char *path,
			 const char *interface _unused_, const char *member,
			 const char *types _unused_, ...)
{
	struct session *s;

	TAILQ_FOREACH(s, &w.m.sessions, entry)
		if (streq(s->path, path) && streq(member, "PrepareForUpdate"))
			session_set_state(s, SESSION_READY, NULL);
}

/* --- what tests are told with ----------------------------------------------------------------- */

static struct session *add_session(const char *name, enum session_mode mode)
{
	struct resource *ram;
	struct session *s;

	assert_int_equal(session_new(name, 0, "vm.service", &s), 0);
	s->manager = &w.m;
	s->mode = mode;
	s->state = SESSION_IDLE;
	TAILQ_INSERT_TAIL(&w.m.sessions, s, entry);
	w.m.n_sessions++;
	if (mode == SESSION_CUSTODY)
		assert_int_equal(session_add_resource(s, "ram", RESOURCE_MEMORY, 1, 4096,
						      memfd_new("ram"), &ram),
				 0);
	return s;
}

static void add_device(struct session *s)
{
	struct resource *iommufd, *device;

	assert_int_equal(session_add_resource(s, "iommu", RESOURCE_IOMMUFD, 2, 0,
					      memfd_new("iommu"), &iommufd),
			 0);
	assert_int_equal(dma_add_hwpt(&iommufd->dma, &(struct hwpt){ .id = 5, .token = 50 }), 0);
	assert_int_equal(session_add_resource(s, "nic", RESOURCE_DEVICE, 3, 0, memfd_new("nic"),
					      &device),
			 0);
	device->device = strdup("0000:00:03.0");
	device->iommufd = strdup("iommu");
}

static int setup(void **state _unused_)
{
	memset(&w, 0, sizeof(w));
	snprintf(w.run, sizeof(w.run), "/tmp/luod-fault-XXXXXX");
	assert_non_null(mkdtemp(w.run));
	w.m.paths.run = w.run;
	w.m.paths.root = "";
	w.m.kernel_fd = w.m.update.timeline.fd = -EBADF;
	w.m.conf.step_timeout_usec = w.m.conf.quiesce_timeout_usec = USEC_PER_SEC / 2;
	w.m.conf.ready_timeout_usec = w.m.conf.max_ready_timeout_usec = USEC_PER_SEC;
	TAILQ_INIT(&w.m.sessions);
	TAILQ_INIT(&w.m.jobs);
	log_set_level(LOG_EMERG);
	assert_true(sd_event_new(&w.m.event) >= 0);
	add_session("kept", SESSION_CUSTODY);
	add_session("own", SESSION_DELEGATION);
	add_device(add_session("dev", SESSION_CUSTODY));
	return 0;
}

static void forget_faults(void)
{
	static const char *const names[] = { "fault", "fault.done" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = strprintf("%s/%s", w.run, names[i]);

		unlink(path);
	}
}

static int teardown(void **state _unused_)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&w.m.sessions))) {
		TAILQ_REMOVE(&w.m.sessions, s, entry);
		session_free(s);
	}
	while (!TAILQ_EMPTY(&w.m.jobs))
		job_free(TAILQ_FIRST(&w.m.jobs));
	update_clear(&w.m.update);
	sd_event_unref(w.m.event);
	forget_faults();
	rmdir(w.run);
	return 0;
}

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* From its begin to its end, which is never the jump: this machine's kernel refuses that. */
static void update(enum conf_jump jump)
{
	struct update_info info = { .id = "0123", .jump = jump };
	struct job *job;

	info.from = strdup("old");
	info.to = strdup("new");
	assert_int_equal(job_new(&w.m, info.id, &job), 0);
	w.m.job = job;
	w.histories = w.calls = w.jumps = 0;
	w.failed_in_undo = false;
	assert_int_equal(update_start(&w.m, &info, false), 0);
	while (w.m.update.phase != PHASE_IDLE)
		assert_true(sd_event_run(w.m.event, 5 * USEC_PER_SEC) > 0);
}

static void assert_called_off(void)
{
	const struct session *s;

	assert_int_equal(w.histories, 1);
	assert_string_equal(w.result, "failed");
	assert_true(*w.why);
	assert_null(w.m.job);
	TAILQ_FOREACH(s, &w.m.sessions, entry)
		assert_int_equal(s->state, SESSION_IDLE);
}

static void assert_nothing_left(unsigned int files)
{
	const struct session *s;

	for (size_t i = 0; i < KEPT_MAX; i++)
		assert_string_equal(w.kept[i].name, "");
	TAILQ_FOREACH(s, &w.m.sessions, entry)
		assert_true(s->kernel_fd < 0);
	assert_true(w.m.kernel_fd < 0);
	assert_false(w.marked);
	assert_false(w.quiesced || w.frozen || w.aside);
	assert_int_equal(open_files(), files);
}

/* Nothing goes wrong this time, but that the kernel does not jump. */
static void comes_to_the_jump(void)
{
	w.fail_at = 0;
	update(CONF_JUMP_DIRECT);
	assert_int_equal(w.jumps, 1);
	assert_called_off();
	assert_string_equal(w.why, "The kernel refused the jump: Invalid argument.");
}

/* As many are open as after the first update, which has made what the event loop keeps. */
static unsigned int open_files_of_luod(void)
{
	comes_to_the_jump();
	return open_files();
}

static void write_faults(const char *text)
{
	_cleanup_free_ char *path = strprintf("%s/fault", w.run);

	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600), 0);
}

static char *faults_done(void)
{
	_cleanup_free_ char *path = strprintf("%s/fault.done", w.run);
	char *text = NULL;

	return file_read_full(path, 4096, &text, NULL) < 0 ? strdup("") : text;
}

/* --- the points ------------------------------------------------------------------------------- */

/* What an undo says, nobody listens to: that each was there is in what is left. */
static void test_every_point(void **state _unused_)
{
	static const char *const words[] = { "EIO", "ENOMEM", "EMFILE", "ENOSPC" };
	unsigned int files = open_files_of_luod();

	for (unsigned int step = 0; step < update_n_steps; step++)
		for (unsigned int i = 0; i < 2 * ARRAY_SIZE(words); i++) {
			const char *when = i % 2 ? "done" : "act";
			_cleanup_free_ char *line = strprintf("%s:%s %s\n", update_steps[step].name,
							      when, words[i / 2]);
			_cleanup_free_ char *done = NULL, *why = NULL;

			if (i % 2 && step + 1 == update_n_steps)
				continue;
			write_faults(line);
			update(CONF_JUMP_DIRECT);
			done = faults_done();
			assert_string_equal(done, line);
			why = strprintf("Step '%s' failed: %s.", update_steps[step].name,
					strerror(errors[i / 2]));
			assert_string_equal(w.why, why);
			assert_called_off();
			assert_nothing_left(files);
			forget_faults();
		}
	comes_to_the_jump();
	assert_nothing_left(files);
}

/* A line comes true once, the others stay, and of what is no line nothing happens. */
static void test_lines(void **state _unused_)
{
	_cleanup_free_ char *done = NULL, *rest = NULL, *path = strprintf("%s/fault", w.run);

	write_faults("\nmemory:act EIO\nno-such-point EIO\nsessions:done\nsessions:done WHAT\n"
		     "memory:act ENOMEM");
	update(CONF_JUMP_DIRECT);
	assert_string_equal(w.why, "Step 'memory' failed: Input/output error.");
	update(CONF_JUMP_DIRECT);
	assert_string_equal(w.why, "Step 'memory' failed: Cannot allocate memory.");
	update(CONF_JUMP_DIRECT);
	assert_int_equal(w.jumps, 1);
	done = faults_done();
	assert_string_equal(done, "sessions:done WHAT\nmemory:act EIO\nmemory:act ENOMEM\n");
	assert_int_equal(file_read_full(path, 4096, &rest, NULL), 0);
	assert_string_equal(rest, "\nno-such-point EIO\nsessions:done\n");
}

static bool lists(const char *text, const char *step, const char *when)
{
	_cleanup_free_ char *line = strprintf("%s:%s\n", step, when);

	return strstr(text, line) != NULL;
}

/* No step without its points, and nothing else is understood as a wish to see them. */
static void test_list(void **state _unused_)
{
	char luod[] = "luod", faults[] = "--faults", help[] = "--help";
	int list = memfd_new("list"), old = fd_dup(STDOUT_FILENO);
	_cleanup_free_ char *text = NULL;

	assert_false(fault_list_asked(1, (char *[]){ luod, NULL }));
	assert_false(fault_list_asked(2, (char *[]){ luod, help, NULL }));
	fflush(stdout);
	assert_true(dup2(list, STDOUT_FILENO) >= 0);
	assert_true(fault_list_asked(2, (char *[]){ luod, faults, NULL }));
	fflush(stdout);
	assert_true(dup2(old, STDOUT_FILENO) >= 0);
	assert_int_equal(lseek(list, 0, SEEK_SET), 0);
	assert_true(fd_read_full(list, 65536, &text, NULL) >= 0);
	close(list);
	close(old);
	for (unsigned int i = 0; i < update_n_steps; i++) {
		const struct step *step = &update_steps[i];

		assert_true(lists(text, step->name, "act"));
		assert_int_equal(lists(text, step->name, "done"), i + 1 < update_n_steps);
		assert_int_equal(lists(text, step->name, "undo"), step->undo != NULL);
	}
}

/* --- the calls --------------------------------------------------------------------------------- */

static bool luod_knows_of_marks(void)
{
	struct session *s = TAILQ_LAST(&w.m.sessions, session_list);

	return !w.marked || session_find_resource(s, "iommu")->dma.marked;
}

/* False: there was no such call any more. */
static bool fail_call(unsigned int n, int error, enum conf_jump jump)
{
	w.fail_at = n;
	w.error = error;
	update(jump);
	return w.calls >= n;
}

static void test_every_call(void **state _unused_)
{
	unsigned int files = open_files_of_luod(), n, in_undo = 0;

	for (n = 1; n < CALLS_MAX; n++)
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			if (!fail_call(n, errors[i], CONF_JUMP_DIRECT)) {
				assert_true(in_undo > 0);
				return;
			}
			assert_called_off();
			if (!w.failed_in_undo && w.jumps == 0 && !strstr(w.why, "The check found"))
				assert_non_null(strstr(w.why, strerror(errors[i])));
			/* What could not be taken back this time, is taken back the next. */
			in_undo += w.failed_in_undo;
			if (!w.failed_in_undo)
				assert_nothing_left(files);
			assert_false(w.quiesced || w.frozen || w.aside);
			assert_true(luod_knows_of_marks());
			comes_to_the_jump();
			assert_nothing_left(files);
		}
	fail_msg("an update has more than %u calls", n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_point),
		TEST(test_lines),
		TEST(test_list),
		TEST(test_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

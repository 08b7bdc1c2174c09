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

#include "fault-world.h"

static const int errors[] = { EIO, ENOMEM, EMFILE, ENOSPC };

/* --- what tests are told with ----------------------------------------------------------------- */

static struct session *add_session(const char *name, enum session_mode mode)
{
	struct resource *ram;
	struct session *s;
	int fd;

	assert_int_equal(session_new(name, 0, "vm.service", &s), 0);
	s->manager = &w.m;
	s->mode = mode;
	s->state = SESSION_IDLE;
	TAILQ_INSERT_TAIL(&w.m.sessions, s, entry);
	w.m.n_sessions++;
	if (mode != SESSION_CUSTODY)
		return s;
	fd = memfd_new("ram");
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(session_add_resource(s, "ram", RESOURCE_MEMORY, 1, 4096, fd, &ram), 0);
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
	w.grows = -1;
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
	forget_updates(&w.m);
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
	stored.n = w.calls = w.jumps = 0;
	w.failed_in_undo = false;
	begin_update(&w.m, jump);
	while (w.m.update.phase != PHASE_IDLE)
		assert_true(sd_event_run(w.m.event, 5 * USEC_PER_SEC) > 0);
}

static void assert_called_off(void)
{
	const struct session *s;

	assert_int_equal(stored.n, 1);
	assert_string_equal(stored.result, "failed");
	assert_true(*stored.why);
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
	assert_string_equal(stored.why, "The kernel refused the jump: Invalid argument.");
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
static void fail_every_point(enum conf_jump jump)
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
			if (jump != CONF_JUMP_DIRECT && update_steps[step].direct_only)
				continue;
			write_faults(line);
			update(jump);
			done = faults_done();
			assert_string_equal(done, line);
			why = strprintf("Step '%s' failed: %s.", update_steps[step].name,
					strerror(errors[i / 2]));
			assert_string_equal(stored.why, why);
			assert_called_off();
			assert_nothing_left(files);
			forget_faults();
		}
	comes_to_the_jump();
	assert_nothing_left(files);
}

static void test_every_point(void **state _unused_)
{
	fail_every_point(CONF_JUMP_DIRECT);
	fail_every_point(CONF_JUMP_SYSTEMD);
}

/* A line comes true once, the others stay, and of what is no line nothing happens. */
static void test_lines(void **state _unused_)
{
	_cleanup_free_ char *done = NULL, *rest = NULL, *path = strprintf("%s/fault", w.run);

	write_faults("\nmemory:act EIO\nno-such-point EIO\nsessions:done\nsessions:done WHAT\n"
		     "memory:act ENOMEM");
	update(CONF_JUMP_DIRECT);
	assert_string_equal(stored.why, "Step 'memory' failed: Input/output error.");
	update(CONF_JUMP_DIRECT);
	assert_string_equal(stored.why, "Step 'memory' failed: Cannot allocate memory.");
	update(CONF_JUMP_DIRECT);
	assert_int_equal(w.jumps, 1);
	done = faults_done();
	assert_string_equal(done, "sessions:done WHAT\nmemory:act EIO\nmemory:act ENOMEM\n");
	assert_int_equal(file_read_full(path, 4096, &rest, NULL), 0);
	assert_string_equal(rest, "\nno-such-point EIO\nsessions:done\n");
}

/* While it cannot be noted, an error comes true all the same; what luod does not live through does not. */
static void test_not_noted(void **state _unused_)
{
	_cleanup_free_ char *done = strprintf("%s/fault.done", w.run);

	assert_int_equal(mkdir(done, 0700), 0);
	write_faults("check:act kill\ncheck:act stop\nmemory:act EIO\n");
	update(CONF_JUMP_DIRECT);
	assert_string_equal(stored.why, "Step 'memory' failed: Input/output error.");
	assert_int_equal(rmdir(done), 0);
	forget_faults();
	comes_to_the_jump();
}

/* Only as much is preserved as was counted, also when it grows in the last moment. */
static void test_resized(void **state _unused_)
{
	struct session *s = TAILQ_FIRST(&w.m.sessions);
	struct resource *ram = TAILQ_FIRST(&s->resources);

	for (unsigned int i = 0; i < 3; i++) {
		w.grows = i == 2 ? ram->fd : -1;
		assert_int_equal(ftruncate(ram->fd, i == 0 ? 8192 : i == 1 ? 1 : 4096), 0);
		update(CONF_JUMP_DIRECT);
		assert_called_off();
		assert_string_equal(stored.why,
				    "Session 0/kept: 'ram' does not have the size any more "
				    "that it was attached with, 4096 bytes.");
	}
	w.grows = -1;
	s->policy = SESSION_BEST_EFFORT;
	update(CONF_JUMP_DIRECT);
	assert_int_equal(w.jumps, 1);
	s->policy = SESSION_REQUIRED;
	assert_int_equal(ftruncate(ram->fd, 4096), 0);
	comes_to_the_jump();
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

static void fail_every_call(enum conf_jump jump)
{
	unsigned int files = open_files_of_luod(), n, in_undo = 0;

	for (n = 1; n < CALLS_MAX; n++)
		for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
			if (!fail_call(n, errors[i], jump)) {
				assert_int_equal(w.jumps, 1);
				assert_true(in_undo > 0);
				return;
			}
			assert_called_off();
			if (!w.failed_in_undo && w.jumps == 0 &&
			    !strstr(stored.why, "The check found"))
				assert_non_null(strstr(stored.why, strerror(errors[i])));
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

static void test_every_call(void **state _unused_)
{
	fail_every_call(CONF_JUMP_DIRECT);
	fail_every_call(CONF_JUMP_SYSTEMD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resized),   TEST(test_every_point), TEST(test_lines),
		TEST(test_not_noted), TEST(test_list),	      TEST(test_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

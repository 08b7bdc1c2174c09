/* SPDX-License-Identifier: GPL-2.0-or-later */
/* state: what cannot be written down now is written later, and what cannot be read is not nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "luod/log.h"
#include "luod/state.h"

static char folder[64], run_dir[96], file[128];
static struct manager m;

static int setup(void **state _unused_)
{
	snprintf(folder, sizeof(folder), "/tmp/luod-state-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(run_dir, sizeof(run_dir), "%s/run", folder);
	snprintf(file, sizeof(file), "%s/state.json", run_dir);
	m = (struct manager){ .paths.run = run_dir, .settled = true };
	TAILQ_INIT(&m.sessions);
	assert_true(sd_event_new(&m.event) >= 0);
	assert_int_equal(manager_prepare_save(&m), 0);
	log_set_level(LOG_EMERG);
	return 0;
}

static int teardown(void **state _unused_)
{
	sd_event_source_disable_unref(m.save_again);
	sd_event_source_disable_unref(m.metrics_timer);
	sd_event_unref(m.event);
	unlink(file);
	rmdir(run_dir);
	return rmdir(folder);
}

static void test_saved_later(void **state _unused_)
{
	manager_save(&m);
	assert_true(m.unsaved);
	assert_int_equal(mkdir(run_dir, 0700), 0);
	while (m.unsaved)
		assert_true(sd_event_run(m.event, 10 * USEC_PER_SEC) > 0);
	assert_int_equal(access(file, F_OK), 0);
}

/* One timer, however often; and nothing is written when a later change has been. */
static void test_saved_meanwhile(void **state _unused_)
{
	manager_save(&m);
	manager_save(&m);
	assert_int_equal(mkdir(run_dir, 0700), 0);
	manager_save(&m);
	assert_false(m.unsaved);
	assert_int_equal(unlink(file), 0);
	assert_true(sd_event_run(m.event, 10 * USEC_PER_SEC) > 0);
	assert_int_equal(access(file, F_OK), -1);
}

static void test_none(void **state _unused_)
{
	struct handover h;

	assert_int_equal(state_load(&m, &h), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_saved_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_saved_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeline: a page through a jump, and pages that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "luod/timeline.h"

/* A page whose counter runs at 2 MHz per millisecond: 2,000 ticks are a microsecond. */
static int page_fd(struct timeline_page *page)
{
	int fd = memfd_new("test");

	assert_int_equal(write(fd, page, sizeof(*page)), sizeof(*page));
	assert_int_equal(ftruncate(fd, TIMELINE_SIZE), 0);
	return fd;
}

static struct timeline_page good_page(void)
{
	struct timeline_page page = { .magic = "luodTML", .version = 1 };

	page.calibration[0].tsc = 1000;
	page.calibration[0].monotonic_nsec = 1000;
	page.calibration[1].tsc = 1000 + 2000000000;
	page.calibration[1].monotonic_nsec = 1000 + 1000000000;
	page.marks[MARK_BEGIN].tsc = 5000;
	page.marks[MARK_BEGIN].realtime_usec = 100;
	page.marks[MARK_FIRST_READY] = (struct timeline_stamp){ 5000 + 2000 * 300, 400 };
	page.marks[MARK_LAST_RESUMED] = (struct timeline_stamp){ 5000 + 2000 * 1300, 90 };
	return page;
}

/* A luod of before wrote none; and what comes out of a kexec may be anything. */
static void test_id(void **state _unused_)
{
	static const char *const wrong[] = { "", "0123", "0123456789ABCDEF0123456789ABCDEF",
					     "0123456789abcdef0123456789abcdef0",
					     "../../../../0123456789abcdef0123" };
	static const char id[] = "0123456789abcdef0123456789abcdef";
	struct timeline t = { .fd = -EBADF };
	struct timeline_page page = good_page();

	assert_string_equal(timeline_id(&t), "");
	assert_int_equal(timeline_open(page_fd(&page), &t), 0);
	assert_string_equal(timeline_id(&t), "");
	timeline_set_id(&t, id);
	assert_string_equal(timeline_id(&t), id);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		timeline_set_id(&t, wrong[i]);
		assert_string_equal(timeline_id(&t), "");
	}
	memset(t.page->update_id, 'a', sizeof(t.page->update_id));
	assert_string_equal(timeline_id(&t), "");
	timeline_close(&t);
	timeline_set_id(&t, id);
}

static void test_new_page(void **state _unused_)
{
	struct timeline t = { .fd = -EBADF }, again = { .fd = -EBADF };
	uint64_t usec, same;

	assert_int_equal(timeline_new(&t), 0);
	assert_true(timeline_get(t.page, MARK_BEGIN, &usec));
	assert_int_equal(usec, 0);
	assert_false(timeline_get(t.page, MARK_JUMP, &usec));
	assert_false(timeline_blackout(t.page, &usec));
	usleep(2000);
	timeline_mark(&t, MARK_FIRST_READY);
	timeline_calibrate(&t);
	assert_true(timeline_get(t.page, MARK_FIRST_READY, &usec));
	assert_true(usec >= 1000);

	/* The other side sees the same, and what is set once stays. */
	assert_int_equal(timeline_open(fcntl(t.fd, F_DUPFD_CLOEXEC, 3), &again), 0);
	timeline_mark_once(&again, MARK_FIRST_READY);
	assert_true(timeline_get(again.page, MARK_FIRST_READY, &same));
	assert_int_equal(usec, same);
	timeline_mark_once(&again, MARK_LAST_RESUMED);
	assert_true(timeline_blackout(t.page, &usec));
	timeline_close(&again);
	timeline_close(&t);
	timeline_close(&t);
	timeline_mark(&t, MARK_JUMP);
	timeline_mark_once(&t, MARK_JUMP);
	timeline_calibrate(&t);
}

static void test_times(void **state _unused_)
{
	struct timeline_page page = good_page();
	uint64_t usec;

	assert_true(timeline_get(&page, MARK_FIRST_READY, &usec));
	assert_int_equal(usec, 300);
	assert_true(timeline_blackout(&page, &usec));
	assert_int_equal(usec, 1000);

	/* A counter that began anew, or whose frequency is nonsense: the wall clock. */
	page.marks[MARK_LAST_RESUMED] = (struct timeline_stamp){ 7, 900 };
	assert_true(timeline_blackout(&page, &usec));
	assert_int_equal(usec, 500);
	page = good_page();
	page.calibration[1].tsc = 0;
	page.marks[MARK_LAST_RESUMED].realtime_usec = 1000;
	assert_true(timeline_blackout(&page, &usec));
	assert_int_equal(usec, 600);
	page = good_page();
	page.calibration[1].tsc = UINT64_MAX;
	assert_true(timeline_blackout(&page, &usec));
	assert_int_equal(usec, 0); /* and that one went backwards */
}

static void test_what_is_no_page(void **state _unused_)
{
	struct timeline t = { .fd = -EBADF };
	struct timeline_page page = good_page();
	int fd, pipes[2];

	page.version = 2;
	fd = page_fd(&page);
	assert_int_equal(timeline_open(fd, &t), -EBADMSG);
	close(fd);
	page = good_page();
	page.magic[0] = 'L';
	fd = page_fd(&page);
	assert_int_equal(timeline_open(fd, &t), -EBADMSG);
	assert_int_equal(ftruncate(fd, TIMELINE_SIZE - 1), 0);
	assert_int_equal(timeline_open(fd, &t), -EBADMSG);
	close(fd);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(timeline_open(pipes[0], &t), -EBADMSG);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(timeline_open(-1, &t), -EBADF);
	assert_null(t.page);
}

/* The numbers of the marks are ABI. */
static void test_marks(void **state _unused_)
{
	for (int i = 0; i < MARK_MAX; i++)
		assert_int_equal(mark_from_string(mark_to_string((enum mark)i)), i);
	assert_int_equal(MARK_FIRST_READY, 6);
	assert_int_equal(MARK_JUMP, 10);
	assert_int_equal(MARK_LAST_RESUMED, 17);
	assert_int_equal(offsetof(struct timeline_page, marks), 48);
	assert_true(mark_from_string("") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id),    cmocka_unit_test(test_new_page),
		cmocka_unit_test(test_times), cmocka_unit_test(test_what_is_no_page),
		cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What luctl makes of numbers, times, hostile text and marks; no luod is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luctl/json.h"
#include "luctl/output.h"
#include "luctl/phase.h"

#define assert_text(call, expected)                   \
	do {                                          \
		char *_text = (call);                 \
		assert_non_null(_text);               \
		assert_string_equal(_text, expected); \
		free(_text);                          \
	} while (0)

static void test_durations(void **state)
{
	assert_text(luctl_format_duration(0), "0 us");
	assert_text(luctl_format_duration(999), "999 us");
	assert_text(luctl_format_duration(412345), "412.3 ms");
	assert_text(luctl_format_duration(1200000), "1.20 s");
	assert_text(luctl_format_duration(182 * USEC_PER_SEC), "3 min 2 s");
	assert_text(luctl_format_duration(7260 * USEC_PER_SEC), "2 h 1 min");
	assert_text(luctl_format_duration(USEC_INFINITY), "infinity");
}

static void test_bytes(void **state)
{
	assert_text(luctl_format_bytes(0), "0 B");
	assert_text(luctl_format_bytes(1023), "1023 B");
	assert_text(luctl_format_bytes(268435456), "256.0 MiB");
	assert_text(luctl_format_bytes(UINT64_MAX), "16.0 EiB");
}

static void test_parse_duration(void **state)
{
	static const char *const bad[] = { "",
					   "s",
					   "-1",
					   "+1",
					   " 1",
					   "1 s",
					   "1d",
					   "1.5s",
					   "x",
					   "99999999999999999999",
					   "18446744073709551615s" };
	uint64_t usec;

	assert_int_equal(luctl_parse_duration("30", &usec), 0);
	assert_int_equal(usec, 30 * USEC_PER_SEC);
	assert_int_equal(luctl_parse_duration("500ms", &usec), 0);
	assert_int_equal(usec, 500000);
	assert_int_equal(luctl_parse_duration("2min", &usec), 0);
	assert_int_equal(usec, 120 * USEC_PER_SEC);
	assert_int_equal(luctl_parse_duration("infinity", &usec), 0);
	assert_int_equal(usec, USEC_INFINITY);
	usec = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(luctl_parse_duration(bad[i], &usec), -EINVAL);
	assert_int_equal(usec, 77);
}

static void test_safe(void **state)
{
	assert_text(luctl_safe(NULL), "");
	assert_text(luctl_safe("plain, Überbau ✓ 𝄞"), "plain, Überbau ✓ 𝄞");
	assert_text(luctl_safe("a\033[2Jb\n\x7f"), "a\\x1b[2Jb\\x0a\\x7f");
	/* CSI as one C1 character, and bytes that are no UTF-8. */
	assert_text(luctl_safe("\xc2\x9b"
			       "31m"),
		    "\\xc2\\x9b31m");
	assert_text(luctl_safe("\xff\xc3"), "\\xff\\xc3");
	assert_text(luctl_safe("\xe2\x82"), "\\xe2\\x82");
	/* The last character there is before C1 ends, and the first behind it. */
	assert_text(luctl_safe("\xc2\x9f\xc2\xa0"), "\\xc2\\x9f\xc2\xa0");
}

static void test_fold(void **state)
{
	assert_text(luctl_fold("", 5), "");
	assert_text(luctl_fold("one two three", 80), "one two three");
	assert_text(luctl_fold("one two three", 7), "one two\nthree");
	assert_text(luctl_fold("one two three", 6), "one\ntwo\nthree");
	/* A word that is too long stays whole. */
	assert_text(luctl_fold("a incomprehensibilities b", 5), "a\nincomprehensibilities\nb");
	assert_text(luctl_fold("one two", 0), "one\ntwo");
}

static struct luctl_timeline timeline_of(struct luctl_mark *marks, size_t n)
{
	return (struct luctl_timeline){
		.blackout = USEC_INFINITY,
		.marks = { .items = marks, .count = n },
	};
}

static void test_phases(void **state)
{
	struct luctl_mark marks[] = {
		{ .name = (char *)"begin", .usec = 0 },
		{ .name = (char *)"check", .usec = 10 },
		{ .name = (char *)"first-ready", .usec = 30 },
		{ .name = (char *)"jump", .usec = 40 },
		{ .name = (char *)"last-resumed", .usec = 100 }, /* out of order */
		{ .name = (char *)"keeper", .usec = 80 },
		{ .name = (char *)"future", .usec = 90 },
		{ .name = (char *)"finished", .usec = 120 },
	};
	struct luctl_timeline timeline = timeline_of(marks, ARRAY_SIZE(marks));
	struct luctl_phases phases;
	uint64_t sum = 0;

	assert_int_equal(luctl_phases_of(&timeline, &phases), 0);
	assert_int_equal(phases.count, 7);
	assert_string_equal(phases.items[0].title, "check");
	assert_false(phases.items[0].blackout);
	assert_string_equal(phases.items[2].title, "leave the old kernel");
	assert_int_equal(phases.items[2].side, LUCTL_OLD_KERNEL);
	assert_true(phases.items[2].blackout);
	assert_int_equal(phases.items[3].side, LUCTL_BETWEEN);
	assert_int_equal(phases.items[3].duration, 40);
	/* A mark of a newer luod still makes a phase, in the kernel that runs by then. */
	assert_string_equal(phases.items[4].title, "future");
	assert_int_equal(phases.items[4].side, LUCTL_NEW_KERNEL);
	assert_string_equal(phases.items[5].to, "last-resumed");
	assert_false(phases.items[6].blackout);
	for (size_t i = 0; i < phases.count; i++)
		sum += phases.items[i].duration;
	assert_int_equal(sum, 120);
	luctl_phases_clear(&phases);
	/* luod's blackout is rounded anew: its last phase belongs to it all the same. */
	timeline.blackout = 69;
	assert_int_equal(luctl_phases_of(&timeline, &phases), 0);
	assert_true(phases.items[5].blackout);
	luctl_phases_clear(&phases);
}

static void test_few_marks(void **state)
{
	struct luctl_mark mark = { .name = (char *)"begin" };
	struct luctl_timeline timeline = timeline_of(&mark, 1);
	struct luctl_phases phases;
	uint64_t start, duration;

	assert_int_equal(luctl_phases_of(&timeline, &phases), 0);
	assert_int_equal(phases.count, 0);
	assert_false(luctl_blackout(&timeline, &start, &duration));
	luctl_phases_clear(&phases);
}

static void test_blackout(void **state)
{
	struct luctl_mark marks[] = {
		{ .name = (char *)"first-ready", .usec = 30 },
		{ .name = (char *)"last-resumed", .usec = 100 },
	};
	struct luctl_timeline timeline = timeline_of(marks, 2);
	uint64_t start, duration;

	assert_true(luctl_blackout(&timeline, &start, &duration));
	assert_int_equal(start, 30);
	assert_int_equal(duration, 70);
	timeline.blackout = 71; /* luod's word is better */
	assert_true(luctl_blackout(&timeline, &start, &duration));
	assert_int_equal(duration, 71);
	timeline.marks.count = 1;
	assert_false(luctl_blackout(&timeline, &start, &duration));
}

static void test_bar(void **state)
{
	struct luctl_phase phase = { .start = 0, .duration = 50 };

	assert_text(luctl_phase_bar(&phase, 100, 10, "#"), "#####");
	phase = (struct luctl_phase){ .start = 50, .duration = 50 };
	assert_text(luctl_phase_bar(&phase, 100, 10, "█"), "     █████");
	/* Never nothing, never too long. */
	phase = (struct luctl_phase){ .start = 100, .duration = 0 };
	assert_text(luctl_phase_bar(&phase, 100, 10, "#"), "         #");
	phase = (struct luctl_phase){ .start = 0, .duration = 500 };
	assert_text(luctl_phase_bar(&phase, 100, 10, "#"), "##########");
	phase = (struct luctl_phase){ .start = UINT64_MAX, .duration = UINT64_MAX };
	assert_text(luctl_phase_bar(&phase, 0, 10, "#"), "#");
}

static void test_json(void **state)
{
	json_t *json = luctl_json_u64(UINT64_MAX), *array;

	assert_true(json_is_null(json));
	json_decref(json);
	json = luctl_json_u64(INT64_MAX);
	assert_int_equal(json_integer_value(json), INT64_MAX);
	json_decref(json);
	/* One part that could not be built spoils the whole, without a leak. */
	json = json_object();
	luctl_json_set(&json, "a", json_integer(1));
	luctl_json_set(&json, "b", NULL);
	assert_null(json);
	luctl_json_set(&json, "c", json_integer(2));
	assert_null(json);
	array = json_array();
	luctl_json_append(&array, NULL);
	assert_null(array);
	luctl_json_append(&array, json_integer(1));
	assert_null(array);
}

static void test_object_names(void **state)
{
	assert_text(luctl_bus_object_name("/org/luod1"), "luod");
	assert_text(luctl_bus_object_name("/org/luod1/session/_30_2fvm1"), "0/vm1");
	assert_text(luctl_bus_object_name("/org/luod1/job/7"), "job 7");
	assert_text(luctl_bus_object_name("/else"), "/else");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_parse_duration),
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_few_marks),
		cmocka_unit_test(test_blackout),
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_object_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

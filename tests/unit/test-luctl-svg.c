/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * svg: whatever luod and its clients say, the picture of a timeline is well-formed XML, and what it
 * shows lies where it took place. $SVG_OUT keeps the pictures, to be looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "assert-text.h"
#include "luctl/svg.h"
#include "program.h"

#define MS USEC_PER_MSEC

struct moment {
	const char *name;
	uint64_t usec;
};

/* A direct update of some seconds, as the lab has them. */
static const struct moment usual[] = {
	{ "begin", 0 },
	{ "check", 214 * MS },
	{ "sessions", 219 * MS },
	{ "memory", 1403 * MS },
	{ "quiesce", 3120 * MS },
	{ "first-ready", 3190 * MS },
	{ "all-ready", 3310 * MS },
	{ "barrier", 3311 * MS },
	{ "record", 3318 * MS },
	{ "filesystems", 3352 * MS },
	{ "jump", 3355 * MS },
	{ "keeper", 4870 * MS },
	{ "luod", 4902 * MS },
	{ "restored", 4951 * MS },
	{ "first-claim", 5480 * MS },
	{ "last-claim", 5611 * MS },
	{ "first-resumed", 5702 * MS },
	{ "last-resumed", 5843 * MS },
	{ "finished", 5850 * MS },
};

/* Hours before the blackout and after it, and microseconds within. */
static const struct moment extreme[] = {
	{ "begin", 0 },
	{ "check", 3 },
	{ "sessions", 9 },
	{ "memory", 1800 * USEC_PER_SEC },
	{ "quiesce", 1860 * USEC_PER_SEC },
	{ "first-ready", 1860 * USEC_PER_SEC + 400 * MS },
	{ "all-ready", 1860 * USEC_PER_SEC + 400 * MS + 80 },
	{ "barrier", 1860 * USEC_PER_SEC + 400 * MS + 95 },
	{ "record", 1860 * USEC_PER_SEC + 402 * MS },
	{ "filesystems", 1860 * USEC_PER_SEC + 409 * MS },
	{ "jump", 1860 * USEC_PER_SEC + 409 * MS + 7 },
	{ "keeper", 1861 * USEC_PER_SEC + 99 * MS },
	{ "luod", 1861 * USEC_PER_SEC + 110 * MS },
	{ "restored", 1861 * USEC_PER_SEC + 119 * MS },
	{ "first-claim", 1861 * USEC_PER_SEC + 202 * MS },
	{ "last-claim", 1861 * USEC_PER_SEC + 202 * MS + 700 },
	{ "first-resumed", 1861 * USEC_PER_SEC + 230 * MS },
	{ "last-resumed", 1861 * USEC_PER_SEC + 260 * MS },
	{ "finished", 12000 * USEC_PER_SEC },
};

static const struct moment called_off[] = {
	{ "begin", 0 },		{ "check", 180 * MS },	  { "sessions", 184 * MS },
	{ "memory", 950 * MS }, { "quiesce", 2800 * MS }, { "first-ready", 2870 * MS },
};

/* One guest's blackout is most of the time; the picture has an unknown mark. */
static const struct moment odd[] = {
	{ "begin", 0 },
	{ "first-ready", 1 },
	{ "a-mark-from-the-future-with-a-very-long-name-<&>", 2 },
	{ "jump", 3 },
	{ "last-resumed", 40 * USEC_PER_SEC },
};

#define TIMELINE(moments) make(moments, ARRAY_SIZE(moments))

static struct luctl_timeline make(const struct moment *moments, size_t n)
{
	struct luctl_timeline t = LUCTL_TIMELINE_UNKNOWN;

	t.marks.items = calloc(n, sizeof(*t.marks.items));
	t.marks.count = n;
	for (size_t i = 0; i < n; i++)
		t.marks.items[i] =
			(struct luctl_mark){ strdup(moments[i].name), moments[i].usec,
					     1795219200 * USEC_PER_SEC + moments[i].usec };
	t.update_id = strdup("0123456789abcdef0123456789abcdef");
	t.from = strdup("7.3.4-luod");
	t.to = strdup("7.3.5-luod");
	t.jump = strdup("direct");
	t.result = strdup("done");
	t.uid = 0;
	t.unit = strdup("session-3.scope");
	t.began = 1795219200 * USEC_PER_SEC;
	return t;
}

/* The picture; the caller frees it. Fails unless an XML parser takes it. */
static char *draw(const struct luctl_timeline *t, const char *name)
{
	_cleanup_(luctl_phases_clear) struct luctl_phases phases = {};
	static const char parse[] =
		"import sys, xml.etree.ElementTree as e; e.parse(sys.stdin.buffer)";
	_cleanup_free_ char *kept = NULL;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_int_equal(luctl_phases_of(t, &phases), 0);
	assert_int_equal(luctl_svg_print(f, t, &phases), 0);
	fclose(f);
	if (getenv("SVG_OUT")) {
		kept = strprintf("%s/%s.svg", getenv("SVG_OUT"), name);
		f = fopen(kept, "we");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	if (program_run(PROGRAM("python3", "-c", parse), text, NULL) != 0)
		fail_msg("no XML:\n%s", text);
	return text;
}

static void replace(char **text, const char *value)
{
	assert_int_equal(free_and_strdup(text, value), 0);
}

static void test_usual(void **state)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline t = TIMELINE(usual);
	_cleanup_free_ char *text = NULL;

	replace(&t.reason, "security fix of the week");
	text = draw(&t, "usual");
	assert_contains(text, ">7.3.4-luod → 7.3.5-luod: done<");
	assert_contains(text, "by uid 0, session-3.scope");
	assert_contains(text, "blackout 2.65 s");
	assert_contains(text, ">old kernel<");
	assert_contains(text, ">between the kernels<");
	assert_contains(text, ">new kernel<");
	assert_contains(text, ">kexec, boot the new kernel<");
	assert_contains(text, ">1.51 s<");
	assert_contains(text, ">jump<");
	assert_contains(text, "security fix of the week");
	assert_lacks(text, "took longer than drawn");
}

static void test_extreme(void **state)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline t = TIMELINE(extreme);
	_cleanup_free_ char *text = draw(&t, "extreme");

	assert_contains(text, ">6 us<");
	assert_contains(text, ">2 h 48 min<");
	assert_contains(text, "blackout 860.0 ms");
	assert_contains(text, "took longer than drawn");
}

static void test_called_off(void **state)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline t = TIMELINE(called_off);
	_cleanup_free_ char *text = NULL;

	replace(&t.result, "cancelled");
	replace(&t.error, "Cancelled: the change window is over.");
	text = draw(&t, "called-off");
	assert_contains(text, "7.3.5-luod: cancelled<");
	assert_contains(text, "the change window is over");
	assert_lacks(text, ">jump<");
	assert_lacks(text, "class=\"jump\"");
	assert_lacks(text, "blackout ");
	assert_lacks(text, ">new kernel<");
}

static void test_odd(void **state)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline t = TIMELINE(odd);
	_cleanup_free_ char *text = NULL;

	replace(&t.from, "7.3.4-with-a-name-that-a-distribution-gave-to-it-amd64");
	replace(&t.to, "7.3.5-with-a-name-that-a-distribution-gave-to-it-amd64");
	replace(&t.result, "degraded");
	text = draw(&t, "odd");
	assert_contains(text, "blackout 40.00 s");
	assert_contains(text, ">7.3.4-with-a-name-that-a-distributi… → 7.3.5-with");
}

/* No marks at all, one, and all at the same moment. */
static void test_nothing(void **state)
{
	const struct moment one[] = { { "begin", 0 } };
	const struct moment same[] = { { "begin", 0 },
				       { "first-ready", 0 },
				       { "last-resumed", 0 } };
	_cleanup_(luctl_timeline_clear) struct luctl_timeline none = LUCTL_TIMELINE_UNKNOWN;
	_cleanup_(luctl_timeline_clear) struct luctl_timeline single = TIMELINE(one);
	_cleanup_(luctl_timeline_clear) struct luctl_timeline equal = TIMELINE(same);
	_cleanup_free_ char *a = draw(&none, "none"), *b = draw(&single, "single");
	_cleanup_free_ char *c = draw(&equal, "equal");

	assert_contains(a, "No phase of this update is known.");
	assert_contains(a, ">? → ?: no result yet<");
	assert_contains(b, "No phase of this update is known.");
	assert_contains(c, "blackout 0 us");
}

static void test_markup(void **state)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline t = TIMELINE(usual);
	_cleanup_free_ char *text = NULL, *longer = calloc(1, 5001);

	memset(longer, 'w', 5000);
	replace(&t.from, "<a&b>\"'\033[31m");
	replace(&t.reason, "</text></svg><script>\xff \xed\xa0\x80 \xef\xbf\xbf \xc0\xaf \xc3");
	replace(&t.error, longer);
	text = draw(&t, "markup");
	assert_contains(text, "&lt;a&amp;b&gt;&quot;&#39;\xef\xbf\xbd[31m");
	assert_lacks(text, "<script>");
	assert_true(strlen(text) < 20000);
}

static void test_escape(void **state)
{
	static const struct {
		const char *text, *escaped;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a<b>&\"c\"'", "a&lt;b&gt;&amp;&quot;c&quot;&#39;" },
		{ "ä → 😀\t\n", "ä → 😀\t\n" },
		{ "\x01\x1f\x7f\xc2\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xf0\x80\x80\xaf"
		  "b",
		  "\xef\xbf\xbd"
		  "b" },
		{ "\xe2\x86", "\xef\xbf\xbd\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *escaped = luctl_xml_escape(cases[i].text);

		assert_string_equal(escaped, cases[i].escaped);
	}
	{
		_cleanup_free_ char *nothing = luctl_xml_escape(NULL);

		assert_string_equal(nothing, "");
	}
}

/* True around the blackout, never going back, cut only outside. */
static void test_scale(void **state)
{
	_cleanup_(luctl_timeline_clear) struct luctl_timeline t = TIMELINE(extreme);
	_cleanup_(luctl_phases_clear) struct luctl_phases phases = {};
	_cleanup_free_ double *at = NULL;
	_cleanup_free_ bool *cut = NULL;
	unsigned int n_cut = 0;

	assert_int_equal(luctl_phases_of(&t, &phases), 0);
	assert_int_equal(luctl_svg_scale(&t, &phases, &at, &cut), 0);
	assert_true(at[0] == 0);
	assert_true(at[phases.count] > 0.999 && at[phases.count] < 1.001);
	for (size_t i = 0; i < phases.count; i++) {
		double width = at[i + 1] - at[i];

		assert_true(width >= 0);
		n_cut += cut[i];
		assert_false(cut[i] && phases.items[i].blackout);
		/* memory, quiesce, finished and the blackout are equally long as drawn; so is "ask". */
		if (streq(phases.items[i].to, "keeper"))
			assert_true(width > 0.15 && width < 0.25);
		if (cut[i])
			assert_true(width > 0.18 && width < 0.26);
	}
	assert_int_equal(n_cut, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),	   cmocka_unit_test(test_extreme),
		cmocka_unit_test(test_called_off), cmocka_unit_test(test_odd),
		cmocka_unit_test(test_nothing),	   cmocka_unit_test(test_markup),
		cmocka_unit_test(test_escape),	   cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmdline: a command line means to luod what it means to the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/cmdline.h"
#include "luod/util.h"

static void test_get_bool(void **state _unused_)
{
	static const struct {
		const char *cmdline;
		enum answer answer;
	} cases[] = {
		{ "", ANSWER_UNKNOWN },
		{ "   ", ANSWER_UNKNOWN },
		{ "quiet", ANSWER_UNKNOWN },
		{ "kho=on", ANSWER_YES },
		{ "kho=off", ANSWER_NO },
		{ "quiet kho=1\tro", ANSWER_YES },
		{ "kho=0\n", ANSWER_NO },
		{ "kho=y", ANSWER_YES },
		{ "kho=N", ANSWER_NO },
		{ "kho=True", ANSWER_YES },
		{ "kho=false", ANSWER_NO },
		{ "kho=OFF", ANSWER_NO },
		{ "kho=oN", ANSWER_YES },
		{ "kho=enable", ANSWER_YES },
		{ "kho=disable", ANSWER_NO },
		/* the last one wins, and what is no truth value changes nothing */
		{ "kho=on kho=off", ANSWER_NO },
		{ "kho=off kho=on", ANSWER_YES },
		{ "kho=on kho=maybe", ANSWER_YES },
		{ "kho=on kho", ANSWER_YES },
		{ "kho", ANSWER_UNKNOWN },
		{ "kho=", ANSWER_UNKNOWN },
		{ "kho=o", ANSWER_UNKNOWN },
		{ "kho= on", ANSWER_UNKNOWN },
		/* other words */
		{ "kho_scratch=on xkho=on khox=on", ANSWER_UNKNOWN },
		{ "dyndbg=\"kho=on\" init=\"x kho=off\"", ANSWER_UNKNOWN },
		{ "a=\"x y\" kho=on", ANSWER_YES },
		{ "\"kho=on\"", ANSWER_YES },
		{ "kho=\"on\"", ANSWER_YES },
		{ "\"kho=on", ANSWER_YES },
		/* what is init's is not the kernel's */
		{ "quiet -- kho=on", ANSWER_UNKNOWN },
		{ "kho=on -- kho=off", ANSWER_YES },
		{ "kho=on --kho kho=off", ANSWER_NO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cmdline_get_bool(cases[i].cmdline, "kho"), cases[i].answer);
	assert_int_equal(cmdline_get_bool("a_b-c=1", "a-b_c"), ANSWER_YES);
}

static void test_for_next(void **state _unused_)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 ro  quiet\n",
		  "root=/dev/vda1 ro quiet" },
		{ "initrd=\\a\\initrd.img console=ttyS0 initrd=b", "console=ttyS0" },
		{ "initrdx=1 dyndbg=\"file a +p\" \"BOOT_IMAGE=x y\"",
		  "initrdx=1 dyndbg=\"file a +p\"" },
		{ "ro -- initrd=x", "ro -- initrd=x" },
		{ "BOOT_IMAGE=x", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *next = cmdline_for_next(cases[i][0]);

		assert_string_equal(next, cases[i][1]);
	}
}

static void test_options(void **state _unused_)
{
#define ASK(line) cmdline_get_option(line, "intel_iommu", "on", "off")
	assert_int_equal(ASK(""), ANSWER_UNKNOWN);
	assert_int_equal(ASK("intel_iommu"), ANSWER_UNKNOWN);
	assert_int_equal(ASK("intel_iommu="), ANSWER_UNKNOWN);
	assert_int_equal(ASK("intel-iommu=on"), ANSWER_YES);
	assert_int_equal(ASK("intel_iommu=sm_on"), ANSWER_UNKNOWN);
	assert_int_equal(ASK("intel_iommu=sm_off,on intel_iommu=strict"), ANSWER_YES);
	assert_int_equal(ASK("intel_iommu=on intel_iommu=off"), ANSWER_NO);
	assert_int_equal(ASK("x,intel_iommu=off -- intel_iommu=off"), ANSWER_UNKNOWN);
	assert_int_equal(ASK("a intel_iommu=on b,off"), ANSWER_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_bool),
		cmocka_unit_test(test_for_next),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

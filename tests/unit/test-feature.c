/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feature: each answer from a small tree that stands in for /proc and /sys; the one probe that is a
 * system call is tried for real, where every answer is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "luod/feature.h"
#include "tests/unit/test-root.h"

static void assert_answers(const char *root, enum answer liveupdate, enum answer enabled,
			   enum answer kho)
{
	struct features f;

	features_probe(&f, root);
	assert_int_equal(f.of[FEATURE_LIVEUPDATE].answer, liveupdate);
	assert_int_equal(f.of[FEATURE_LIVEUPDATE_ENABLED].answer, enabled);
	assert_int_equal(f.of[FEATURE_KHO].answer, kho);
	for (size_t i = 0; i < FEATURE_MAX; i++)
		assert_true(f.of[i].from && *f.of[i].from);
}

static void test_nothing_to_see(void **state)
{
	assert_answers(*state, ANSWER_UNKNOWN, ANSWER_UNKNOWN, ANSWER_UNKNOWN);
}

static void test_on(void **state)
{
	put(*state, "/sys/class/misc/liveupdate/dev", "10:260\n");
	assert_answers(*state, ANSWER_YES, ANSWER_YES, ANSWER_YES);
}

static void test_built_in_but_off(void **state)
{
	put(*state, "/sys/class/misc/fuse/dev", "10:229\n");
	put(*state, "/proc/kallsyms",
	    "0000000000000000 T startup_64\n0000000000000000 T kho_is_enabled\n"
	    "0000000000000000 T liveupdate_enabled\n");
	put(*state, "/proc/cmdline", "quiet\n");
	assert_answers(*state, ANSWER_YES, ANSWER_NO, ANSWER_UNKNOWN);
	put(*state, "/proc/cmdline", "quiet kho=on\n");
	assert_answers(*state, ANSWER_YES, ANSWER_NO, ANSWER_UNKNOWN);
	put(*state, "/sys/kernel/debug/kho/out/fdt", "x");
	assert_answers(*state, ANSWER_YES, ANSWER_NO, ANSWER_YES);
}

static void test_kho_off(void **state)
{
	put(*state, "/sys/class/misc/fuse/dev", "10:229\n");
	put(*state, "/proc/kallsyms", "0 T kho_is_enabled\n0 T liveupdate_enabled\n");
	put(*state, "/proc/cmdline", "liveupdate=on kho=off\n");
	assert_answers(*state, ANSWER_YES, ANSWER_NO, ANSWER_NO);
}

static void test_not_built_in(void **state)
{
	put(*state, "/sys/class/misc/fuse/dev", "10:229\n");
	/* Names of modules and longer names do not count. */
	put(*state, "/proc/kallsyms",
	    "0 T startup_64\n0 t liveupdate_enabled\t[m]\n0 T __kho_is_enabled\nodd\n");
	put(*state, "/proc/cmdline", "liveupdate=on kho=on\n");
	assert_answers(*state, ANSWER_NO, ANSWER_NO, ANSWER_NO);
	/* A list that is hidden is not a list without it. */
	put(*state, "/proc/kallsyms", "");
	assert_answers(*state, ANSWER_UNKNOWN, ANSWER_NO, ANSWER_UNKNOWN);
}

static void test_abi_list(void **state)
{
	struct features f;

	features_probe(&f, *state);
	assert_false(features_has(&f, FEATURE_ABI_LIST));
	assert_false(features_has(&f, FEATURE_NOEXEC_SEAL));
	put(*state, "/sys/kernel/liveupdate/abi", "kho-v4\nmemfd-mode-v10\nmemfd-v2\n");
	features_probe(&f, *state);
	assert_true(features_has(&f, FEATURE_ABI_LIST));
	assert_false(features_has(&f, FEATURE_NOEXEC_SEAL));
	put(*state, "/sys/kernel/liveupdate/abi", "kho-v4\nmemfd-mode-v1\n");
	features_probe(&f, *state);
	assert_true(features_has(&f, FEATURE_NOEXEC_SEAL));
	assert_false(features_has(&f, FEATURE_SESSION_UNPRESERVE));
}

static void test_devices(void **state)
{
	struct features f;

	put(*state, "/sys/kernel/liveupdate/abi", "kho-v4\nluod-iommu-v3\nluod-iommufd-v2\n");
	features_probe(&f, *state);
	assert_false(features_has(&f, FEATURE_DEVICES));
	assert_string_equal(f.device_abis[2], "");
	put(*state, "/sys/kernel/liveupdate/abi",
	    "kho-v4\nluod-vfio-pci-v1\nluod-iommufd-v2\nmemfd-v2\nluod-iommu-v3\n");
	features_probe(&f, *state);
	assert_true(features_has(&f, FEATURE_DEVICES));
	assert_string_equal(f.device_abis[0], "luod-iommu-v3");
	assert_string_equal(f.device_abis[1], "luod-iommufd-v2");
	assert_string_equal(f.device_abis[2], "luod-vfio-pci-v1");
}

static void test_dma_memory(void **state)
{
	struct features f;

	put(*state, "/sys/kernel/liveupdate/abi", "dma-alloc-v1\nkho-v4\n");
	features_probe(&f, *state);
	assert_false(features_has(&f, FEATURE_DMA_MEMORY));
	assert_string_equal(f.dma_memory_abis[1], "");
	put(*state, "/sys/kernel/liveupdate/abi", "dma-alloc-v1\nkho-v4\nluod-dmamem-v2\n");
	features_probe(&f, *state);
	assert_true(features_has(&f, FEATURE_DMA_MEMORY));
	assert_false(features_has(&f, FEATURE_DEVICES));
	assert_string_equal(f.dma_memory_abis[0], "dma-alloc-v1");
	assert_string_equal(f.dma_memory_abis[1], "luod-dmamem-v2");
}

static void test_names(void **state _unused_)
{
	static const char *const names[FEATURE_MAX] = {
		"liveupdate",	      "liveupdate-enabled", "kho",	"kexec-file-load",
		"session-unpreserve", "noexec-seal",	    "abi-list", "devices",
		"dma-memory",
	};

	for (enum feature i = 0; i < FEATURE_MAX; i++) {
		assert_string_equal(feature_to_string(i), names[i]);
		assert_true(*feature_help(i));
	}
}

/* The real machine: whatever it says, it says something. */
static void test_this_machine(void **state _unused_)
{
	struct features f;

	features_probe(&f, NULL);
	for (size_t i = 0; i < FEATURE_MAX; i++)
		assert_true(f.of[i].answer <= ANSWER_YES && *f.of[i].from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_to_see, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_on, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_built_in_but_off, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_kho_off, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_not_built_in, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_abi_list, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_devices, root_new, root_free),
		cmocka_unit_test_setup_teardown(test_dma_memory, root_new, root_free),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

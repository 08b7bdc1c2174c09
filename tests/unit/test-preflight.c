/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight: every code is reported in the situation it is for, with the right severity, and in no
 * other. All start from one sound situation, in which nothing is found, and break one thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/fcntl.h>

#include "luod/preflight.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

#define GIB (1ULL << 30)

/* A situation with everything that a check may look at, all of it writable. */
struct situation {
	struct preflight_context c;
	struct features features;
	struct kimage running, target;
	struct preflight_session sessions[2];
	struct preflight_resource resources[2];
};

static void add_abis(struct kimage *k, const char *kho, const char *luo, const char *memfd)
{
	snprintf(k->abis[0], sizeof(k->abis[0]), "%s", kho);
	snprintf(k->abis[1], sizeof(k->abis[1]), "%s", luo);
	snprintf(k->abis[2], sizeof(k->abis[2]), "%s", memfd);
	k->n_abis = 3;
}

static void sound(struct situation *s)
{
	static const struct kimage_fact yes = { ANSWER_YES, KIMAGE_FROM_STRINGS };

	*s = (struct situation){
		.target = { .release = "7.3.5",
			    .cmdline_max = 2047,
			    .liveupdate = yes,
			    .liveupdate_memfd = yes,
			    .kho = yes },
		.resources = { { "ram", { MEMFD_SHMEM, GIB, 0, F_SEAL_SHRINK | F_SEAL_GROW }, GIB },
			       { "rom", { MEMFD_SHMEM, 4096, 0, 0 }, 4096 } },
		.sessions = { { "1000/vm1", "luod/1000/vm1", false, true, true },
			      { "1000/vm2", "luod/1000/vm2", true, false, true } },
	};
	add_abis(&s->running, "kho-v4", "luo-v5", "memfd-v2");
	add_abis(&s->target, "kho-v4", "luo-v5", "memfd-v2");
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		s->features.of[i].answer = ANSWER_YES;
		s->features.of[i].from = "the test";
	}
	s->features.of[FEATURE_DEVICES].answer = ANSWER_NO; /* test-preflight-device.c */
	s->sessions[0].resources = s->resources;
	s->sessions[0].n_resources = 2;
	s->c = (struct preflight_context){
		.features = &s->features,
		.running_release = "7.3.4",
		.running_cmdline = "liveupdate=on kho=on",
		.running = &s->running,
		.target = &s->target,
		.target_path = "/boot/vmlinuz",
		.target_cmdline = "ro liveupdate=on kho=on",
		.loaded_by = PREFLIGHT_LOADED_BY_LUOD,
		.keeper_reachable = ANSWER_YES,
		.liveupdate_busy = ANSWER_NO,
		.memory_available = 8 * GIB,
		.sessions = s->sessions,
		.n_sessions = 2,
	};
}

static void no_sessions(struct situation *s)
{
	s->c.n_sessions = 0;
}

/* Exactly this finding, or nothing at all when @code is NULL; "no-sessions" is not counted. */
static void assert_finds(const struct situation *s, const char *code, enum severity severity,
			 const char *object)
{
	struct findings f;
	size_t n = 0;

	assert_int_equal(preflight_run(&s->c, &f), 0);
	for (size_t i = 0; i < f.n; i++) {
		if (!s->c.n_sessions && streq(f.items[i].code, "no-sessions"))
			continue;
		if (!code)
			fail_msg("%s: %s", f.items[i].code, f.items[i].message);
		n++;
		assert_string_equal(f.items[i].code, code);
		assert_int_equal(f.items[i].severity, severity);
		assert_string_equal(f.items[i].object, object);
		/* A sentence with a full stop, and nothing that printf would say for NULL. */
		assert_int_equal(f.items[i].message[strlen(f.items[i].message) - 1], '.');
		assert_null(strstr(f.items[i].message, "(null)"));
	}
	assert_int_equal(n, code ? 1 : 0);
	assert_int_equal(findings_block(&f), code && severity == SEVERITY_ERROR);
	findings_free(&f);
}

static void test_errors(void **state _unused_)
{
	_cleanup_free_ char *none = NULL, *some = NULL;
	struct findings f = {};

	findings_add(&f, SEVERITY_WARNING, "doubtful", "x", ".");
	none = findings_errors(&f);
	assert_string_equal(none, "");
	findings_add(&f, SEVERITY_ERROR, "bad", "x", ".");
	findings_add(&f, SEVERITY_ERROR, "worse", "x", ".");
	findings_add(&f, SEVERITY_ERROR, "bad", "y", ".");
	some = findings_errors(&f);
	assert_string_equal(some, "bad, worse");
	findings_free(&f);
}

static void test_sound(void **state _unused_)
{
	struct situation s;

	sound(&s);
	assert_finds(&s, NULL, 0, NULL);
}

static void test_facts_that_nobody_gathered(void **state _unused_)
{
	const struct preflight_context nothing = {};
	struct findings f;

	assert_int_equal(preflight_run(&nothing, &f), 0);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.items[0].code, "no-target");
	assert_string_equal(f.items[1].code, "no-sessions");
	findings_free(&f);
}

static void test_running_kernel(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.features.of[FEATURE_LIVEUPDATE].answer = ANSWER_NO;
	s.features.of[FEATURE_LIVEUPDATE_ENABLED].answer = ANSWER_NO;
	s.features.of[FEATURE_KHO].answer = ANSWER_NO;
	assert_finds(&s, "kernel-no-liveupdate", SEVERITY_ERROR, "kernel");

	sound(&s);
	s.features.of[FEATURE_LIVEUPDATE_ENABLED].answer = ANSWER_NO;
	assert_finds(&s, "kernel-liveupdate-off", SEVERITY_ERROR, "kernel");
	s.c.running_cmdline = "quiet";
	assert_finds(&s, "kernel-liveupdate-off", SEVERITY_ERROR, "kernel");
	s.c.running_cmdline = NULL;
	s.features.of[FEATURE_LIVEUPDATE].answer = ANSWER_UNKNOWN;
	s.features.of[FEATURE_KHO].answer = ANSWER_UNKNOWN;
	assert_finds(&s, "kernel-liveupdate-off", SEVERITY_ERROR, "kernel");

	sound(&s);
	s.features.of[FEATURE_LIVEUPDATE_ENABLED].answer = ANSWER_NO;
	s.features.of[FEATURE_KHO].answer = ANSWER_NO;
	assert_finds(&s, "kernel-kho-off", SEVERITY_ERROR, "kernel");

	sound(&s);
	s.features.of[FEATURE_KEXEC_FILE_LOAD].answer = ANSWER_NO;
	assert_finds(&s, "kernel-no-kexec-file", SEVERITY_ERROR, "kernel");
}

static void test_around_luod(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.c.keeper_reachable = ANSWER_NO;
	assert_finds(&s, "keeper-unreachable", SEVERITY_ERROR, "keeper");
	sound(&s);
	s.c.liveupdate_busy = ANSWER_YES;
	assert_finds(&s, "liveupdate-busy", SEVERITY_ERROR, "kernel");
}

static void test_target_itself(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.c.target = NULL;
	s.c.loaded_by = PREFLIGHT_LOADED_BY_NOBODY;
	assert_finds(&s, "no-target", SEVERITY_ERROR, "target");

	sound(&s);
	s.c.loaded_by = PREFLIGHT_LOADED_BY_OTHER;
	assert_finds(&s, "loaded-by-someone-else", SEVERITY_ERROR, "target");
	s.c.target = NULL;
	assert_finds(&s, "loaded-by-someone-else", SEVERITY_ERROR, "target");

	sound(&s);
	s.c.loaded_by = PREFLIGHT_LOADED_BY_NOBODY;
	assert_finds(&s, "target-not-loaded", SEVERITY_ERROR, "target");

	sound(&s);
	s.target.payload_error = -EOPNOTSUPP;
	s.target.compression = KIMAGE_COMPRESSION_LZO;
	assert_finds(&s, "target-unreadable", SEVERITY_WARNING, "target");
	s.target.payload_error = -EBADMSG;
	assert_finds(&s, "target-damaged", SEVERITY_ERROR, "target");
	s.target.payload_error = -ENODATA;
	no_sessions(&s);
	assert_finds(&s, "target-damaged", SEVERITY_ERROR, "target");

	sound(&s);
	snprintf(s.target.release, sizeof(s.target.release), "7.3.4");
	assert_finds(&s, "target-same-release", SEVERITY_INFO, "target");
}

static void test_target_support(void **state _unused_)
{
	static const struct kimage_fact no = { ANSWER_NO, KIMAGE_FROM_STRINGS };
	struct situation s;

	sound(&s);
	s.target.liveupdate = no;
	s.target.n_abis = 0;
	assert_finds(&s, "target-no-liveupdate", SEVERITY_ERROR, "target");
	/* What its command line says no longer matters. */
	s.c.target_cmdline = "quiet";
	s.target.kho = s.target.liveupdate_memfd = no;
	assert_finds(&s, "target-no-liveupdate", SEVERITY_ERROR, "target");
	no_sessions(&s);
	assert_finds(&s, "target-no-liveupdate", SEVERITY_WARNING, "target");

	sound(&s);
	s.target.liveupdate_memfd = no;
	assert_finds(&s, "target-no-memfd", SEVERITY_ERROR, "target");
	/* By delegation: the owner's memory is not luod's, but luod's record is. */
	s.sessions[0].n_resources = 0;
	assert_finds(&s, "target-no-memfd", SEVERITY_ERROR, "target");
	no_sessions(&s);
	assert_finds(&s, "target-no-memfd", SEVERITY_WARNING, "target");
}

static void test_abis(void **state _unused_)
{
	struct situation s;

	sound(&s);
	add_abis(&s.target, "kho-v4", "luo-v6", "memfd-v2");
	assert_finds(&s, "target-abi-mismatch", SEVERITY_ERROR, "target");
	no_sessions(&s);
	assert_finds(&s, "target-abi-mismatch", SEVERITY_WARNING, "target");

	/* A kernel that reads the older format as well will do. */
	sound(&s);
	snprintf(s.target.abis[3], sizeof(s.target.abis[3]), "luo-v6");
	s.target.n_abis = 4;
	assert_finds(&s, NULL, 0, NULL);

	sound(&s);
	s.c.running = NULL;
	assert_finds(&s, "target-abi-unknown", SEVERITY_INFO, "target");
	sound(&s);
	s.target.n_abis = 1;
	assert_finds(&s, "target-abi-unknown", SEVERITY_INFO, "target");
}

static void test_target_cmdline(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.c.target_cmdline = "kho=on";
	assert_finds(&s, "target-cmdline-no-liveupdate", SEVERITY_ERROR, "target");
	s.c.target_cmdline = "kho=on liveupdate=on liveupdate=off";
	assert_finds(&s, "target-cmdline-no-liveupdate", SEVERITY_ERROR, "target");
	no_sessions(&s);
	assert_finds(&s, "target-cmdline-no-liveupdate", SEVERITY_WARNING, "target");

	sound(&s);
	s.c.target_cmdline = "liveupdate=on kho=off";
	assert_finds(&s, "target-cmdline-kho-off", SEVERITY_ERROR, "target");
	s.c.target_cmdline = "liveupdate=on";
	assert_finds(&s, "target-cmdline-kho-off", SEVERITY_WARNING, "target");
	s.target.kho_default.answer = ANSWER_NO;
	assert_finds(&s, "target-cmdline-kho-off", SEVERITY_ERROR, "target");
	s.target.kho_default.answer = ANSWER_YES;
	assert_finds(&s, NULL, 0, NULL);

	/* Built into the kernel: in front of what is passed, or instead of it. */
	sound(&s);
	s.c.target_cmdline = "quiet";
	snprintf(s.target.builtin_cmdline, sizeof(s.target.builtin_cmdline),
		 "kho=on liveupdate=on");
	assert_finds(&s, NULL, 0, NULL);
	s.c.target_cmdline = "liveupdate=off";
	assert_finds(&s, "target-cmdline-no-liveupdate", SEVERITY_ERROR, "target");
	s.target.builtin_cmdline_overrides = true;
	assert_finds(&s, NULL, 0, NULL);
}

static void test_sessions(void **state _unused_)
{
	static const struct preflight_orphan orphan = { "1000/gone", "luod/1000/gone",
							"process 813 (qemu)" };
	struct situation s;

	sound(&s);
	s.sessions[0].owner_connected = false;
	assert_finds(&s, "session-owner-gone", SEVERITY_ERROR, "1000/vm1");
	sound(&s);
	s.sessions[1].owner_connected = false;
	assert_finds(&s, "session-owner-gone", SEVERITY_WARNING, "1000/vm2");
	sound(&s);
	s.sessions[0].held_by = "process 812 (qemu)";
	assert_finds(&s, "session-still-held", SEVERITY_WARNING, "1000/vm1");
	sound(&s);
	s.c.orphans = &orphan;
	s.c.n_orphans = 1;
	assert_finds(&s, "session-still-held", SEVERITY_WARNING, "1000/gone");
	no_sessions(&s);
	assert_finds(&s, "session-still-held", SEVERITY_WARNING, "1000/gone");
}

static void test_iommufds(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.sessions[0].iommufd = s.sessions[0].no_hwpts = "iommu";
	s.sessions[0].n_resources = 0;
	assert_finds(&s, "iommufd-no-hwpt", SEVERITY_ERROR, "1000/vm1");
	s.sessions[0].required = false;
	assert_finds(&s, "iommufd-no-hwpt", SEVERITY_WARNING, "1000/vm1");
	s.sessions[0].no_hwpts = NULL;
	assert_finds(&s, NULL, 0, NULL);
	s.sessions[0].n_resources = 1;
	assert_finds(&s, "memfd-not-sealed", SEVERITY_WARNING, "1000/vm1");
	s.resources[0].memory.seals |= F_SEAL_SEAL;
	assert_finds(&s, NULL, 0, NULL);
}

static void test_shutdown(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.c.shutdown_refused = ANSWER_NO;
	assert_finds(&s, "shutdown-not-refused", SEVERITY_INFO, "luod");
	no_sessions(&s);
	assert_finds(&s, NULL, 0, NULL);
}

static void assert_resource(const struct memfd_info *memory, const char *code)
{
	struct situation s;

	sound(&s);
	s.resources[1].memory = *memory;
	s.resources[1].attached_bytes = memory->bytes;
	assert_finds(&s, code, SEVERITY_ERROR, "1000/vm1/rom");
	s.sessions[0].required = false;
	assert_finds(&s, code, SEVERITY_WARNING, "1000/vm1/rom");
}

static void test_resources(void **state _unused_)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	assert_resource(&(struct memfd_info){ MEMFD_OTHER, 0, 0, 0 }, "not-a-memfd");
	assert_resource(&(struct memfd_info){ MEMFD_HUGETLB, GIB, 0, 0 }, "memfd-hugetlb");
	assert_resource(&(struct memfd_info){ MEMFD_SHMEM, 1, 0, F_SEAL_EXEC }, "memfd-exec-seal");
	assert_resource(&(struct memfd_info){ MEMFD_SHMEM, 1, 0, 0x40 }, "memfd-unknown-seal");
	assert_resource(&(struct memfd_info){ MEMFD_SHMEM, UINT32_MAX * page + 1, 0, 0 },
			"memfd-too-large");
	assert_resource(&(struct memfd_info){ MEMFD_SHMEM, UINT32_MAX * page, 0, 0 }, NULL);
	assert_resource(&(struct memfd_info){ MEMFD_SHMEM, 1, 0, F_SEAL_EXEC | F_SEAL_WRITE },
			NULL);
}

static void test_resized(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.resources[1].memory.bytes = 8192;
	assert_finds(&s, "memfd-resized", SEVERITY_ERROR, "1000/vm1/rom");
	s.sessions[0].required = false;
	s.resources[1].memory.bytes = 1;
	assert_finds(&s, "memfd-resized", SEVERITY_WARNING, "1000/vm1/rom");
}

static void test_exec_seal_is_the_next_kernels_business(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.resources[0].memory.seals |= F_SEAL_EXEC;
	snprintf(s.target.abis[3], sizeof(s.target.abis[3]), "%s", KIMAGE_ABI_MEMFD_MODE);
	s.target.n_abis = 4;
	assert_finds(&s, NULL, 0, NULL);

	/* Without one, the running kernel stands in for it. */
	sound(&s);
	s.resources[0].memory.seals |= F_SEAL_EXEC;
	s.c.target = NULL;
	s.c.loaded_by = PREFLIGHT_LOADED_BY_NOBODY;
	assert_finds(&s, "no-target", SEVERITY_ERROR, "target");
}

static void test_holes(void **state _unused_)
{
	struct situation s;

	sound(&s);
	s.resources[0].memory.hole_bytes = 4 * GIB;
	s.resources[1].memory.hole_bytes = 2 * GIB;
	assert_finds(&s, NULL, 0, NULL);
	s.resources[1].memory.hole_bytes = 3 * GIB;
	assert_finds(&s, "memfd-holes-memory", SEVERITY_WARNING, "memory");
	s.resources[1].memory.hole_bytes = UINT64_MAX;
	assert_finds(&s, "memfd-holes-memory", SEVERITY_ERROR, "memory");
	s.c.memory_available = 0;
	assert_finds(&s, NULL, 0, NULL);
}

static void test_order(void **state _unused_)
{
	struct situation s;
	struct findings f;

	sound(&s);
	s.c.running = NULL;		       /* info */
	s.sessions[1].owner_connected = false; /* warning */
	s.sessions[0].owner_connected = false; /* error */
	s.c.keeper_reachable = ANSWER_NO;      /* error, earlier in the table */
	assert_int_equal(preflight_run(&s.c, &f), 0);
	assert_int_equal(f.n, 4);
	assert_string_equal(f.items[0].code, "keeper-unreachable");
	assert_string_equal(f.items[1].object, "1000/vm1");
	assert_string_equal(f.items[2].object, "1000/vm2");
	assert_string_equal(f.items[3].code, "target-abi-unknown");
	findings_free(&f);
	findings_free(&f);
	findings_free(NULL);
}

static void test_codes(void **state _unused_)
{
	const struct preflight_code *code, *other;

	for (size_t i = 0; (code = preflight_code_by_index(i)); i++) {
		assert_int_equal(strspn(code->code, "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(code->code));
		assert_int_equal(code->help[strlen(code->help) - 1], '.');
		for (size_t j = 0; j < i; j++) {
			other = preflight_code_by_index(j);
			assert_string_not_equal(code->code, other->code);
		}
	}
	assert_string_equal(severity_to_string(SEVERITY_WARNING), "warning");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_facts_that_nobody_gathered),
		cmocka_unit_test(test_running_kernel),
		cmocka_unit_test(test_around_luod),
		cmocka_unit_test(test_target_itself),
		cmocka_unit_test(test_target_support),
		cmocka_unit_test(test_abis),
		cmocka_unit_test(test_target_cmdline),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_iommufds),
		cmocka_unit_test(test_shutdown),
		cmocka_unit_test(test_resources),
		cmocka_unit_test(test_resized),
		cmocka_unit_test(test_exec_seal_is_the_next_kernels_business),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session: names that may be, names that may not, and what one session holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "luod/session.h"

/* As long as a name may be. */
#define NAME_48 "abcdefghijklmnopqrstuvwxyz0123456789._-ABCDEFGHI"

static void test_names(void **state _unused_)
{
	static const char *const good[] = { "a", "vm1", "A.b_c-d", "0", "-x", "_", NAME_48 };
	static const char *const bad[] = { "",	  ".",	  "..", ".hidden", "a/b", "a b",
					   "a\n", "vm\t", "ü",	"a:b",	   "a#b", "../x" };

	const char *too_long = NAME_48 "J";

	assert_int_equal(strlen(NAME_48), SESSION_NAME_MAX);
	assert_false(session_name_valid(too_long));
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(session_name_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(session_name_valid(bad[i]));
}

static void test_labels(void **state _unused_)
{
	char longest[SESSION_LABEL_MAX + 2] = "";

	memset(longest, 'x', SESSION_LABEL_MAX);
	assert_true(session_label_valid(longest));
	longest[SESSION_LABEL_MAX] = 'x';
	assert_false(session_label_valid(longest));
	assert_true(session_label_valid("ram0"));
	assert_true(session_label_valid("pc.ram/0@64K"));
	assert_false(session_label_valid(""));
	assert_false(session_label_valid("a b"));
	assert_false(session_label_valid("a#1"));
	assert_false(session_label_valid("a:b"));
	assert_false(session_label_valid("\x7f"));
	assert_false(session_label_valid("\xc3\xa4"));
}

/* The kernel takes 63 bytes: a name that does not fit with its uid is refused, never cut. */
static void test_kernel_name(void **state _unused_)
{
	_cleanup_(session_freep) struct session *longest = NULL, *short_uid = NULL;
	struct session *none = NULL;
	const char *name;
	uid_t uid;

	assert_int_equal(session_name_max(0), SESSION_NAME_MAX);
	assert_int_equal(session_name_max(999999999), SESSION_NAME_MAX);
	assert_int_equal(session_name_max(1000000000), SESSION_NAME_MAX - 1);
	assert_int_equal(session_name_max(UINT32_MAX - 1), SESSION_NAME_MAX - 1);
	assert_int_equal(session_new(NAME_48, UINT32_MAX - 1, "", &none), -ENAMETOOLONG);
	assert_null(none);
	assert_int_equal(session_new(NAME_48, 0, "", &short_uid), 0);
	assert_string_equal(short_uid->kernel_name, "luod/0/" NAME_48);
	assert_int_equal(session_new(&NAME_48[1], UINT32_MAX - 1, "u.service", &longest), 0);
	assert_int_equal(strlen(longest->kernel_name), LIVEUPDATE_SESSION_NAME_LENGTH - 1);
	assert_int_equal(session_parse_kernel_name(longest->kernel_name, &uid, &name), 0);
	assert_int_equal(uid, UINT32_MAX - 1);
	assert_string_equal(name, &NAME_48[1]);
}

static void test_parse_kernel_name(void **state _unused_)
{
	static const char *const bad[] = {
		"",	      "luod",	   "luod/",
		"luod/0",     "luod/0/",   "luod/vm",
		"systemd",    "luod/-1/x", "luod/+1/x",
		"luod/ 1/x",  "luod/1x/x", "luod/4294967295/x",
		"luod/1/a/b", "luod/1/.x", "luod/0x1/x",
		"luod/01/x",  "LUOD/1/x",  "luod/99999999999999999999999/x",
	};
	const char *name = "kept";
	uid_t uid = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(session_parse_kernel_name(bad[i], &uid, &name), -EINVAL);
	assert_int_equal(uid, 7);
	assert_string_equal(name, "kept");
	assert_int_equal(session_parse_kernel_name("luod/0/vm1", &uid, &name), 0);
	assert_int_equal(uid, 0);
	assert_string_equal(name, "vm1");
}

static void test_resources(void **state _unused_)
{
	_cleanup_(session_freep) struct session *s = NULL;
	struct resource *resource = NULL;
	int fd = memfd_new("test");

	assert_int_equal(session_new("vm", 0, NULL, &s), 0);
	assert_string_equal(s->unit, "");
	assert_int_equal(session_add_resource(s, "ram0", RESOURCE_MEMORY, 1, 4096, fd, &resource),
			 0);
	assert_int_equal(resource->fd, fd);

	/* Neither the label nor the token twice; the fd stays the caller's then. */
	fd = memfd_new("test");
	assert_int_equal(session_add_resource(s, "ram0", RESOURCE_MEMORY, 2, 1, fd, NULL), -EEXIST);
	assert_int_equal(session_add_resource(s, "ram1", RESOURCE_MEMORY, 1, 1, fd, NULL), -EEXIST);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(s->n_resources, 1);
	close(fd);

	assert_int_equal(session_add_resource(s, "ram1", RESOURCE_MEMORY, 2, 1, -EBADF, NULL), 0);
	assert_ptr_equal(session_find_resource(s, "ram0"), resource);
	assert_null(session_find_resource(s, "ram"));

	assert_int_equal(session_preserved_bytes(s), 4097);
	fd = resource->fd;
	session_remove_resource(s, resource);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(s->n_resources, 1);
	assert_null(session_free(NULL));
}

/* An owner says again what it has, maybe otherwise; what is refused leaves everything as it was. */
static void test_redeclare(void **state _unused_)
{
	_cleanup_(session_freep) struct session *s = NULL;
	struct resource *nic, *iommu;

	assert_int_equal(session_new("vm", 0, NULL, &s), 0);
	assert_int_equal(session_add_resource(s, "nic", RESOURCE_DEVICE, 1, 0, -EBADF, &nic), 0);
	assert_int_equal(session_add_resource(s, "iommu", RESOURCE_IOMMUFD, 2, 0, -EBADF, &iommu),
			 0);
	assert_int_equal(session_redeclare_resource(s, nic, RESOURCE_MEMORY, 2, 5), -EEXIST);
	assert_ptr_equal(session_find_resource(s, "nic"), nic);
	assert_int_equal(nic->kind, RESOURCE_DEVICE);
	assert_int_equal(nic->token, 1);
	assert_int_equal(nic->bytes, 0);
	assert_int_equal(session_redeclare_resource(s, nic, RESOURCE_MEMORY, 1, 5), 0);
	assert_int_equal(nic->kind, RESOURCE_MEMORY);
	assert_int_equal(nic->bytes, 5);
	assert_int_equal(session_redeclare_resource(s, nic, RESOURCE_MEMORY, 9, 5), 0);
	assert_int_equal(nic->token, 9);
	assert_int_equal(s->next_token, 10);
	assert_int_equal(s->n_resources, 2);
}

/* Only the owner: root is no exception, and without a unit of its own a session goes by uid. */
static void test_admits(void **state _unused_)
{
	_cleanup_(session_freep) struct session *s = NULL;

	assert_int_equal(session_new("vm", 1000, "vmm@a.service", &s), 0);
	s->claim_policy = CLAIM_BY_UNIT;
	assert_true(session_admits(s, 1000, "vmm@a.service"));
	assert_false(session_admits(s, 1000, "vmm@b.service"));
	assert_false(session_admits(s, 1000, ""));
	assert_false(session_admits(s, 1000, NULL));
	assert_false(session_admits(s, 1001, "vmm@a.service"));
	assert_false(session_admits(s, 0, "vmm@a.service"));
	s->claim_policy = CLAIM_BY_UID;
	assert_true(session_admits(s, 1000, "vmm@b.service"));
	assert_true(session_admits(s, 1000, NULL));
	assert_false(session_admits(s, 0, "vmm@b.service"));
}

/* A session of no unit is not for whoever cannot be told to be in one. */
static void test_admits_unitless(void **state _unused_)
{
	_cleanup_(session_freep) struct session *s = NULL;

	assert_int_equal(session_new("vm", 1000, NULL, &s), 0);
	s->claim_policy = CLAIM_BY_UNIT;
	assert_true(session_admits(s, 1000, ""));
	assert_false(session_admits(s, 1000, "vmm@a.service"));
	assert_false(session_admits(s, 1000, NULL));
}

static void test_states(void **state _unused_)
{
	_cleanup_(session_freep) struct session *s = NULL;

	assert_int_equal(session_new("vm", 0, "", &s), 0);
	assert_int_equal(s->state, SESSION_IDLE);
	assert_false(session_in_update(s));
	assert_true(session_set_state(s, SESSION_VETOED, "migrating"));
	assert_string_equal(s->reason, "migrating");
	assert_false(session_set_state(s, SESSION_VETOED, "migrating"));
	assert_true(session_set_state(s, SESSION_VETOED, NULL));
	for (int i = 0; i <= SESSION_LOST; i++) {
		const char *word = session_state_to_string((enum session_state)i);

		assert_int_equal(session_state_from_string(word), i);
	}
	assert_true(session_state_from_string("no such state") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	    cmocka_unit_test(test_labels),
		cmocka_unit_test(test_kernel_name), cmocka_unit_test(test_parse_kernel_name),
		cmocka_unit_test(test_resources),   cmocka_unit_test(test_redeclare),
		cmocka_unit_test(test_admits),	    cmocka_unit_test(test_admits_unitless),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

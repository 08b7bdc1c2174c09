/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holder: who has what open, from a folder that stands for /proc. The node of a device is /dev/null
 * here, which is a character device with a number like any other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "luod/holder.h"
#include "tests/unit/failing-open.h"
#include "tests/unit/test-root.h"

#define NODE makedev(1, 3)
#define A    "0000:00:03.0"

static unsigned int n_asked; /* files what they are */

int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *st)
{
	n_asked++;
	return (int)syscall(SYS_statx, folder, path, flags, mask, st);
}

/* Makes process @pid have @target open as @fd. */
static void has_open(const char *root, const char *pid, const char *fd, const char *target)
{
	_cleanup_free_ char *keep = strprintf("/proc/%s/fd/.keep", pid);
	_cleanup_free_ char *comm = strprintf("/proc/%s/comm", pid);
	_cleanup_free_ char *link = strprintf("%s/proc/%s/fd/%s", root, pid, fd);

	put(root, keep, "");
	put(root, comm, "qemu-kvm\n");
	assert_int_equal(symlink(target, link), 0);
}

/* A path of the wanted name, which leads to @target. */
static char *node(const char *root, const char *path, const char *target)
{
	_cleanup_free_ char *keep = strprintf("%s.keep", path);
	char *full = strprintf("%s%s", root, path);

	put(root, keep, "");
	assert_int_equal(symlink(target, full), 0);
	return full;
}

/* Makes /dev/null (or the file of that minor number) what sysfs has at @place. */
static void is_at(const char *root, unsigned int minor_number, const char *place)
{
	_cleanup_free_ char *link = strprintf("%s/sys/dev/char/1:%u", root, minor_number);

	put(root, "/sys/dev/char/.keep", "");
	assert_int_equal(symlink(place, link), 0);
}

static size_t count(const struct holders *h, dev_t number, const char *address)
{
	const struct holder *item = NULL;
	size_t n = 0;

	while ((item = holders_of_device(h, number, address, item)))
		n++;
	return n;
}

static void test_sessions(void **state)
{
	struct holders h;

	has_open(*state, "812", "4", "anon_inode:[luo_session] luod/0/vm1");
	has_open(*state, "812", "5", "anon_inode:[luo_session] luod/0/vm1");
	has_open(*state, "813", "4", "anon_inode:[luo_session] luod/0/vm2");
	has_open(*state, "1", "4", "anon_inode:[luo_session] luod/0/vm3");
	assert_int_equal(holders_find(*state, &h), 0);
	assert_string_equal(holders_of(&h, "luod/0/vm1"), "process 812 (qemu-kvm)");
	assert_string_equal(holders_of(&h, "luod/0/vm2"), "process 813 (qemu-kvm)");
	assert_null(holders_of(&h, "luod/0/vm3"));
	assert_int_equal(h.n, 2);
	holders_clear(&h);
}

static void test_nodes(void **state)
{
	_cleanup_free_ char *vfio = node(*state, "/dev/vfio/devices/vfio0", "/dev/null");
	_cleanup_free_ char *other = node(*state, "/dev/vfio/devices/vfio1", "/dev/zero");
	const struct holder *item;
	struct holders h;

	is_at(*state, 3, "../../devices/pci0000:00/" A "/vfio-dev/vfio0");
	is_at(*state, 5, "../../devices/virtual/vfio/12");
	has_open(*state, "812", "4", vfio);
	has_open(*state, "812", "5", vfio);
	has_open(*state, "813", "4", vfio);
	has_open(*state, "813", "5", other);
	has_open(*state, "813", "6", "/dev/full");
	assert_int_equal(holders_find(*state, &h), 0);
	assert_int_equal(count(&h, NODE, A), 2);
	assert_int_equal(count(&h, 0, A), 0);
	assert_int_equal(h.n, 3);
	item = holders_of_device(&h, NODE, NULL, NULL);
	assert_string_equal(item->user, item->who); /* there is no unit to tell */
	assert_null(holders_of(&h, "luod/0/vm1"));
	holders_clear(&h);
}

/* Whoever can make a file can call it as he likes, and a jail has its nodes where it wants them. */
static void test_names_say_nothing(void **state)
{
	_cleanup_free_ char *file = node(*state, "/tmp/vfio/devices/vfio0", "../../../plain");
	_cleanup_free_ char *full = node(*state, "/dev/vfio/devices/vfio1", "/dev/full");
	_cleanup_free_ char *jailed = node(*state, "/run/jail/vm1/nic0", "/dev/null");
	struct holders h;

	is_at(*state, 3, "../../devices/pci0000:00/" A "/vfio-dev/vfio0");
	is_at(*state, 7, "../../devices/virtual/mem/full");
	put(*state, "/plain", "");
	has_open(*state, "812", "4", file);
	has_open(*state, "812", "5", "/gone/vfio/devices/vfio0 (deleted)");
	has_open(*state, "812", "6", full);
	has_open(*state, "813", "4", jailed);
	assert_int_equal(holders_find(*state, &h), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(count(&h, NODE, NULL), 1);
	assert_string_equal(h.items[0].who, "process 813 (qemu-kvm)");
	holders_clear(&h);
}

/* A host has a hundred thousand fds; most of them need no second call. */
static void test_what_is_not_asked(void **state)
{
	static const char *const links[] = {
		"socket:[4711]",
		"pipe:[4712]",
		"anon_inode:[eventpoll]",
		"net:[4713]",
		"/memfd:/dev/vfio (deleted)",
	};
	struct holders h;

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		_cleanup_free_ char *fd = strprintf("%zu", i);

		has_open(*state, "812", fd, links[i]);
	}
	has_open(*state, "813", "4", "/var/lib/vm.img");
	n_asked = 0;
	assert_int_equal(holders_find(*state, &h), 0);
	assert_int_equal(h.n, 0);
	assert_int_equal(n_asked, 1);
	holders_clear(&h);
}

static void test_files_without_a_number(void **state)
{
	struct holders h;

	has_open(*state, "812", "4", "anon_inode:[vfio-device]");
	put(*state, "/proc/812/fdinfo/4",
	    "pos:\t0\nvfio-device-syspath: /sys/devices/pci0000:00/" A "\nmore\n");
	has_open(*state, "813", "4", "anon_inode:[vfio-device]"); /* of which nothing is told */
	put(*state, "/proc/813/fdinfo/4", "pos:\t0\n");
	has_open(*state, "814", "4", "anon_inode:[vfio-device]"); /* which ended meanwhile */
	assert_int_equal(holders_find(*state, &h), 0);
	assert_int_equal(h.n, 1);
	assert_int_equal(count(&h, 0, A), 1);
	assert_int_equal(count(&h, NODE, "0000:00:04.0"), 0);
	holders_clear(&h);
}

static void test_nothing_to_see(void **state)
{
	struct holders h;

	assert_int_equal(holders_find(*state, &h), 0);
	assert_int_equal(h.n, 0);
}

/* Nobody would have anything open, and every check would pass. */
static void test_no_fds(void **state)
{
	struct holders h;

	unsigned int n = 0;
	int r;

	has_open(*state, "812", "4", "anon_inode:[vfio-device]");
	put(*state, "/proc/812/fdinfo/4", "vfio-device-syspath: /sys/devices/pci0000:00/" A "\n");
	do {
		open_fails_at(++n, EMFILE);
		r = holders_find(*state, &h);
		assert_true(r == 0 || (r == -EMFILE && h.n == 0));
	} while (r < 0);
	/* /proc, the folder of its fds, and what is told of one; who it is may stay unknown. */
	assert_true(n > 3);
	assert_int_equal(count(&h, 0, A), 1);
	holders_clear(&h);
	open_fails_at(0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, root_new, root_free)
	const struct CMUnitTest tests[] = {
		TEST(test_sessions),
		TEST(test_nodes),
		TEST(test_names_say_nothing),
		TEST(test_what_is_not_asked),
		TEST(test_files_without_a_number),
		TEST(test_no_fds),
		TEST(test_nothing_to_see),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio: what is an iommufd, what is a device and which one. /sys and /proc are the test's; character
 * devices that every machine has stand for those that few have. Of files without a number nothing
 * can be played but what they are not; tests/lab has those that came out of a kernel session.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "luod/dma.h"
#include "luod/limits.h"
#include "luod/vfio.h"
#include "program.h"

static void test_address(void **state _unused_)
{
	static const char *const good[] = { "0000:00:00.0", "0000:ff:1f.7", "10000:e1:00.0",
					    "ffffffff:00:02.1" };
	static const char *const bad[] = {
		"",
		"0000",
		"0000:00:00",
		"000:00:00.0",
		"0000:00:00.8",
		"0000:00:00.0 ",
		"0000:0g:00.0",
		"0000:00:00,0",
		"0000-00:00.0",
		"0000:00:00.00",
		"fffffffff:00:00.0",
		"0000:0A:00.0",
		"../../etc/passwd",
		"0000:00:000.",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(pci_address_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (pci_address_valid(bad[i]))
			fail_msg("'%s' is no PCI address", bad[i]);
}

/* A folder with /sys/dev/char in which @node is at @place; the caller frees and removes it. */
static char *root_with(const char *node, const char *place)
{
	char template[] = "/tmp/test-vfio-XXXXXX";
	char *root = strdup(mkdtemp(template));
	_cleanup_free_ char *sys = strprintf("%s/sys", root), *dev = strprintf("%s/dev", sys),
			    *all = strprintf("%s/char", dev), *link = NULL;
	struct stat st;

	assert_int_equal(stat(node, &st), 0);
	link = strprintf("%s/%u:%u", all, major(st.st_rdev), minor(st.st_rdev));
	assert_int_equal(mkdir(sys, 0755) | mkdir(dev, 0755) | mkdir(all, 0755), 0);
	assert_int_equal(symlink(place, link), 0);
	return root;
}

static void remove_root(const char *root)
{
	assert_int_equal(program_run(PROGRAM("rm", "-r", root), NULL, NULL), 0);
}

static void test_devices(void **state _unused_)
{
	static const struct {
		const char *place, *address;
		int iommufd;
	} cases[] = {
		{ "../../devices/virtual/misc/iommu", NULL, 1 },
		{ "../../devices/virtual/misc/vfio", NULL, 0 },
		{ "../../devices/virtual/mem/iommu", NULL, 0 },
		{ "iommu", NULL, 0 },
		{ "../../devices/pci0000:00/0000:00:03.0/vfio-dev/vfio0", "0000:00:03.0", 0 },
		{ "../../devices/pci0000:00/0000:00:1c.0/0000:02:00.1/vfio-dev/vfio12",
		  "0000:02:00.1", 0 },
		{ "../../devices/virtual/vfio/12", NULL, 0 }, /* of a group */
		{ "../../devices/pci0000:00/0000:00:03.0/net/vfio0", NULL, 0 },
		{ "../../devices/platform/x/vfio-dev/vfio0", NULL, 0 },
		{ "/", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *root = root_with("/dev/zero", cases[i].place), *address = NULL;
		_cleanup_close_ int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
		_cleanup_close_ int other = open("/dev/null", O_RDWR | O_CLOEXEC);

		assert_int_equal(vfio_fd_is_iommufd(root, fd), cases[i].iommufd);
		assert_int_equal(vfio_fd_address(root, fd, &address), cases[i].address != NULL);
		assert_string_equal(strempty(address), strempty(cases[i].address));
		assert_int_equal(vfio_fd_is_iommufd(root, other), 0);
		assert_int_equal(vfio_fd_address(root, other, &address), 0);
		remove_root(root);
	}
}

/* Whoever may not use a node can still have such a fd of it. */
static void test_not_opened(void **state _unused_)
{
	static const int flags[] = { O_PATH, O_RDONLY, O_WRONLY };
	_cleanup_free_ char *iommufd = root_with("/dev/zero", "../../devices/virtual/misc/iommu"),
			    *device = root_with("/dev/zero",
						"../../devices/pci/0000:00:03.0/vfio-dev/vfio0");

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		_cleanup_close_ int fd = open("/dev/zero", flags[i] | O_CLOEXEC);
		_cleanup_free_ char *address = NULL;

		assert_true(fd >= 0);
		assert_int_equal(vfio_fd_is_iommufd(iommufd, fd), 0);
		assert_int_equal(vfio_fd_address(device, fd, &address), 0);
		assert_null(address);
	}
	remove_root(iommufd);
	remove_root(device);
}

static void test_others(void **state _unused_)
{
	_cleanup_close_ int memory = memfd_new("anon_inode:[iommufd]");
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC);
	const int fds[] = { memory, event };
	char *address = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_int_equal(vfio_fd_is_iommufd("", fds[i]), 0);
		assert_int_equal(vfio_fd_address("", fds[i], &address), 0);
	}
	assert_int_equal(vfio_fd_is_iommufd("", -1), -EBADF);
	assert_int_equal(vfio_fd_address("", -1, &address), -EBADF);
	assert_null(address);
}

static void test_same_file(void **state _unused_)
{
	_cleanup_close_ int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int b = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int copy = fd_dup(a);

	if (!fd_is_same_file(a, a))
		skip(); /* a kernel before 6.10 */
	assert_true(fd_is_same_file(a, copy));
	assert_false(fd_is_same_file(a, b));
	assert_false(fd_is_same_file(a, -1));
}

static void test_dma_limits(void **state _unused_)
{
	_cleanup_(dma_clear) struct dma dma = {};
	struct hwpt hwpt = { .id = 1 };
	struct dma_buffer buffer = { .ioas_id = 1, .length = 1 };

	for (hwpt.token = 0; hwpt.token < LIMIT_IOMMUFD_HWPTS; hwpt.token++)
		assert_int_equal(dma_add_hwpt(&dma, &hwpt), 0);
	assert_int_equal(dma_add_hwpt(&dma, &hwpt), -E2BIG);
	hwpt.token = 3;
	assert_int_equal(dma_add_hwpt(&dma, &hwpt), -EEXIST);
	for (buffer.token = 0; buffer.token < LIMIT_IOMMUFD_BUFFERS; buffer.token++)
		assert_int_equal(dma_add_buffer(&dma, &buffer), 0);
	assert_int_equal(dma_add_buffer(&dma, &buffer), -E2BIG);
	buffer.token = 3;
	assert_int_equal(dma_add_buffer(&dma, &buffer), -EEXIST);
	assert_int_equal(dma_find_hwpt(&dma, 7)->token, 7);
	assert_null(dma_find_hwpt(&dma, LIMIT_IOMMUFD_HWPTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),	   cmocka_unit_test(test_devices),
		cmocka_unit_test(test_not_opened), cmocka_unit_test(test_others),
		cmocka_unit_test(test_same_file),  cmocka_unit_test(test_dma_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

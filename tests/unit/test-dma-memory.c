/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dma-memory: what is a DMA buffer, and of which device. This program's own readlink() and ioctl() play
 * the kernel, for one fd; of every other file nothing may be asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/dmamem.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "luod/dma-memory.h"

static struct {
	int fd;
	int error; /* of the next question */
	bool asked;
	struct dmamem_info info;
} kernel;

ssize_t readlink(const char *path, char *buffer, size_t size)
{
	static const char link[] = "anon_inode:[dmamem]";
	_cleanup_free_ char *ours = strprintf("/proc/self/fd/%d", kernel.fd);

	if (!streq(path, ours))
		return syscall(SYS_readlink, path, buffer, size);
	memcpy(buffer, link, strlen(link));
	return (ssize_t)strlen(link);
}

int ioctl(int fd, unsigned long request, ...)
{
	struct dmamem_info *info;
	va_list ap;

	va_start(ap, request);
	info = va_arg(ap, struct dmamem_info *);
	va_end(ap);
	assert_int_equal(fd, kernel.fd);
	assert_int_equal(request, DMAMEM_INFO);
	kernel.asked = true;
	if (kernel.error) {
		errno = kernel.error;
		return -1;
	}
	*info = kernel.info;
	return 0;
}

static void test_buffer(void **state _unused_)
{
	static const struct {
		uint32_t segment, bdf;
		const char *address;
	} cases[] = {
		{ 0, 5 << 3, "0000:00:05.0" },
		{ 1, 0x02 << 8 | 0x1f << 3 | 7, "0001:02:1f.7" },
		{ 0xffffffff, 0xff << 8, "ffffffff:ff:00.0" },
	};
	_cleanup_close_ int fd = memfd_new("buffer");

	kernel.fd = fd;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dma_memory memory;

		kernel.info = (struct dmamem_info){ .length = 5000,
						    .segment = cases[i].segment,
						    .bdf = cases[i].bdf };
		assert_int_equal(dma_memory_inspect(fd, &memory), 1);
		assert_string_equal(memory.device, cases[i].address);
		assert_int_equal(memory.bytes, 8192);
	}
}

/* The name is right, and the kernel knows better. */
static void test_no_answer(void **state _unused_)
{
	_cleanup_close_ int fd = memfd_new("buffer"), path = open("/", O_PATH | O_CLOEXEC);
	struct dma_memory memory = { .bytes = 7 };

	kernel.fd = fd;
	kernel.error = ENOTTY;
	assert_int_equal(dma_memory_inspect(fd, &memory), 0);
	kernel.error = 0;
	kernel.asked = false;
	kernel.fd = path;
	assert_int_equal(dma_memory_inspect(path, &memory), 0);
	assert_false(kernel.asked);
	assert_int_equal(memory.bytes, 7);
}

/* Whatever it is called, a stranger's file is asked nothing. */
static void test_others(void **state _unused_)
{
	_cleanup_close_ int memory = memfd_new("anon_inode:[dmamem]");
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC);
	_cleanup_close_ int node = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int fds[] = { memory, event, node };
	struct dma_memory ret;

	kernel.fd = -EBADF;
	kernel.asked = false;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_int_equal(dma_memory_inspect(fds[i], &ret), 0);
	assert_int_equal(dma_memory_inspect(-1, &ret), -EBADF);
	assert_false(kernel.asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

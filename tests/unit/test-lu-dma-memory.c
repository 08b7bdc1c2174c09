/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lu-dma-memory: what the kernel is asked of a DMA buffer, and what is made of its answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/dmamem.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "../../liblu/lu-private.h"

enum {
	BUFFER = 100,
	OTHER = 101,
};

static struct dmamem_info kernel;

int ioctl(int fd, unsigned long request, ...)
{
	struct dmamem_info *info;
	va_list ap;

	va_start(ap, request);
	info = va_arg(ap, struct dmamem_info *);
	va_end(ap);
	if (fd != BUFFER || request != DMAMEM_INFO) {
		errno = ENOTTY;
		return -1;
	}
	assert_int_equal(info->size, sizeof(*info));
	assert_int_equal(info->flags, 0);
	*info = kernel;
	return 0;
}

static void test_query(void **state)
{
	struct lu_dma_memory memory = { .size = sizeof(memory) };

	(void)state;
	kernel = (struct dmamem_info){
		.size = sizeof(kernel),
		.flags = DMAMEM_INFO_RESTORED | DMAMEM_INFO_PRESERVED,
		.length = 12345,
		.dma_addr = 0x123456000,
		.segment = 0x10000,
		.bdf = 0xe1 << 8 | 0x1f << 3 | 7,
	};
	assert_int_equal(lu_dma_memory_query(BUFFER, &memory), 0);
	assert_int_equal(memory.size, sizeof(memory));
	assert_int_equal(memory.length, 12345);
	assert_int_equal(memory.bytes, 16384);
	assert_int_equal(memory.bus_address, 0x123456000);
	assert_int_equal(memory.segment, 0x10000);
	assert_int_equal(memory.bus, 0xe1);
	assert_int_equal(memory.device, 0x1f);
	assert_int_equal(memory.function, 7);
	assert_int_equal(memory.flags, LU_DMA_MEMORY_RESTORED | LU_DMA_MEMORY_PRESERVED);
	assert_int_equal(lu_dma_memory_query(OTHER, &memory), -ENOTTY);
	assert_int_equal(memory.length, 12345);
}

/* What is allocated and preserved is a power of two of pages. */
static void test_bytes(void **state)
{
	static const uint64_t sizes[][2] = {
		{ 1, 4096 },	      { 4096, 4096 },	 { 4097, 8192 },
		{ 8193, 16384 },      { 65536, 65536 },	 { (1 << 20) + 1, 2 << 20 },
		{ 4 << 20, 4 << 20 }, { UINT64_MAX, 0 },
	};

	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	for (size_t i = 0; i < LU_ARRAY_SIZE(sizes); i++) {
		kernel = (struct dmamem_info){ .length = sizes[i][0] };
		assert_int_equal(lu_dma_memory_bytes(BUFFER), sizes[i][1]);
	}
	assert_int_equal(lu_dma_memory_bytes(OTHER), 0);
}

static void test_sizes_of_structures(void **state)
{
	struct {
		struct lu_dma_memory known;
		uint64_t more;
	} newer = { .known.size = sizeof(newer), .more = 7 };
	struct lu_dma_memory memory = { .size = sizeof(memory) - 1 };

	(void)state;
	assert_int_equal(lu_dma_memory_query(BUFFER, &memory), -EINVAL);
	kernel = (struct dmamem_info){ .length = 1 };
	assert_int_equal(lu_dma_memory_query(BUFFER, &newer.known), 0);
	assert_int_equal(newer.known.size, sizeof(newer));
	assert_int_equal(newer.known.length, 1);
	assert_int_equal(newer.more, 0);
}

static void test_what_it_is(void **state)
{
	(void)state;
	assert_true(lu_fd_is_dma_memory(BUFFER));
	assert_false(lu_fd_is_dma_memory(OTHER));
	assert_false(lu_fd_is_dma_memory(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_sizes_of_structures),
		cmocka_unit_test(test_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

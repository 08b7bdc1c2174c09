/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-dma-memory - what the kernel says of a DMA buffer, a file of its own that the driver pci-dmamem
 * gave out. Between the caller and the kernel, as lu-device.c: luod is not asked, nothing is kept.
 * Source: include/uapi/linux/dmamem.h of a kernel with luod's patches.
 */
#include <linux/dmamem.h>
#include <sys/ioctl.h>

#include "lu-private.h"

_Static_assert((int)LU_DMA_MEMORY_RESTORED == DMAMEM_INFO_RESTORED, "the kernel's flags are ours");
_Static_assert((int)LU_DMA_MEMORY_SHARED == DMAMEM_INFO_SHARED, "the kernel's flags are ours");
_Static_assert((int)LU_DMA_MEMORY_PRESERVED == DMAMEM_INFO_PRESERVED,
	       "the kernel's flags are ours");

/* The kernel allocates a power of two of pages, and preserves no less. 0: there is none that large. */
static uint64_t allocated(uint64_t length)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	while (bytes && bytes < length)
		bytes <<= 1;
	return bytes;
}

static int ask(int fd, struct dmamem_info *ret)
{
	*ret = (struct dmamem_info){ .size = sizeof(*ret) };
	return ioctl(fd, DMAMEM_INFO, ret) < 0 ? -errno : 0;
}

int lu_dma_memory_query(int fd, struct lu_dma_memory *ret)
{
	struct lu_dma_memory known = { .size = ret->size };
	struct dmamem_info info;
	int r;

	if (ret->size < sizeof(known))
		return -EINVAL;
	r = ask(fd, &info);
	if (r < 0)
		return r;
	known.length = info.length;
	known.bytes = allocated(info.length);
	known.bus_address = info.dma_addr;
	known.segment = info.segment;
	known.bus = info.bdf >> 8 & 0xff;
	known.device = info.bdf >> 3 & 0x1f;
	known.function = info.bdf & 7;
	known.flags = info.flags;
	memset(ret, 0, ret->size);
	memcpy(ret, &known, sizeof(known));
	return 0;
}

bool lu_fd_is_dma_memory(int fd)
{
	struct dmamem_info info;

	return ask(fd, &info) == 0;
}

uint64_t lu_dma_memory_bytes(int fd)
{
	struct dmamem_info info;

	return ask(fd, &info) == 0 ? allocated(info.length) : 0;
}

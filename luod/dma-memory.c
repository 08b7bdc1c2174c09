/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dma-memory - see dma-memory.h. */
#include "dma-memory.h"

#include "liblu.h"

#define LINK "anon_inode:[dmamem]"

int dma_memory_inspect(int fd, struct dma_memory *ret)
{
	struct lu_dma_memory memory = { .size = sizeof(memory) };
	struct dma_memory found;
	int r = fd_is_read_write(fd);

	if (r <= 0)
		return r;
	/* One that was opened by O_PATH, for instance, answers nothing, and could not be preserved. */
	if (!fd_link_is(fd, LINK) || lu_dma_memory_query(fd, &memory) < 0)
		return 0;
	found.bytes = memory.bytes;
	snprintf(found.device, sizeof(found.device), "%04x:%02x:%02x.%x", memory.segment,
		 memory.bus & 0xff, memory.device & 0x1f, memory.function & 7);
	*ret = found;
	return 1;
}

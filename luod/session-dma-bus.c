/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-dma-bus - the method of org.luod1.Session by which luod is given a DMA buffer. Everything
 * else about one is as about memory: session-resource-bus.c.
 */
#include "dma-memory.h"
#include "session-bus.h"

/* As with devices: said before its owner counts on it. */
static int require_kernel(const struct session *s, sd_bus_error *error)
{
	if (s->manager->features.of[FEATURE_DMA_MEMORY].answer != ANSWER_NO)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("NotSupported"),
				 "The running kernel hands over memory, but no DMA buffers "
				 "(CONFIG_DMA_LIVEUPDATE=y and CONFIG_PCI_DMAMEM=y are missing).");
}

static int require_buffer(struct session *s, int fd, struct dma_memory *ret, sd_bus_error *error)
{
	const struct session *holder;
	int r = dma_memory_inspect(fd, ret);

	if (r < 0)
		return r;
	if (r == 0)
		return session_not_preservable(
			"it is no DMA buffer; allocate one of a device that pci-dmamem has "
			"(DMAMEM_ALLOC)",
			NULL, error);
	holder = session_holder_of(s->manager, RESOURCE_DMA_MEMORY, fd);
	return holder ? session_not_preservable("it is attached already", holder, error) : 0;
}

int method_attach_dma_memory(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_free_ char *address = NULL;
	_cleanup_close_ int copy = -EBADF;
	struct session *s = userdata;
	struct resource *resource;
	struct dma_memory memory;
	const char *label;
	int fd, r;

	if ((r = sd_bus_message_read(m, "sh", &label, &fd)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = session_require_giving(s, m, error)) < 0 || (r = require_kernel(s, error)) < 0 ||
	    (r = session_require_place(s, label, error)) < 0 ||
	    (r = require_buffer(s, fd, &memory, error)) < 0 ||
	    (r = session_require_bytes(s, memory.bytes, 0, error)) < 0 ||
	    (r = copy = fd_dup(fd)) < 0)
		return r;
	address = strdup(memory.device);
	if (!address)
		return -ENOMEM;
	r = session_take_custody(s, label, RESOURCE_DMA_MEMORY, memory.bytes, &copy, &resource,
				 error);
	if (r < 0)
		return r;
	resource->device = TAKE_PTR(address);
	session_resources_changed(s);
	custody_store(s, resource);
	return sd_bus_reply_method_return(m, "t", resource->token);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dma-memory - DMA buffers: memory that a PCI function reaches at one bus address without an IOMMU
 * between them, which the kernel's driver pci-dmamem gives out as a file. The kernel is asked by way of
 * liblu.
 */
#ifndef LUOD_DMA_MEMORY_H
#define LUOD_DMA_MEMORY_H

#include "device.h"

struct dma_memory {
	char device[DEVICE_ADDRESS_SIZE]; /* the PCI function that it is for */
	uint64_t bytes;			  /* that it takes: what is preserved, and counted */
};

/*
 * 1: @fd is a DMA buffer, *ret says which. 0: it is something else. Negative errno: it is no fd. Known by
 * the name that the kernel gives the file, which no user can: nothing is asked of a stranger's file.
 */
int dma_memory_inspect(int fd, struct dma_memory *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-dmamem - what liblu asks of the driver pci-dmamem: one command, by the number and in the form of
 * include/uapi/linux/dmamem.h of a kernel with luod's patches. Headers of a kernel without it do.
 */
#ifndef LU_DMAMEM_H
#define LU_DMAMEM_H

#if __has_include(<linux/dmamem.h>)
#include <linux/dmamem.h>
#else
#include <linux/ioctl.h>
#include <linux/types.h>

#define DMAMEM_INFO_RESTORED  (1 << 0)
#define DMAMEM_INFO_SHARED    (1 << 1)
#define DMAMEM_INFO_PRESERVED (1 << 2)

/* Of a buffer's file. */
struct dmamem_info {
	__u32 size;
	__u32 flags; /* in: 0 */
	__aligned_u64 length;
	__aligned_u64 dma_addr;
	__u32 segment;
	__u32 bdf; /* bus << 8 | devfn */
};

#define DMAMEM_INFO _IO(0xDC, 3)
#endif

#endif

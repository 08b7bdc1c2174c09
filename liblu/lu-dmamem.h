/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-dmamem - what liblu, and the lab's VMM, ask of the driver pci-dmamem, by the numbers and in the form of
 * include/uapi/linux/dmamem.h of a kernel with luod's patches. Headers of a kernel without it do.
 */
#ifndef LU_DMAMEM_H
#define LU_DMAMEM_H

#if __has_include(<linux/dmamem.h>)
#include <linux/dmamem.h>
#else
#include <linux/ioctl.h>
#include <linux/types.h>

/* Of a device's file: bits are 0 for 64, fd is what comes out. */
struct dmamem_alloc {
	__u32 size;
	__u32 flags;
	__aligned_u64 length;
	__u32 address_bits;
	__s32 fd;
};

struct dmamem_start {
	__u32 size;
	__u32 flags;
};

#define DMAMEM_ALLOC _IO(0xDC, 0)
#define DMAMEM_START _IO(0xDC, 1)
#define DMAMEM_STOP  _IO(0xDC, 2)

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dma - what an owner has named of its iommufd: the page tables (HWPTs) that are to stay in place, and
 * the DMA buffers that are to be found by name in the next kernel. Nothing of it is told to the kernel
 * before the update; then it is marked, and the marks are taken away when the update is called off.
 *
 * Ids are those of one kernel: what comes through the jump are the tokens, which the kernel tells
 * (IOMMU_LU_INFO). This file owns the two lists and asks the kernel by way of liblu; it does not own
 * the iommufd.
 */
#ifndef LUOD_DMA_H
#define LUOD_DMA_H

#include "util.h"

struct hwpt {
	uint32_t id;
	uint32_t ioas_id; /* of one that luod made; else 0 */
	uint64_t token;	  /* its owner's choice: the name in the next kernel */
};

struct dma_buffer {
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
	uint64_t token; /* its owner's choice */
};

struct dma {
	struct hwpt *hwpts;
	struct dma_buffer *buffers;
	unsigned int n_hwpts;
	unsigned int n_buffers;
	bool marked; /* in the kernel, at least in part */
};

void dma_clear(struct dma *dma);

struct hwpt *dma_find_hwpt(const struct dma *dma, uint64_t token);

/* Adds one. -E2BIG: as many as an iommufd may have (limits.h). -EEXIST: the token is there already. */
int dma_add_hwpt(struct dma *dma, const struct hwpt *hwpt);
int dma_add_buffer(struct dma *dma, const struct dma_buffer *buffer);

/*
 * Marks all of it. What fails is said in *ret_why, in words that fit behind "luod cannot mark X:"
 * (freed by the caller; NULL when out of memory), and what was marked before it stays so:
 * dma_unmark().
 */
int dma_mark(struct dma *dma, int iommufd, char **ret_why);

/* Takes away what is marked. -EBUSY: the iommufd is preserved; all is as before. */
int dma_unmark(struct dma *dma, int iommufd);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA buffers without an IOMMU that translates, and the device that writes to them: the
 * emulator's edu. It copies up to 4 KiB between a memory of its own and that of the machine,
 * 100 ms after it was told to, and does nothing by itself. See dma.h for what is around.
 *
 * The first buffer has the note, what the boots tell each other, and is the one that the
 * device reads and writes; the others are there to be kept.
 */
#pragma once

#include "dma.h"
#include "../device/edu.h"

#include <linux/dmamem.h>

#define EDU_FIRST   0x10000UL /* of the first buffer, order 4 */
#define EDU_LAND    0x1000UL  /* where in it the device's copies land, one slot each */
#define EDU_SOURCE  0xf000UL  /* and the page that it has read */
#define EDU_SLOT    512UL
#define EDU_SLOTS   ((EDU_SOURCE - EDU_LAND) / EDU_SLOT)
#define EDU_BUFFERS 51
#define EDU_TOKEN   0x1000ULL

struct edu_buffer {
	int fd; /* -1: closed */
	char *map;
	uint64_t length, dma;
	size_t pages; /* of its allocation */
};

/* In the first page of the first buffer */
struct edu_note {
	uint64_t dma[EDU_BUFFERS];
	uint32_t number, seen;	 /* of the last copy; of the last one that was seen to land */
	uint64_t started, empty; /* tsc when it was, and when its slot was seen to be empty last */
	uint64_t jumped;
};

struct edu_case {
	struct dma *d;
	const char *bdf;
	int dev; /* of the driver, or -1 */
	struct edu device;
	struct edu_buffer buffers[EDU_BUFFERS];
	struct edu_note *note;
};

/* edu.c. The first that fails ends the case */
void edu_init(struct edu_case *e, struct dma *d);
void edu_bind(struct edu_case *e);
void edu_use(struct edu_case *e);
int edu_alloc(struct edu_case *e, uint64_t length, uint32_t bits, uint32_t flags);
int edu_master(struct edu_case *e, unsigned long command);
bool edu_mastered(struct edu_case *e);
void edu_info(struct edu_buffer *b, uint32_t flags);
/* The device, the buffers, filled; bus mastering on; a copy there and back */
void edu_up(struct edu_case *e);
/* All buffers into a session, or out of it */
void edu_preserve(struct edu_case *e, const char *name);
/* The buffers from to before a number, where they were, with what was in them */
void edu_retrieve(struct edu_case *e, unsigned int from, unsigned int to);
/* Where one is that was not retrieved, so that its pages can be looked at */
void edu_place(struct edu_case *e, unsigned int i, uint64_t dma);
void edu_check_data(struct edu_case *e, const char *when);
/* Copies one slot and waits until it is there */
void edu_copy(struct edu_case *e, const char *when);
/* Copies again and again from now on, on another processor, and jumps */
void edu_jump(struct edu_case *e);
/* After the jump: the last copy has landed, after it was seen not to have */
void edu_landed(struct edu_case *e);
void edu_close(struct edu_case *e, unsigned int from, unsigned int to);
/* How many of the pages that buffers had are free, and how many they had */
size_t edu_free_pages(struct edu_case *e, unsigned int from, unsigned int to, size_t *ret_all);
void edu_freed(struct edu_case *e, const char *when);
void edu_kept(struct edu_case *e, const char *when);

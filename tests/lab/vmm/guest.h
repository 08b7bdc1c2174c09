/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest - the "guest" of lu-vmm: a memfd, a writer that walks through it page by page without
 * end, and a last page that says where the writer is. Paused, that page also holds a checksum of
 * every byte, so that it crosses a live update with the memory and in no other way.
 *
 * Behind that may be memory that a device writes to. It belongs to the same memfd, but neither to
 * the writer nor to the checksum: the device does not stop when the guest is paused.
 *
 * Owns the fd and the mapping. Knows nothing of luod.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_PAGE  4096
#define GUEST_MAGIC UINT64_C(0x6c752d766d6d0001)

enum guest_phase {
	GUEST_RUNNING = 1,
	GUEST_PAUSED = 2,
};

/* The start of the last page that is the writer's. */
struct guest_page {
	uint64_t magic;
	uint64_t phase;	     /* enum guest_phase */
	uint64_t checksum;   /* while paused: of all the writer's memory with this field as 0 */
	uint64_t position;   /* the page that the writer writes next */
	uint64_t generation; /* how often it has been round */
	uint64_t jumps;	     /* how many updates this memory has been through */
};

struct guest {
	int fd;
	uint64_t size;	/* in bytes, of what is the writer's */
	uint64_t total; /* with the device's */
	uint64_t *words;
	struct guest_page *page; /* NULL: there is no memory yet */
};

/*
 * New memory of @size bytes, every page of it written once, and @device bytes for a device. Sealed
 * in size, as preserving memory under a device asks for; with the execute bit, because a memfd made
 * without it comes back from an unpatched kernel sealed against writing.
 */
int guest_create(struct guest *g, uint64_t size, uint64_t device);

/* Maps the memory behind @fd, which belongs to @g from then on; the last @device bytes are a device's. */
int guest_map(struct guest *g, int fd, uint64_t device);

/* The checksum of what is there now. */
uint64_t guest_checksum(struct guest *g);

/* Lets the guest do a bit of what it does: it never looks up, only its VMM stops it. */
void guest_run(struct guest *g, uint64_t pages);

bool guest_runs(const struct guest *g);
void guest_pause(struct guest *g);

/* What is the device's. */
char *guest_device_memory(const struct guest *g);

#endif

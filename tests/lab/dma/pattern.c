// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where pages are, by /proc/self/pagemap; and free memory that is filled with a
 * pattern, in which a write shows that was meant for somebody else.
 *
 * Without translation a device writes to the physical addresses that it believes to
 * be its memory. There is memory at those (MEM_IOVA), and how much of it the pattern
 * has is said, because only there can the pattern show it.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PATTERN	 0x5a5a5a5a5a5a5a5aULL
#define KEEP_KIB (64UL << 10) /* of free memory for the kernel, and an eighth of it */

/* Of an entry of pagemap */
#define PRESENT	   (1ULL << 63)
#define FRAME_MASK ((1ULL << 55) - 1)

static uint64_t *pattern;
static struct place pattern_place;

/* False if a page is not mapped, as it is being moved */
static bool read_entries(const struct place *place, uint64_t *ret_entries)
{
	size_t size = place->size / PAGE * sizeof *ret_entries;
	off_t offset = (off_t)((uintptr_t)place->map / PAGE * sizeof *ret_entries);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool mapped = true;

	for (size_t done = 0; done < size;) {
		ssize_t n =
			pread(fd, (char *)ret_entries + done, size - done, offset + (off_t)done);

		if (n <= 0)
			fail("/proc/self/pagemap: %s", strerror(errno));
		done += (size_t)n;
	}
	close(fd);
	for (size_t i = 0; i < place->size / PAGE; i++)
		mapped &= !!(ret_entries[i] & PRESENT);
	return mapped;
}

static void read_frames(const struct place *place, uint64_t *ret_frames)
{
	unsigned int tries = 0;

	do {
		if (tries++ == 20)
			fail("some of %zu pages are not mapped", place->size / PAGE);
		for (size_t at = 0; at < place->size; at += PAGE)
			(void)*(volatile char *)(place->map + at);
	} while (!read_entries(place, ret_frames));
	for (size_t i = 0; i < place->size / PAGE; i++)
		ret_frames[i] &= FRAME_MASK;
}

struct place place_of(char *map, size_t size)
{
	struct place place = { .map = map, .size = size };

	place.frames = calloc(size / PAGE, sizeof *place.frames);
	if (!place.frames)
		fail("%s", strerror(errno));
	read_frames(&place, place.frames);
	return place;
}

size_t place_moved(const struct place *place)
{
	uint64_t *now = calloc(place->size / PAGE, sizeof *now);
	size_t moved = 0;

	if (!now)
		fail("%s", strerror(errno));
	read_frames(place, now);
	for (size_t i = 0; i < place->size / PAGE; i++)
		moved += now[i] != place->frames[i];
	free(now);
	return moved;
}

size_t place_inside(const struct place *place, uint64_t first, uint64_t end)
{
	size_t inside = 0;

	for (size_t i = 0; i < place->size / PAGE; i++)
		inside += place->frames[i] >= first && place->frames[i] < end;
	return inside;
}

static unsigned long free_kib(void)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "MemFree: %lu", &kib) == 1)
			break;
	if (!kib)
		fail("/proc/meminfo");
	fclose(file);
	return kib;
}

void pattern_fill(void)
{
	unsigned long kib = free_kib();
	size_t size = ((kib - kib / 8 - KEEP_KIB) << 10) & ~(PAGE - 1);

	pattern = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pattern == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	for (size_t i = 0; i < size / sizeof *pattern; i++)
		pattern[i] = PATTERN;
	pattern_place = place_of((char *)pattern, size);
}

size_t pattern_moved(void)
{
	return place_moved(&pattern_place);
}

void pattern_check(const char *when)
{
	size_t size = pattern_place.size;

	for (size_t i = 0; i < size / sizeof *pattern; i++)
		if (pattern[i] != PATTERN)
			fail("%s: somebody wrote to free memory, at %zu of %zu", when,
			     i * sizeof *pattern, size);
	ok("%s: nobody wrote to %zu MiB of free memory, nor to %zu of %lu pages of it where the "
	   "ring would be without translation",
	   when, size >> 20,
	   place_inside(&pattern_place, (MEM_IOVA + RING_OFFSET) / PAGE,
			(MEM_IOVA + RING_OFFSET + RING_SIZE) / PAGE),
	   RING_SIZE / PAGE);
	free(pattern_place.frames);
	munmap(pattern, size);
}

void freed(struct dma *d)
{
	munmap(d->io.ram, MEM_SIZE);
	close(d->mem);
	pattern_fill();
	sleep_ms(1000);
	pattern_check("freed");
}

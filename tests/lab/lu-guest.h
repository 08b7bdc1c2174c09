/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lu-guest - the "guest" of lu-vmm: a memfd, a writer that walks through it page by page without
 * end, and a last page that says where the writer is. Paused, that page also holds a checksum of
 * every byte, so that it crosses a live update with the memory and in no other way.
 *
 * Owns the fd and the mapping. Knows nothing of luod.
 */
#ifndef LU_GUEST_H
#define LU_GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define GUEST_PAGE  4096
#define GUEST_MAGIC UINT64_C(0x6c752d766d6d0001)

enum guest_phase {
	GUEST_RUNNING = 1,
	GUEST_PAUSED = 2,
};

/* The start of the memory's last page. */
struct guest_page {
	uint64_t magic;
	uint64_t phase;	     /* enum guest_phase */
	uint64_t checksum;   /* while paused: of all the memory with this field as 0 */
	uint64_t position;   /* the page that the writer writes next */
	uint64_t generation; /* how often it has been round */
	uint64_t jumps;	     /* how many updates this memory has been through */
};

struct guest {
	int fd;
	uint64_t size;
	uint64_t *words;
	struct guest_page *page; /* NULL: there is no memory yet */
};

/*
 * FNV-1a over 64-bit words in eight lanes. Each step is a bijection of the word (xor, then times an
 * odd number), so a change of any one word changes the result for certain; eight independent lanes
 * keep the multiplier busy and cost three instructions a word, which is what counts where the CPU
 * is emulated (256 MiB in well under a second). @n is a multiple of eight.
 */
static uint64_t guest_hash(const uint64_t *words, size_t n)
{
	const uint64_t prime = UINT64_C(0x100000001b3);
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	uint64_t lane[8];

	for (size_t j = 0; j < 8; j++)
		lane[j] = sum + j;
	for (size_t i = 0; i < n; i += 8) {
		lane[0] = (lane[0] ^ words[i + 0]) * prime;
		lane[1] = (lane[1] ^ words[i + 1]) * prime;
		lane[2] = (lane[2] ^ words[i + 2]) * prime;
		lane[3] = (lane[3] ^ words[i + 3]) * prime;
		lane[4] = (lane[4] ^ words[i + 4]) * prime;
		lane[5] = (lane[5] ^ words[i + 5]) * prime;
		lane[6] = (lane[6] ^ words[i + 6]) * prime;
		lane[7] = (lane[7] ^ words[i + 7]) * prime;
	}
	for (size_t j = 0; j < 8; j++)
		sum = (sum ^ lane[j]) * prime;
	return sum;
}

/* The checksum of what is there now. */
static uint64_t guest_checksum(struct guest *g)
{
	uint64_t kept = g->page->checksum;
	uint64_t sum;

	g->page->checksum = 0;
	sum = guest_hash(g->words, g->size / sizeof(uint64_t));
	g->page->checksum = kept;
	return sum;
}

static void guest_write(struct guest *g, uint64_t number)
{
	uint64_t *words = g->words + number * (GUEST_PAGE / sizeof(uint64_t));
	uint64_t base = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ g->page->generation << 32;

	for (size_t i = 0; i < GUEST_PAGE / sizeof(uint64_t); i++)
		words[i] = base + i;
}

/* Lets the guest do a bit of what it does: it never looks up, only its VMM stops it. */
static void guest_run(struct guest *g, uint64_t pages)
{
	uint64_t n_pages = g->size / GUEST_PAGE - 1;

	while (pages--) {
		guest_write(g, g->page->position);
		if (++g->page->position < n_pages)
			continue;
		g->page->position = 0;
		g->page->generation++;
	}
}

static bool guest_runs(const struct guest *g)
{
	return g->page && g->page->phase == GUEST_RUNNING;
}

static void guest_pause(struct guest *g)
{
	g->page->phase = GUEST_PAUSED;
	g->page->checksum = guest_checksum(g);
}

/* Maps the memory behind @fd, which belongs to @g from then on. */
static int guest_map(struct guest *g, int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 2 * GUEST_PAGE || st.st_size % GUEST_PAGE)
		return -EINVAL;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		 0);
	if (p == MAP_FAILED)
		return -errno;
	g->fd = fd;
	g->size = (uint64_t)st.st_size;
	g->words = p;
	g->page = (struct guest_page *)((char *)p + g->size - GUEST_PAGE);
	return 0;
}

/*
 * New memory, every page of it written once. Sealed in size, as preserving memory under a device
 * will ask for; with the execute bit, because a memfd made without it comes back from an unpatched
 * kernel sealed against writing.
 */
static int guest_create(struct guest *g, uint64_t size)
{
	int fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	int r;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		r = -errno;
	else
		r = guest_map(g, fd);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	guest_run(g, g->size / GUEST_PAGE - 1);
	g->page->magic = GUEST_MAGIC;
	g->page->phase = GUEST_RUNNING;
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest - see guest.h. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/*
 * FNV-1a over 64-bit words in eight lanes. Each step is a bijection of the word (xor, then times an
 * odd number), so a change of any one word changes the result for certain; eight independent lanes
 * keep the multiplier busy and cost three instructions a word, which is what counts where the CPU
 * is emulated (256 MiB in well under a second). @n is a multiple of eight.
 */
static uint64_t hash(const uint64_t *words, size_t n)
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

uint64_t guest_checksum(struct guest *g)
{
	uint64_t kept = g->page->checksum;
	uint64_t sum;

	g->page->checksum = 0;
	sum = hash(g->words, g->size / sizeof(uint64_t));
	g->page->checksum = kept;
	return sum;
}

static void write_page(struct guest *g, uint64_t number)
{
	uint64_t *words = g->words + number * (GUEST_PAGE / sizeof(uint64_t));
	uint64_t base = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ g->page->generation << 32;

	for (size_t i = 0; i < GUEST_PAGE / sizeof(uint64_t); i++)
		words[i] = base + i;
}

void guest_run(struct guest *g, uint64_t pages)
{
	uint64_t n_pages = g->size / GUEST_PAGE - 1;

	while (pages--) {
		write_page(g, g->page->position);
		if (++g->page->position < n_pages)
			continue;
		g->page->position = 0;
		g->page->generation++;
	}
}

bool guest_runs(const struct guest *g)
{
	return g->page && g->page->phase == GUEST_RUNNING;
}

void guest_pause(struct guest *g)
{
	g->page->phase = GUEST_PAUSED;
	g->page->checksum = guest_checksum(g);
}

char *guest_device_memory(const struct guest *g)
{
	return (char *)g->words + g->size;
}

int guest_map(struct guest *g, int fd, uint64_t device)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size < device + 2 * GUEST_PAGE || st.st_size % GUEST_PAGE)
		return -EINVAL;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		 0);
	if (p == MAP_FAILED)
		return -errno;
	g->fd = fd;
	g->total = (uint64_t)st.st_size;
	g->size = g->total - device;
	g->words = p;
	g->page = (struct guest_page *)((char *)p + g->size - GUEST_PAGE);
	return 0;
}

int guest_create(struct guest *g, uint64_t size, uint64_t device)
{
	int fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	int r;

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("guest-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)(size + device)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		r = -errno;
	else
		r = guest_map(g, fd, device);
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

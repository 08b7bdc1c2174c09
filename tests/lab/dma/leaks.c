// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that is not given back, as the kernel sees it: what nothing points to any
 * more, who allocated the pages that are in use, and how many are free.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KMEMLEAK     "/sys/kernel/debug/kmemleak"
#define PAGES_STACKS "/sys/kernel/debug/page_owner_stacks/show_stacks"

/* What is younger does not count as leaked, and a second look is needed for what moved */
#define KMEMLEAK_AGE_MS 6000
#define KMEMLEAK_SCANS	2

void kmemleak_check(void)
{
	int fd = open(KMEMLEAK, O_RDWR | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return;
	must(KMEMLEAK, fd);
	sleep_ms(KMEMLEAK_AGE_MS);
	for (int i = 0; i < KMEMLEAK_SCANS; i++)
		must("kmemleak scans", (int)write(fd, "scan", 4));
	n = read(fd, text, sizeof text - 1);
	must("what kmemleak has found", (int)n);
	close(fd);
	text[n] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		say("%s", line);
	if (n)
		fail("memory has leaked");
	ok("kmemleak has looked %d times and found nothing", KMEMLEAK_SCANS);
}

/* Stacks, one function on a line, each with the number of its pages at the end */
unsigned long pages_of(const char *function)
{
	FILE *file = fopen(PAGES_STACKS, "re");
	unsigned long sum = 0, pages;
	bool ours = false, any = false;
	char line[512];

	if (!file)
		fail("%s: %s", PAGES_STACKS, strerror(errno));
	while (fgets(line, sizeof line, file)) {
		ours |= strstr(line, function) != NULL;
		if (sscanf(line, "nr_base_pages: %lu", &pages) != 1)
			continue;
		any = true;
		if (ours)
			sum += pages;
		ours = false;
	}
	fclose(file);
	if (!any)
		fail("%s is empty: page_owner=on", PAGES_STACKS);
	return sum;
}

unsigned long free_memory_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "MemFree: %lu", &kib) == 1)
			break;
	if (!kib)
		fail("/proc/meminfo: %s", strerror(errno));
	fclose(file);
	return kib;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every allocation of the preserve path fails once. Needs a kernel with
 * FAILSLAB, FAIL_PAGE_ALLOC and debugfs.
 * What leaks is seen in the pages of IOMMU page tables here, and by kmemleak.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long vmstat(const char *key)
{
	unsigned long value = 0;
	char name[64];
	FILE *file = fopen("/proc/vmstat", "re");

	if (!file)
		fail("/proc/vmstat: %s", strerror(errno));
	while (fscanf(file, "%63s %lu", name, &value) == 2)
		if (!strcmp(name, key))
			break;
	fclose(file);
	return value;
}

/* The nth allocation of this task fails from now on, once */
static int arm(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char text[16];

	if (fd < 0)
		return -1;
	snprintf(text, sizeof text, "%u", nth);
	if (write(fd, text, strlen(text)) < 0)
		fail("fail-nth: %s", strerror(errno));
	return fd;
}

/* Has it failed? */
static bool disarm(int fd)
{
	char text[16] = "";
	bool fired;

	if (pread(fd, text, sizeof text - 1, 0) < 0)
		fail("fail-nth: %s", strerror(errno));
	fired = atoi(text) == 0;
	if (write(fd, "0", 1) < 0)
		fail("fail-nth: %s", strerror(errno));
	close(fd);
	return fired;
}

/* Fail each allocation of preserving a file; leave it preserved */
static unsigned int fail_each(struct dma *d, const char *what, int file, uint64_t token)
{
	for (unsigned int nth = 1; nth < 2000; nth++) {
		int fd = arm(nth), result = session_preserve(d->session, file, token);
		int error = errno;
		bool fired = disarm(fd);

		if (!fired && result)
			fail("%s: %s with nothing failing", what, strerror(error));
		if (!fired)
			return nth - 1;
		if (result && error != ENOMEM)
			say("%s: allocation %u gives %s", what, nth, strerror(error));
		/* What can do without is fine */
		if (!result)
			expect("unpreserve", session_unpreserve(d->session, token), 0);
	}
	fail("%s: no end", what);
}

void faults_old(struct dma *d)
{
	static const char *const settings[] = {
		"failslab/ignore-gfp-wait",
		"fail_page_alloc/ignore-gfp-wait",
		"fail_page_alloc/ignore-gfp-highmem",
	};
	unsigned long pages;
	unsigned int iommufd, dev;
	char path[128];

	device_up(d);
	if (access("/proc/thread-self/fail-nth", W_OK) ||
	    access("/sys/kernel/debug/failslab", F_OK)) {
		fail("the kernel has fault injection");
	}
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		snprintf(path, sizeof path, "/sys/kernel/debug/%s", settings[i]);
		guest_write(path, "N");
	}
	guest_write("/sys/kernel/debug/fail_page_alloc/min-order", "0");
	guest_write("/sys/kernel/debug/failslab/verbose", "0");
	guest_write("/sys/kernel/debug/fail_page_alloc/verbose", "0");

	/* Once through, so that what is allocated once for ever does not count */
	preserve_all(d);
	close(d->session);
	pages = vmstat("nr_iommu_pages");

	expect("session", session_create(d, SESSION), 0);
	expect("memory", session_preserve(d->session, d->mem, TOKEN_MEM), 0);
	iommufd = fail_each(d, "iommufd", d->iommufd, TOKEN_IOMMUFD);
	dev = fail_each(d, "device", d->dev, TOKEN_DEV);
	if (!iommufd || !dev)
		fail("no allocation has failed");
	ok("failed one by one: %u allocations of iommufd, %u of the device", iommufd, dev);
	close(d->session);
	if (vmstat("nr_iommu_pages") != pages)
		fail("%lu pages of page tables, %lu before", vmstat("nr_iommu_pages"), pages);
	device_wait(d, 50, "after all failures");
	guest_write("/sys/kernel/debug/kmemleak", "scan");
	preserve_all(d);
	kexec_into_next();
}

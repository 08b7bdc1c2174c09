// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every allocation of preserving and of attaching fails once. Needs a kernel with
 * FAILSLAB, FAIL_PAGE_ALLOC and debugfs.
 * What leaks is seen in the pages that KHO has, with page_owner=on, and by kmemleak.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More allocations of a call than any has */
#define NTH_MAX 2000
/* Pages, one folio each: all 20480 of the guest would take minutes */
#define SMALL_PAGES 64
/* There is no smaller object */
#define SLAB_MIN 8

/* The nth allocation of this task fails from now on, once */
static int arm(unsigned int nth)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	char text[16];

	must("fail-nth", fd);
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

bool call_faulty(struct dma *d, const struct faulty *f, unsigned int nth, int *ret_result)
{
	int fd = arm(nth), result = f->call(d), error = errno;
	bool fired = disarm(fd);

	if (!fired && result)
		fail("%s: %s with nothing failing", f->what, strerror(error));
	if (result && error != ENOMEM)
		say("%s: allocation %u gives %s", f->what, nth, strerror(error));
	*ret_result = result;
	return fired;
}

void fail_each(struct dma *d, const struct faulty *f)
{
	unsigned int nth, refused = 0;
	int result;

	for (nth = 1; nth < NTH_MAX && call_faulty(d, f, nth, &result); nth++) {
		refused += !!result;
		/* What can do without is fine */
		if (!result)
			must(f->what, f->undo(d));
	}
	if (nth == NTH_MAX)
		fail("%s: no end", f->what);
	if (!refused)
		fail("%s: of %u allocations that failed none has made it fail", f->what, nth - 1);
	ok("%s: %u allocations failed one by one, %u of them made the call fail", f->what, nth - 1,
	   refused);
}

static int create(struct dma *d)
{
	return session_create(d, SESSION);
}

static int uncreate(struct dma *d)
{
	return close(d->session);
}

static int preserve_mem(struct dma *d)
{
	return session_preserve(d->session, d->mem, TOKEN_MEM);
}

static int unpreserve_mem(struct dma *d)
{
	return session_unpreserve(d->session, TOKEN_MEM);
}

static int preserve_iommufd(struct dma *d)
{
	return session_preserve(d->session, d->iommufd, TOKEN_IOMMUFD);
}

static int unpreserve_iommufd(struct dma *d)
{
	return session_unpreserve(d->session, TOKEN_IOMMUFD);
}

static int preserve_dev(struct dma *d)
{
	return session_preserve(d->session, d->dev, TOKEN_DEV);
}

static int unpreserve_dev(struct dma *d)
{
	return session_unpreserve(d->session, TOKEN_DEV);
}

/* Of a memfd that is small */
static const struct faulty of_memory[] = {
	{ "session", create, uncreate },
	{ "memory", preserve_mem, unpreserve_mem },
};

/* In a session that has the memory */
static const struct faulty of_device[] = {
	{ "iommufd", preserve_iommufd, unpreserve_iommufd },
	{ "device", preserve_dev, unpreserve_dev },
};

/* Any allocation can fail, also those that may wait, and nothing is printed of it */
void faults_on(void)
{
	static const char *const settings[][2] = {
		{ "fail_iommufd/verbose", "0" },
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[128];

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		snprintf(path, sizeof path, "/sys/kernel/debug/%s", settings[i][0]);
		expect(path, access(path, W_OK), 0);
		guest_write(path, settings[i][1]);
	}
}

unsigned long kho_pages(void)
{
	return pages_of("kho_alloc_preserve");
}

void same_pages(const char *what, unsigned long before)
{
	unsigned long now = kho_pages();

	if (now != before)
		fail("%s: KHO has %lu pages, had %lu", what, now, before);
	ok("%s: KHO has %lu pages, as before", what, now);
}

static void memory_faults(struct dma *d)
{
	struct dma small = *d;
	unsigned long pages;
	char page[4096] = "x";

	small.mem = memfd_create("small", MFD_CLOEXEC);
	must("memfd", small.mem);
	for (int i = 0; i < SMALL_PAGES; i++)
		must("write", (int)write(small.mem, page, sizeof page));
	/* Once through, so that what is allocated once for ever does not count */
	must("session", create(&small));
	must("memory", preserve_mem(&small));
	must("close", uncreate(&small));

	pages = kho_pages();
	for (size_t i = 0; i < sizeof of_memory / sizeof *of_memory; i++)
		fail_each(&small, &of_memory[i]);
	if (kho_pages() == pages)
		fail("page_owner does not know the pages of KHO");
	close(small.session);
	close(small.mem);
	same_pages("memory", pages);
}

/* vmalloc tells with a stack that it has failed: not on the console, where that counts */
void quietly(struct dma *d, void (*call)(struct dma *d))
{
	static const char *const complaints[] = { "WARNING:", "BUG:", "KASAN",
						  "possible recursive" };

	guest_write("/proc/sys/kernel/printk", "4");
	call(d);
	guest_write("/proc/sys/kernel/printk", "7");
	for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
		if (logged(complaints[i]))
			fail("the kernel says %s", complaints[i]);
}

void faults_old(struct dma *d)
{
	unsigned long pages;

	faults_on();
	quietly(d, memory_faults);
	device_up(d);
	preserve_all(d);
	close(d->session);

	pages = kho_pages();
	expect("session", create(d), 0);
	expect("memory", preserve_mem(d), 0);
	for (size_t i = 0; i < sizeof of_device / sizeof *of_device; i++)
		fail_each(d, &of_device[i]);
	close(d->session);
	same_pages("device", pages);
	device_wait(d, 50, "after all failures");
	preserve_all(d);
	kexec_into_next();
}

/* All that this task takes of slabs fails, but for so many bytes to begin with */
static int attach_within(struct dma *d, unsigned int bytes)
{
	int fd = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC), result, error;
	char text[16];

	must("make-it-fail", fd);
	snprintf(text, sizeof text, "%u", bytes);
	guest_write("/sys/kernel/debug/failslab/space", text);
	must("make-it-fail", (int)write(fd, "1", 1));
	result = cdev_attach(d);
	error = errno;
	must("make-it-fail", (int)pwrite(fd, "0", 1, 0));
	close(fd);
	errno = error;
	return result;
}

/*
 * Once attached there is no way back, so fail-nth would end with the first allocation that
 * attaching can do without or tries again.
 */
static void attach_faults(struct dma *d)
{
	static const char *const settings[][2] = {
		{ "task-filter", "1" },
		{ "times", "-1" },
		{ "probability", "100" },
	};
	unsigned int bytes = 0;
	char path[128];

	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		snprintf(path, sizeof path, "/sys/kernel/debug/failslab/%s", settings[i][0]);
		guest_write(path, settings[i][1]);
	}
	for (; attach_within(d, bytes); bytes += SLAB_MIN) {
		if (errno != ENOMEM)
			fail("attaching within %u bytes: %s", bytes, strerror(errno));
		if (session_finish(d->session) != -1 || errno != EBUSY)
			fail("finished with the device parked");
		if (bytes % (32 * SLAB_MIN) == 0)
			device_wait(d, 20, "attaching failed");
	}
	if (!bytes)
		fail("attaching never failed");
	ok("attaching failed %u times, until it was given %u bytes", bytes / SLAB_MIN, bytes);
}

void faults_new(struct dma *d)
{
	unsigned int gaps;

	retrieve_all(d);
	device_wait(d, 50, "parked");
	must("bind", cdev_bind(d));
	must("ioas", ioas_create(d));
	must("map", ioas_map_mem(d));
	must("hwpt", hwpt_create(d));
	faults_on();
	phase("switch");
	attach_faults(d);
	phase("after");
	device_wait(d, 100, "attached");
	config_check(d, "attached");
	expect("finish", session_finish(d->session), 0);
	device_wait(d, 100, "finished");
	gaps = device_faults(d);
	if (gaps)
		fail("%u gaps", gaps);
	ok("%u frames without a gap", device_count(d));
}

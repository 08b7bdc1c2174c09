// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device never writes into memory that is not its guest's. While it is parked,
 * everything that moves or frees pages is tried on its memory; and whoever takes
 * it back dies, after each step of that. Free memory is filled with a pattern
 * that is looked at afterwards.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define PATTERN	 0x5a5a5a5a5a5a5a5aULL
#define KEEP_KIB (64UL << 10) /* of free memory for the kernel, and an eighth of it */

static uint64_t *pattern;
static size_t pattern_size;

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

	pattern_size = (kib - kib / 8 - KEEP_KIB) << 10;
	pattern = mmap(NULL, pattern_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	if (pattern == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	for (size_t i = 0; i < pattern_size / sizeof *pattern; i++)
		pattern[i] = PATTERN;
}

void pattern_check(const char *when)
{
	for (size_t i = 0; i < pattern_size / sizeof *pattern; i++)
		if (pattern[i] != PATTERN)
			fail("%s: somebody wrote to free memory, at %zu of %zu", when,
			     i * sizeof *pattern, pattern_size);
	ok("%s: nobody wrote to %zu MiB of free memory", when, pattern_size >> 20);
	munmap(pattern, pattern_size);
}

static void punch(struct dma *d, const char *what, off_t offset, off_t length, int want_errno)
{
	expect(what, fallocate(d->mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length),
	       want_errno);
}

/* Where the device writes now, where it wrote, and where it never does */
static void punch_all(struct dma *d)
{
	off_t now = BUF_OFFSET + nic_frames(d) * BUF_SIZE;

	punch(d, "punch the ring", RING_OFFSET, 4096, EPERM);
	punch(d, "punch buffers in use", now & ~4095UL, 1 << 20, EPERM);
	punch(d, "punch a hugepage of buffers", (now | 0x1fffff) + 1, 2 << 20, EPERM);
	punch(d, "punch what is not used", 2 << 20, 4096, EPERM);
	expect("shrink", ftruncate(d->mem, 4096), EPERM);
	expect("grow", ftruncate(d->mem, MEM_SIZE + 4096), EPERM);
}

/* May succeed as long as the pages stay: what the device writes next tells */
static void collapse(struct dma *d)
{
	unsigned int done = 0;
	size_t huge = 2UL << 20;

	for (size_t at = 0; at + huge <= MEM_SIZE; at += huge)
		done += !madvise(d->ram + at, huge, MADV_COLLAPSE);
	say("MADV_COLLAPSE: %u of %lu ranges", done, MEM_SIZE / huge);
}

static void compact(void)
{
	for (int i = 0; i < 5; i++) {
		guest_write("/proc/sys/vm/drop_caches", "3");
		guest_write("/proc/sys/vm/compact_memory", "1");
	}
}

void safety_old(struct dma *d)
{
	device_up(d);
	pressure(1);
	preserve_all(d);
	punch_all(d);
	device_wait(d, 50, "preserved");
	kexec_into_next();
}

void safety_new(struct dma *d)
{
	unsigned int gaps;

	pattern_fill();
	retrieve_all(d);
	device_wait(d, 50, "parked");
	punch_all(d);
	device_wait(d, 50, "parked, holes refused");
	collapse(d);
	device_wait(d, 50, "parked, after MADV_COLLAPSE");
	compact();
	device_wait(d, 50, "parked, after compaction");
	pattern_check("parked");
	pattern_fill();
	compact();
	reattach(d);
	device_wait(d, 100, "attached");
	punch_all(d);
	expect("finish", session_finish(d->session), 0);
	device_wait(d, 100, "finished");
	gaps = nic_gaps(d, true);
	if (gaps)
		fail("%u gaps", gaps);
	pattern_check("finished");
	/* Free from here on; the pages that are mapped for the device stay its own */
	punch(d, "punch what is not used, now", 2 << 20, 4096, 0);
	device_wait(d, 50, "punched");
}

static void take_memory(struct dma *d)
{
	d->mem = session_retrieve_fd(d->session, TOKEN_MEM);
	must("retrieve memory", d->mem);
	must("mmap", memory_map(d));
	device_wait(d, 20, "parked");
}

static void take_iommufd(struct dma *d)
{
	d->iommufd = session_retrieve_fd(d->session, TOKEN_IOMMUFD);
	must("retrieve iommufd", d->iommufd);
}

static void take_device(struct dma *d)
{
	d->dev = session_retrieve_fd(d->session, TOKEN_DEV);
	must("retrieve device", d->dev);
}

static void bind(struct dma *d)
{
	must("bind", cdev_bind(d));
}

static void map(struct dma *d)
{
	must("ioas", ioas_create(d));
	must("map", ioas_map_mem(d));
	must("hwpt", hwpt_create(d));
}

static void attach(struct dma *d)
{
	must("attach", cdev_attach(d));
	device_wait(d, 20, "attached");
}

static const struct {
	const char *name;
	void (*take)(struct dma *d);
} steps[] = {
	{ "session", NULL },	   { "memory", take_memory }, { "iommufd", take_iommufd },
	{ "device", take_device }, { "bound", bind },	      { "mapped", map },
	{ "attached", attach },
};

static void take_and_die(struct dma *d, const char *last)
{
	must("session", session_retrieve(d, SESSION));
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		if (steps[i].take)
			steps[i].take(d);
		if (!strcmp(steps[i].name, last)) {
			say("dying with the step: %s", last);
			kill(getpid(), SIGKILL);
		}
	}
	fail("no step %s", last);
}

void death_new(struct dma *d)
{
	char step[16] = "session";
	int status;
	pid_t pid;

	guest_arg("dma.step", step, sizeof step);
	sleep_ms(1000);
	pid = fork();
	must("fork", pid);
	if (!pid)
		take_and_die(d, step);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("the process that takes the device back ends with %x", status);
	pattern_fill();
	if (config_command(d) & 4)
		fail("bus mastering is on: command %04x", config_command(d));
	ok("bus mastering is off");
	sleep_ms(2000);
	pattern_check("dead");
	d->dev = cdev_open(d->bdf);
	expect("open the device as usual", d->dev, 0);
	d->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	expect("bind it as usual", cdev_bind(d), 0);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device never writes into memory that is not its guest's. While it is parked,
 * everything that moves or frees pages is tried on its memory; and whoever takes
 * it back dies, after each step of that. What is tried is tried on memory of the
 * same kind, too, that nothing holds: there it has to work.
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

#define HUGE	   (2UL << 20)
#define TWIN_SIZE  (2 * HUGE)
#define BALLAST	   (512UL << 20)
#define SIEVE_SIZE (32UL << 20)

static void punch(struct dma *d, const char *what, off_t offset, off_t length, int want_errno)
{
	expect(what, fallocate(d->mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length),
	       want_errno);
}

/* Where the device writes now, where it wrote, and where it never does */
static void punch_all(struct dma *d)
{
	off_t now = BUF_OFFSET + device_count(d) * BUF_SIZE;

	punch(d, "punch the ring", RING_OFFSET, 4096, EPERM);
	punch(d, "punch buffers in use", now & ~4095UL, 1 << 20, EPERM);
	punch(d, "punch a hugepage of buffers", (now | 0x1fffff) + 1, 2 << 20, EPERM);
	punch(d, "punch what is not used", 2 << 20, 4096, EPERM);
	/* By the seals, which it must have. Without them: luo_depend, in 04-kernel-tests. */
	expect("shrink, sealed", ftruncate(d->mem, 4096), EPERM);
	expect("grow, sealed", ftruncate(d->mem, MEM_SIZE + 4096), EPERM);
}

/* Where MADV_COLLAPSE can be tried */
static char *map_aligned(int fd, size_t size)
{
	char *p = mmap(NULL, size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	p = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	p = mmap(p, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	return p;
}

static unsigned int collapsed(char *map, size_t size)
{
	unsigned int done = 0;

	for (size_t at = 0; at < size; at += HUGE)
		done += !madvise(map + at, HUGE, MADV_COLLAPSE);
	return done;
}

/* A memfd that nothing holds becomes huge pages, and this one does not */
static void collapse(const struct place *place)
{
	int fd = memfd_create("twin", MFD_CLOEXEC);
	unsigned int twin, done;
	char *map;

	must("twin", fd);
	must("twin", ftruncate(fd, TWIN_SIZE));
	map = map_aligned(fd, TWIN_SIZE);
	memset(map, 1, TWIN_SIZE);
	twin = collapsed(map, TWIN_SIZE);
	done = collapsed(place->map, place->size);
	if (!twin || done)
		fail("MADV_COLLAPSE: %u of %lu ranges, of a memfd that nothing holds %u of %lu",
		     done, place->size / HUGE, twin, TWIN_SIZE / HUGE);
	ok("MADV_COLLAPSE: none of %lu ranges, of a memfd that nothing holds %u of %lu",
	   place->size / HUGE, twin, TWIN_SIZE / HUGE);
	munmap(map, TWIN_SIZE);
	close(fd);
}

static void stay(const struct place *place, const char *when)
{
	size_t moved = place_moved(place);

	if (moved)
		fail("%s: %zu pages are elsewhere", when, moved);
	ok("%s: all %zu pages are where they were", when, place->size / PAGE);
}

/* Memory of which every second page is given back: who compacts has others to move */
static struct place sieve(void)
{
	char *map =
		mmap(NULL, SIEVE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	madvise(map, SIEVE_SIZE, MADV_NOHUGEPAGE);
	memset(map, 1, SIEVE_SIZE);
	for (size_t at = 0; at < SIEVE_SIZE; at += 2 * PAGE)
		madvise(map + at, PAGE, MADV_DONTNEED);
	return place_of(map, SIEVE_SIZE);
}

/* What may be moved is */
static void compact(const struct place *place)
{
	struct place loose = sieve();
	size_t moved;

	for (int i = 0; i < 5; i++) {
		guest_write("/proc/sys/vm/drop_caches", "3");
		guest_write("/proc/sys/vm/compact_memory", "1");
	}
	moved = pattern_moved() + place_moved(&loose);
	free(loose.frames);
	munmap(loose.map, loose.size);
	if (!moved)
		fail("compaction has moved nothing");
	ok("compaction has moved %zu pages of other memory", moved);
	stay(place, "compaction");
}

/* The first page frame of the zone of pages that can be moved, and the first after it */
static void movable_zone(unsigned long *ret_first, unsigned long *ret_end)
{
	FILE *file = fopen("/proc/zoneinfo", "re");
	unsigned long spanned = 0, first = 0;
	bool movable = false;
	char line[256], zone[16];

	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "Node %*d, zone %15s", zone) == 1)
			movable = !strcmp(zone, "Movable");
		else if (movable && sscanf(line, " spanned %lu", &spanned) != 1)
			sscanf(line, " start_pfn: %lu", &first);
	}
	if (!spanned || !first)
		fail("/proc/zoneinfo has no movable zone");
	fclose(file);
	*ret_first = first;
	*ret_end = first + spanned;
}

/*
 * In this kernel, not in the one before, most of the memory is a zone of pages that can be
 * moved. A pin would have to move them out of it first; these it takes where they are.
 */
static void check_movable(const struct place *place)
{
	unsigned long first, end;
	size_t inside = 0;
	char value[4];

	if (!guest_arg("dma.movable", value, sizeof value))
		return;
	movable_zone(&first, &end);
	inside = place_inside(place, first, end);
	if (inside < place->size / PAGE / 2)
		fail("%zu of %zu pages are in the movable zone, %lx-%lx: the first is %llx", inside,
		     place->size / PAGE, first, end, (unsigned long long)place->frames[0]);
	ok("%zu of %zu pages are in the movable zone", inside, place->size / PAGE);
}

/*
 * For dma.movable: the memory of the device shall be where the next kernel has its movable
 * zone, in the upper part. A kernel that has just booted takes from the lower.
 */
static void device_up_above(struct dma *d)
{
	char value[4];
	char *ballast;

	if (!guest_arg("dma.movable", value, sizeof value)) {
		device_up(d);
		return;
	}
	ballast = mmap(NULL, BALLAST, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ballast == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	device_up(d);
	munmap(ballast, BALLAST);
}

void safety_old(struct dma *d)
{
	device_up_above(d);
	pressure(1);
	preserve_all(d);
	punch_all(d);
	device_wait(d, 50, "preserved");
	kexec_into_next();
}

void safety_new(struct dma *d)
{
	struct place place;
	unsigned int gaps;

	pattern_fill();
	retrieve_all(d);
	place = place_of(map_aligned(d->mem, MEM_SIZE), MEM_SIZE);
	check_movable(&place);
	device_wait(d, 50, "parked");
	punch_all(d);
	device_wait(d, 50, "parked, holes refused");
	collapse(&place);
	device_wait(d, 50, "parked, after MADV_COLLAPSE");
	compact(&place);
	device_wait(d, 50, "parked, after compaction");
	pattern_check("parked");
	pattern_fill();
	reattach(d);
	device_wait(d, 100, "attached");
	stay(&place, "attached");
	punch_all(d);
	expect("finish", session_finish(d->session), 0);
	device_wait(d, 100, "finished");
	collapse(&place);
	compact(&place);
	device_wait(d, 100, "finished, after compaction");
	gaps = device_faults(d);
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

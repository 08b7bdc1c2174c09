// SPDX-License-Identifier: GPL-2.0-or-later
/* The emulator's edu and its buffers, see edu.h. */

#include "edu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EDU_ID "0x1234\n0x11e8\n"

#define PCI_COMMAND_WORD 4
#define PCI_MASTER	 4
#define COPY_MS		 5000
/* A copy takes 100 ms, which are not fewer cycles of any machine that this is run on */
#define COPY_CYCLES 180000000
/* So many of the pages that have just become free may be in use again; the smallest buffers have more */
#define TAKEN_PAGES   20
#define KPF_BUDDY     (1ULL << 10)
#define SECOND_ONLINE "/sys/devices/system/cpu/cpu1/online"

static const uint64_t lengths[] = { EDU_FIRST, 4UL << 20, 1UL << 20, 1, 5000 };

static uint64_t length_of(unsigned int i)
{
	/* One each of the large ones; then small ones by turns, so many that they would be missed */
	return i < 3 ? lengths[i] : lengths[3 + i % 2];
}

static size_t pages_for(uint64_t length)
{
	size_t pages = 1;

	while (pages * PAGE < length)
		pages *= 2;
	return pages;
}

static size_t read_sysfs(const char *bdf, const char *name, char *text, size_t size)
{
	char path[300];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", bdf, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, size - 1) : 0;
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* Wherever it is: beside another device it is not the one of the command line */
static const char *find(void)
{
	static char bdf[16];
	char id[32];
	struct dirent *entry;
	DIR *dir = opendir("/sys/bus/pci/devices");

	while (dir && (entry = readdir(dir))) {
		size_t n = read_sysfs(entry->d_name, "vendor", id, sizeof id);

		read_sysfs(entry->d_name, "device", id + n, sizeof id - n);
		if (!strcmp(id, EDU_ID))
			snprintf(bdf, sizeof bdf, "%.12s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (!*bdf)
		fail("no edu");
	return bdf;
}

void edu_init(struct edu_case *e, struct dma *d)
{
	*e = (struct edu_case){ .d = d, .bdf = find(), .dev = -1 };
	for (unsigned int i = 0; i < EDU_BUFFERS; i++)
		e->buffers[i].fd = -1;
}

static void write_sysfs(struct edu_case *e, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", e->bdf, name);
	guest_write(path, value);
}

void edu_bind(struct edu_case *e)
{
	write_sysfs(e, "driver_override", "pci-dmamem");
	guest_write("/sys/bus/pci/drivers_probe", e->bdf);
}

static void run_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		fail("processor %d: %s", processor, strerror(errno));
}

void edu_use(struct edu_case *e)
{
	char path[128];
	int r;

	/* Also what frees memory later, see drain() */
	run_on(1);
	snprintf(path, sizeof path, "/dev/dmamem/%s", e->bdf);
	e->dev = open(path, O_RDWR | O_CLOEXEC);
	must(path, e->dev);
	r = edu_open(e->bdf, &e->device);
	if (r)
		fail("its registers: %s", strerror(-r));
}

int edu_alloc(struct edu_case *e, uint64_t length, uint32_t bits, uint32_t flags)
{
	struct dmamem_alloc arg = {
		.size = sizeof arg,
		.flags = flags,
		.length = length,
		.address_bits = bits,
		.fd = -1,
	};

	return ioctl(e->dev, DMAMEM_ALLOC, &arg) ? -1 : arg.fd;
}

int edu_master(struct edu_case *e, unsigned long command)
{
	struct dmamem_start arg = { .size = sizeof arg };

	return ioctl(e->dev, command, &arg);
}

bool edu_mastered(struct edu_case *e)
{
	char config[64];

	if (read_sysfs(e->bdf, "config", config, sizeof config) < 6)
		fail("configuration space");
	return config[PCI_COMMAND_WORD] & PCI_MASTER;
}

/* What the kernel tells of it, and the memory itself */
void edu_info(struct edu_buffer *b, uint32_t flags)
{
	struct dmamem_info info = { .size = sizeof info };

	must("info", ioctl(b->fd, DMAMEM_INFO, &info));
	if (info.flags != flags)
		fail("the flags of a buffer are %x, not %x", info.flags, flags);
	b->length = info.length;
	b->dma = info.dma_addr;
	b->pages = pages_for(b->length);
	if (b->map)
		return;
	b->map = mmap(NULL, b->length, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
	if (b->map == MAP_FAILED)
		fail("map a buffer: %s", strerror(errno));
}

static uint64_t word_of(unsigned int buffer, uint64_t i)
{
	return (buffer + 1) * 0x9e3779b97f4a7c15ULL ^ i * 0xbf58476d1ce4e5b9ULL;
}

/* The first buffer's is what the device copies */
static void fill(struct edu_case *e, unsigned int i)
{
	struct edu_buffer *b = &e->buffers[i];
	size_t from = i ? 0 : EDU_SOURCE;

	for (size_t at = from; at < b->length; at++)
		b->map[at] = (char)(word_of(i, at / 8) >> at % 8 * 8);
}

static size_t wrong(struct edu_case *e, unsigned int i)
{
	struct edu_buffer *b = &e->buffers[i];
	size_t from = i ? 0 : EDU_SOURCE, n = 0;

	for (size_t at = from; at < b->length; at++)
		n += b->map[at] != (char)(word_of(i, at / 8) >> at % 8 * 8);
	return n;
}

void edu_check_data(struct edu_case *e, const char *when)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < EDU_BUFFERS; i++) {
		if (e->buffers[i].fd < 0)
			continue;
		sum += e->buffers[i].length;
		if (wrong(e, i))
			fail("%s: %zu bytes of buffer %u are not what they were", when, wrong(e, i),
			     i);
	}
	ok("%s: %llu bytes are what they were", when, (unsigned long long)sum);
}

/* ---- copies ---- */

static void wait_idle(struct edu_case *e, const char *what)
{
	for (unsigned int ms = 0; edu_busy(&e->device); ms++) {
		if (ms > COPY_MS)
			fail("%s: the device does not finish", what);
		sleep_ms(1);
	}
}

/* The page that it copies from then on */
static void load(struct edu_case *e)
{
	edu_read(&e->device, e->buffers[0].dma + EDU_SOURCE);
	wait_idle(e, "load");
}

static volatile uint64_t *slot(struct edu_case *e, uint32_t number)
{
	return (void *)(e->buffers[0].map + EDU_LAND + number % EDU_SLOTS * EDU_SLOT);
}

static size_t in_page(uint32_t number)
{
	return number * EDU_SLOT % PAGE;
}

static void start_slot(struct edu_case *e)
{
	uint32_t number = e->note->number + 1;

	memset((void *)slot(e, number), 0, EDU_SLOT);
	e->note->number = number;
	e->note->started = e->note->empty = tsc();
	edu_write_part(&e->device, in_page(number),
		       e->buffers[0].dma + EDU_LAND + number % EDU_SLOTS * EDU_SLOT, EDU_SLOT);
}

static bool slot_right(struct edu_case *e, uint32_t number)
{
	return !memcmp((void *)slot(e, number), e->buffers[0].map + EDU_SOURCE + in_page(number),
		       EDU_SLOT);
}

void edu_copy(struct edu_case *e, const char *when)
{
	start_slot(e);
	wait_idle(e, when);
	if (!slot_right(e, e->note->number))
		fail("%s: the device has not copied slot %u", when, e->note->number);
	ok("%s: the device has copied slot %u", when, e->note->number);
}

static void *copy_for_ever(void *arg)
{
	struct edu_case *e = arg;

	/* It runs until the kernel stops all processors but the first */
	run_on(1);
	for (;;) {
		start_slot(e);
		while (!slot(e, e->note->number)[EDU_SLOT / 8 - 1])
			e->note->empty = tsc();
		e->note->seen = e->note->number;
		while (edu_busy(&e->device))
			;
	}
	return NULL;
}

void edu_jump(struct edu_case *e)
{
	uint32_t first = e->note->number;
	pthread_t thread;

	kexec_ready();
	if (pthread_create(&thread, NULL, copy_for_ever, e))
		fail("thread");
	run_on(0);
	/* Not when one is nearly over */
	while (*(volatile uint32_t *)&e->note->number < first + 3)
		;
	e->note->jumped = tsc();
	kexec_try();
	fail("kexec: %s", strerror(errno));
}

void edu_landed(struct edu_case *e)
{
	const struct edu_note *note = e->note;

	say("copy %u: started %lld M cycles after the call of the jump; %lld M later its slot was"
	    " seen to be empty for the last time",
	    note->number, (long long)(note->started - note->jumped) / 1000000,
	    (long long)(note->empty - note->started) / 1000000);
	if (note->seen == note->number || note->started + COPY_CYCLES < note->jumped)
		fail("the last copy was over before the jump");
	if (!slot_right(e, note->number))
		fail("the copy that was under way at the jump has not landed");
	ok("the copy that was under way at the jump has landed after it, in the same buffer");
	for (uint32_t n = note->number - 2; n != note->number; n++)
		if (!slot_right(e, n))
			fail("copy %u is wrong", n);
	ok("so have those before it");
}

/* ---- all of it ---- */

void edu_up(struct edu_case *e)
{
	edu_bind(e);
	edu_use(e);
	for (unsigned int i = 0; i < EDU_BUFFERS; i++) {
		e->buffers[i].fd = edu_alloc(e, length_of(i), i ? 0 : EDU_BITS, 0);
		must("allocate", e->buffers[i].fd);
		edu_info(&e->buffers[i], 0);
		fill(e, i);
	}
	ok("%u buffers, the first at %llx", EDU_BUFFERS, (unsigned long long)e->buffers[0].dma);
	if (e->buffers[0].dma >> EDU_BITS)
		fail("the device cannot reach it");
	if (edu_mastered(e))
		fail("allocating turns bus mastering on");
	expect("start", edu_master(e, DMAMEM_START), 0);
	if (!edu_mastered(e))
		fail("bus mastering is off");
	e->note = (void *)e->buffers[0].map;
	memset(e->note, 0, sizeof *e->note);
	for (unsigned int i = 0; i < EDU_BUFFERS; i++)
		e->note->dma[i] = e->buffers[i].dma;
	load(e);
	edu_copy(e, "before");
}

void edu_preserve(struct edu_case *e, const char *name)
{
	must("session", session_create(e->d, name));
	for (unsigned int i = 0; i < EDU_BUFFERS; i++) {
		must("preserve", session_preserve(e->d->session, e->buffers[i].fd, EDU_TOKEN + i));
		edu_info(&e->buffers[i], DMAMEM_INFO_PRESERVED);
	}
	ok("%u buffers are preserved", EDU_BUFFERS);
}

void edu_retrieve(struct edu_case *e, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct edu_buffer *b = &e->buffers[i];

		b->fd = session_retrieve_fd(e->d->session, EDU_TOKEN + i);
		must("retrieve", b->fd);
		edu_info(b, DMAMEM_INFO_RESTORED);
		if (!i)
			e->note = (void *)b->map;
		if (!e->note || b->dma != e->note->dma[i] || b->length != length_of(i))
			fail("buffer %u is at %llx with %llu bytes", i, (unsigned long long)b->dma,
			     (unsigned long long)b->length);
	}
	ok("buffers %u to %u are back, each at its bus address", from, to - 1);
}

void edu_place(struct edu_case *e, unsigned int i, uint64_t dma)
{
	e->buffers[i].dma = dma;
	e->buffers[i].pages = pages_for(length_of(i));
}

void edu_close(struct edu_case *e, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		struct edu_buffer *b = &e->buffers[i];

		if (b->fd < 0)
			continue;
		munmap(b->map, b->length);
		b->map = NULL;
		if (!i)
			e->note = NULL;
		close(b->fd);
		b->fd = -1;
	}
}

/* ---- what became of the pages ---- */

static size_t free_of(int fd, const struct edu_buffer *b)
{
	static uint64_t flags[1024];
	size_t n = 0;

	if (b->pages > sizeof flags / sizeof *flags ||
	    pread(fd, flags, b->pages * 8, (off_t)(b->dma / PAGE * 8)) != (ssize_t)(b->pages * 8))
		fail("kpageflags: %s", strerror(errno));
	for (size_t i = 0; i < b->pages; i++)
		n += !!(flags[i] & KPF_BUDDY);
	return n;
}

size_t edu_free_pages(struct edu_case *e, unsigned int from, unsigned int to, size_t *ret_all)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	size_t n = 0, all = 0;

	must("/proc/kpageflags", fd);
	/*
	 * A processor keeps some free pages for itself, until it goes offline: all memory is
	 * freed on the second one, see edu_use(). When it comes back it takes small ones first.
	 */
	run_on(0);
	guest_write(SECOND_ONLINE, "0");
	for (unsigned int i = from; i < to; i++) {
		all += e->buffers[i].pages;
		n += free_of(fd, &e->buffers[i]);
	}
	guest_write(SECOND_ONLINE, "1");
	run_on(1);
	close(fd);
	*ret_all = all;
	return n;
}

void edu_freed(struct edu_case *e, const char *when)
{
	size_t all, n = edu_free_pages(e, 0, EDU_BUFFERS, &all);

	if (n + TAKEN_PAGES < all)
		fail("%s: only %zu of %zu pages are free", when, n, all);
	ok("%s: %zu of %zu pages are free", when, n, all);
}

void edu_kept(struct edu_case *e, const char *when)
{
	size_t all, n;

	sleep_ms(200);
	n = edu_free_pages(e, 0, EDU_BUFFERS, &all);
	if (n)
		fail("%s: %zu of %zu pages are free, and the device can write to them", when, n,
		     all);
	ok("%s: none of %zu pages is free", when, all);
}

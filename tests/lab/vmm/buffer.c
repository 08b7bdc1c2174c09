/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buffer - an edu device that pci-dmamem has, and its DMA buffer: the device copies what is in one page
 * of it into another, by way of its own memory, round by round, and what it wrote is compared. For a live
 * update it is left with a copy to do, and does it in whichever kernel there is then; after the jump the
 * buffer must be where it was, and the device goes on without being started again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dmamem.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

#define LABEL	   "dma0"
#define MAGIC	   UINT64_C(0x6564752d62756672)
#define ROUND_USEC 100000
#define TELL_USEC  1000000
#define BUSY_USEC  5000000

enum doing {
	IDLE,
	READING,
	WRITING,
};

/*
 * The first page; the second one the device reads, the third one it writes. What it was told stands here
 * after it was: whoever goes on for an owner that was killed tells it again at most.
 */
struct note {
	uint64_t magic;
	uint64_t bus_address;
	uint64_t rounds; /* that were compared */
	uint64_t faults; /* of them: other data than it should be */
	uint64_t given;	 /* the last one that the device was told to do */
	uint64_t doing;	 /* enum doing, of that one */
};

#define SOURCE EDU_SIZE
#define TARGET (2 * EDU_SIZE)
#define LENGTH (3 * EDU_SIZE)

static uint64_t word_of(uint64_t round, size_t i)
{
	return (round * UINT64_C(0x9e3779b97f4a7c15)) ^ i;
}

static uint64_t *words_at(struct buffer *b, size_t offset)
{
	return (uint64_t *)((char *)b->note + offset);
}

/* --- rounds ------------------------------------------------------------------------------------- */

static void begin(struct buffer *b)
{
	struct note *note = b->note;

	note->given = note->rounds + 1;
	for (size_t i = 0; i < EDU_SIZE / sizeof(uint64_t); i++)
		words_at(b, SOURCE)[i] = word_of(note->given, i);
	memset(words_at(b, TARGET), 0, EDU_SIZE);
	edu_read(&b->edu, note->bus_address + SOURCE);
	note->doing = READING;
}

static void go_on(struct buffer *b)
{
	edu_write(&b->edu, b->note->bus_address + TARGET);
	b->note->doing = WRITING;
}

static void compare(struct vmm *v)
{
	struct buffer *b = &v->buffer;
	struct note *note = b->note;
	size_t wrong = 0;

	for (size_t i = 0; i < EDU_SIZE / sizeof(uint64_t); i++)
		wrong += words_at(b, TARGET)[i] != word_of(note->given, i);
	if (wrong)
		say(v, "failed: %zu words of copy %" PRIu64 " are wrong", wrong, note->given);
	note->faults += wrong != 0;
	note->rounds = note->given;
	note->doing = IDLE;
	b->next_usec = now_usec() + ROUND_USEC;
}

static void wait_idle(struct vmm *v)
{
	uint64_t deadline = now_usec() + BUSY_USEC;

	while (edu_busy(&v->buffer.edu)) {
		if (now_usec() > deadline)
			die(v, v->buffer.bdf, -ETIMEDOUT);
		usleep(1000);
	}
}

static void tell(struct vmm *v)
{
	v->buffer.tell_at_usec = now_usec() + TELL_USEC;
	say(v, "device %" PRIu64 " copies, %" PRIu64 " missing or wrong", v->buffer.note->rounds,
	    v->buffer.note->faults);
}

void buffer_serve(struct vmm *v)
{
	struct buffer *b = &v->buffer;

	if (!b->bdf || !b->served || edu_busy(&b->edu))
		return;
	switch ((enum doing)b->note->doing) {
	case IDLE:
		if (now_usec() >= b->next_usec)
			begin(b);
		break;
	case READING:
		go_on(b);
		break;
	case WRITING:
		compare(v);
		break;
	}
	if (now_usec() >= b->tell_at_usec)
		tell(v);
}

/* --- the buffer --------------------------------------------------------------------------------- */

static void map(struct vmm *v)
{
	struct buffer *b = &v->buffer;
	void *p = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);

	if (p == MAP_FAILED)
		die(v, "mapping the buffer", -errno);
	b->note = p;
	must(v, b->bdf, edu_open(b->bdf, &b->edu));
}

static struct lu_dma_memory query(struct vmm *v)
{
	struct lu_dma_memory memory = { .size = sizeof(memory) };

	must(v, "asking about the buffer", lu_dma_memory_query(v->buffer.fd, &memory));
	return memory;
}

static int ask(int fd, unsigned long request, void *args)
{
	return ioctl(fd, request, args) < 0 ? -errno : 0;
}

void buffer_create(struct vmm *v)
{
	struct dmamem_alloc alloc = { .size = sizeof(alloc),
				      .length = LENGTH,
				      .address_bits = EDU_BITS };
	struct dmamem_start start = { .size = sizeof(start) };
	struct buffer *b = &v->buffer;
	char path[64];

	if (!b->bdf)
		return;
	snprintf(path, sizeof(path), "/dev/dmamem/%s", b->bdf);
	b->node = open(path, O_RDWR | O_CLOEXEC);
	if (b->node < 0)
		die(v, path, -errno);
	must(v, "a DMA buffer", ask(b->node, DMAMEM_ALLOC, &alloc));
	b->fd = alloc.fd;
	map(v);
	*b->note = (struct note){ .magic = MAGIC, .bus_address = query(v).bus_address };
	must(v, "starting the device", ask(b->node, DMAMEM_START, &start));
	b->served = true;
	say(v, "edu %s has its buffer at 0x%" PRIx64, b->bdf, b->note->bus_address);
}

void buffer_attach(struct vmm *v)
{
	struct buffer *b = &v->buffer;
	int r;

	if (!b->bdf || lu_session_mode(v->session) != LU_MODE_CUSTODY || luod_has(v, LABEL))
		return;
	r = lu_session_attach_dma_memory(v->session, LABEL, b->fd, NULL);
	if (took(v, "attach the buffer", r))
		say(v, "attached the buffer of %s", b->bdf);
}

void buffer_preserve(struct vmm *v)
{
	struct buffer *b = &v->buffer;
	int r;

	if (!b->bdf || lu_session_mode(v->session) != LU_MODE_DELEGATION || b->preserved)
		return;
	r = lu_session_preserve(v->session, LABEL, b->fd, BUFFER_TOKEN);
	/* Preserved before, but not declared: luod was not in a state to take it. */
	if (r == -EEXIST)
		r = lu_session_declare_device(v->session, LABEL, b->fd, BUFFER_TOKEN, 0);
	if (!took(v, "preserve the buffer", r))
		return;
	b->preserved = true;
	say(v, "preserved the buffer of %s", b->bdf);
}

/* Its device has something to do, whenever that will be. */
void buffer_let_go(struct vmm *v)
{
	struct buffer *b = &v->buffer;

	if (!b->bdf || !b->served)
		return;
	b->served = false;
	wait_idle(v);
	if (b->note->doing == WRITING)
		compare(v);
	if (b->note->doing == IDLE) {
		begin(b);
		wait_idle(v);
	}
	go_on(b);
	say(v, "edu is left with copy %" PRIu64, b->note->given);
}

void buffer_resume(struct vmm *v)
{
	struct buffer *b = &v->buffer;

	if (!b->bdf || b->served)
		return;
	wait_idle(v);
	if (b->note->doing == WRITING)
		compare(v);
	b->served = true;
	tell(v);
}

void buffer_called_off(struct vmm *v)
{
	struct buffer *b = &v->buffer;

	if (!b->bdf)
		return;
	b->preserved = false;
	if (query(v).flags & LU_DMA_MEMORY_PRESERVED)
		say(v, "failed: the buffer of %s was left preserved", b->bdf);
	buffer_resume(v);
}

/* What the device was told before the jump stands in the buffer; and the device has not been touched since. */
static void look(struct vmm *v)
{
	struct lu_dma_memory memory = query(v);
	struct buffer *b = &v->buffer;
	char address[32];

	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", memory.segment, memory.bus,
		 memory.device, memory.function);
	if (memory.length != LENGTH || strcmp(address, b->bdf) != 0 || b->note->magic != MAGIC)
		say(v, "corrupt: a buffer of %" PRIu64 " bytes for %s", memory.length, address);
	else if (memory.bus_address != b->note->bus_address)
		say(v, "corrupt: the buffer is at 0x%" PRIx64 " instead of 0x%" PRIx64,
		    memory.bus_address, b->note->bus_address);
	else
		say(v, "edu %s has its buffer at 0x%" PRIx64 " again, %s", b->bdf,
		    memory.bus_address,
		    memory.flags & LU_DMA_MEMORY_RESTORED ? "restored" : "never gone");
}

void buffer_take_back(struct vmm *v)
{
	struct buffer *b = &v->buffer;
	int r;

	if (!b->bdf)
		return;
	if (!luod_has(v, LABEL)) {
		buffer_create(v);
		return;
	}
	if (lu_session_mode(v->session) == LU_MODE_CUSTODY)
		r = get_from_custody(v, LABEL, &b->fd, NULL);
	else
		r = retrieve(v, BUFFER_TOKEN, &b->fd);
	must(v, "getting the buffer", r);
	map(v);
	look(v);
}

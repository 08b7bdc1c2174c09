// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device: an NVMe disk that is so slow that reads are under way for all of a
 * live update; completions are seen in the queue in memory. Served, it gets a new
 * read for each that is complete, and some more at first. Block n of the disk holds
 * nothing but the number n, in 64 bits.
 */

#include "nvme.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define CC    0x14
#define CSTS  0x1c
#define AQA   0x24
#define ASQ   0x28
#define ACQ   0x30
#define BELLS 0x1000 /* of the admin queue; those of the I/O queue follow */

#define SQ_TAIL (BELLS + 8)
#define CQ_HEAD (BELLS + 12)

#define ADMIN_SQ_OFFSET	  0x10000UL
#define ADMIN_CQ_OFFSET	  0x11000UL
#define ADMIN_ENTRIES	  16U
#define ADMIN_CREATE_SQ	  0x01
#define ADMIN_CREATE_CQ	  0x05
#define READ		  0x02
#define SQ_OFFSET	  RING_OFFSET
#define CQ_OFFSET	  (RING_OFFSET + (256UL << 10))
#define ENTRIES		  2048U
#define BLOCK		  4096UL
#define SECTORS_PER_BLOCK 8U
#define DISK_BLOCKS	  2048U
#define BLOCK_OF(read)	  ((read)*7 % DISK_BLOCKS)
#define CONTIGUOUS	  1u
#define INTERRUPTS	  2u /* to the first vector */
#define IO_ENTRY_SIZES	  (6u << 16 | 4u << 20)

struct command {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved, metadata, prp1, prp2;
	uint32_t dw[6];
};

struct completion {
	uint32_t result, reserved;
	uint16_t sq_head, sq_id, id, status; /* bit 0 of the status is the phase */
};

static volatile struct completion *completions(struct device_io *io)
{
	return (volatile struct completion *)(io->ram + CQ_OFFSET);
}

static void reg(struct device_io *io, unsigned int offset, uint32_t value)
{
	io->bar[offset / 4] = value;
}

static void reg64(struct device_io *io, unsigned int offset, uint64_t value)
{
	reg(io, offset, (uint32_t)value);
	reg(io, offset + 4, value >> 32);
}

static void sleep_a_bit(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
}

static int wait_ready(struct device_io *io, uint32_t want)
{
	for (unsigned int i = 0; i < 100; i++) {
		if ((io->bar[CSTS / 4] & 1) == want)
			return 0;
		sleep_a_bit();
	}
	return -ETIMEDOUT;
}

static int admin(struct device_io *io, unsigned int number, uint8_t opcode, uint64_t queue,
		 uint32_t dw11)
{
	struct command *command = (struct command *)(io->ram + ADMIN_SQ_OFFSET) + number;
	volatile struct completion *done =
		(volatile struct completion *)(io->ram + ADMIN_CQ_OFFSET) + number;

	*command = (struct command){
		.opcode = opcode,
		.id = (uint16_t)number,
		.prp1 = queue,
		.dw = { (ENTRIES - 1) << 16 | 1, dw11 },
	};
	reg(io, BELLS, number + 1);
	for (unsigned int i = 0; i < 100 && !(done->status & 1); i++)
		sleep_a_bit();
	return done->status == 1 ? 0 : -EIO;
}

static char *buffer(struct device_io *io, unsigned int read)
{
	return io->ram + BUF_OFFSET + read % ENTRIES * BLOCK;
}

void nvme_submit(struct device_io *io, unsigned int from, unsigned int to)
{
	struct command *commands = (struct command *)(io->ram + SQ_OFFSET);

	for (unsigned int i = from; i < to; i++) {
		/* Nothing that an earlier read has left there can be taken for this one's */
		memset(buffer(io, i), 0xff, BLOCK);
		commands[i % ENTRIES] = (struct command){
			.opcode = READ,
			.id = (uint16_t)(i % ENTRIES),
			.nsid = 1,
			.prp1 = io->iova + (uint64_t)(buffer(io, i) - io->ram),
			.dw = { BLOCK_OF(i) * SECTORS_PER_BLOCK, 0, SECTORS_PER_BLOCK - 1 },
		};
	}
	device_log(io)->given = to;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	reg(io, SQ_TAIL, to % ENTRIES);
}

static int nvme_start(struct device_io *io, bool interrupts)
{
	uint32_t how = CONTIGUOUS | (interrupts ? INTERRUPTS : 0);
	int r;

	*device_log(io) = (struct device_log){ 0 };
	memset(io->ram + RING_OFFSET, 0, BUF_OFFSET - RING_OFFSET);
	memset(io->ram + ADMIN_SQ_OFFSET, 0, 0x2000);
	reg(io, CC, 0);
	r = wait_ready(io, 0);
	if (r < 0)
		return r;
	reg(io, AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1));
	reg64(io, ASQ, io->iova + ADMIN_SQ_OFFSET);
	reg64(io, ACQ, io->iova + ADMIN_CQ_OFFSET);
	reg(io, CC, IO_ENTRY_SIZES | 1);
	r = wait_ready(io, 1);
	if (r == 0)
		r = admin(io, 0, ADMIN_CREATE_CQ, io->iova + CQ_OFFSET, how);
	if (r == 0)
		r = admin(io, 1, ADMIN_CREATE_SQ, io->iova + SQ_OFFSET, 1 << 16 | CONTIGUOUS);
	if (r == 0)
		nvme_submit(io, 0, NVME_READS);
	return r;
}

static unsigned int nvme_count(struct device_io *io)
{
	unsigned int n = 0;

	while (n < ENTRIES && completions(io)[n].status & 1)
		n++;
	return n;
}

/* Has a block come as it stands on the disk? */
static unsigned int wrong_words(struct device_io *io, unsigned int read)
{
	const uint64_t *data = (const uint64_t *)buffer(io, read);
	unsigned int wrong = 0;

	for (size_t j = 0; j < BLOCK / sizeof *data; j++)
		wrong += data[j] != BLOCK_OF(read);
	return wrong;
}

/* Has a read that is complete the right data, and is none complete twice? */
static unsigned int nvme_faults(struct device_io *io, device_say_fn say)
{
	static bool seen[ENTRIES];
	unsigned int n = nvme_count(io), bad = 0;

	memset(seen, 0, sizeof seen);
	for (unsigned int i = 0; i < n; i++) {
		volatile struct completion *done = completions(io) + i;
		unsigned int wrong;

		if (done->id >= ENTRIES || seen[done->id] || done->status != 1) {
			bad++;
			if (say)
				say("completion %u: id %u, status %04x", i, done->id, done->status);
			continue;
		}
		seen[done->id] = true;
		wrong = wrong_words(io, done->id);
		bad += wrong != 0;
		if (wrong && say)
			say("read %u: %u words are wrong", done->id, wrong);
	}
	return bad;
}

static int nvme_reset(struct device_io *io)
{
	reg(io, CC, 0);
	return wait_ready(io, 0);
}

/* Is a completion wrong? Its data is looked at once: another completion of the same read has none */
static bool is_wrong(struct device_io *io, volatile struct completion *done, uint16_t phase)
{
	bool wrong = done->id >= ENTRIES || done->status != phase || wrong_words(io, done->id);

	if (done->id < ENTRIES)
		memset(buffer(io, done->id), 0xff, BLOCK);
	return wrong;
}

/* An entry is new when its phase is: it changes each time around */
static unsigned int nvme_serve(struct device_io *io)
{
	struct device_log *log = device_log(io);
	unsigned int taken = 0;

	for (;;) {
		volatile struct completion *done = completions(io) + log->done % ENTRIES;
		uint16_t phase = !(log->done / ENTRIES & 1);

		if ((done->status & 1) != phase)
			break;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		log->faults += is_wrong(io, done, phase);
		log->done++;
		taken++;
	}
	if (taken) {
		reg(io, CQ_HEAD, (uint32_t)(log->done % ENTRIES));
		nvme_submit(io, log->given, (uint32_t)log->done + NVME_SERVED_READS);
	}
	return taken;
}

/* There is nothing to do: while MSI-X is off it has no way to interrupt that anybody hears of */
static void nvme_interrupts(struct device_io *io, bool on)
{
	(void)io;
	(void)on;
}

const struct device_driver nvme_driver = {
	.work = "reads",
	.start = nvme_start,
	.count = nvme_count,
	.faults = nvme_faults,
	.reset = nvme_reset,
	.serve = nvme_serve,
	.interrupts = nvme_interrupts,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device: an NVMe disk that is so slow that reads are under way for all of a
 * live update. All of them are in its queue before the jump; completions are seen
 * in the queue in memory. A few more are given to it when it has been attached
 * again. Block n of the disk holds nothing but the number n, in 64 bits.
 */

#include "dma.h"

#include <errno.h>
#include <string.h>

#define CC    0x14
#define CSTS  0x1c
#define AQA   0x24
#define ASQ   0x28
#define ACQ   0x30
#define BELLS 0x1000 /* of the admin queue; those of the I/O queue follow */

#define ADMIN_SQ_OFFSET	  0x10000UL
#define ADMIN_CQ_OFFSET	  0x11000UL
#define ADMIN_ENTRIES	  16U
#define ADMIN_CREATE_SQ	  0x01
#define ADMIN_CREATE_CQ	  0x05
#define READ		  0x02
#define SQ_OFFSET	  RING_OFFSET
#define CQ_OFFSET	  (RING_OFFSET + (256UL << 10))
#define ENTRIES		  2048U /* never once around, so no head has to be told */
#define BLOCK		  4096UL
#define SECTORS_PER_BLOCK 8U
#define DISK_BLOCKS	  2048U
#define READS		  900U /* before the jump */
#define READS_AFTER	  60U
#define BLOCK_OF(read)	  ((read)*7 % DISK_BLOCKS)
#define CONTIGUOUS	  1
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

static volatile struct completion *completions(struct dma *d)
{
	return (volatile struct completion *)(d->ram + CQ_OFFSET);
}

static void reg(struct dma *d, unsigned int offset, uint32_t value)
{
	d->bar[offset / 4] = value;
}

static void reg64(struct dma *d, unsigned int offset, uint64_t value)
{
	reg(d, offset, (uint32_t)value);
	reg(d, offset + 4, value >> 32);
}

static void wait_ready(struct dma *d, uint32_t want)
{
	for (unsigned int i = 0; i < 100; i++) {
		if ((d->bar[CSTS / 4] & 1) == want)
			return;
		sleep_ms(50);
	}
	fail("nvme: CSTS is %x", d->bar[CSTS / 4]);
}

static void admin(struct dma *d, unsigned int number, uint8_t opcode, uint64_t queue, uint32_t dw11)
{
	struct command *command = (struct command *)(d->ram + ADMIN_SQ_OFFSET) + number;
	volatile struct completion *done =
		(volatile struct completion *)(d->ram + ADMIN_CQ_OFFSET) + number;

	*command = (struct command){
		.opcode = opcode,
		.id = (uint16_t)number,
		.prp1 = queue,
		.dw = { (ENTRIES - 1) << 16 | 1, dw11 },
	};
	reg(d, BELLS, number + 1);
	for (unsigned int i = 0; i < 100 && !(done->status & 1); i++)
		sleep_ms(50);
	if (done->status != 1)
		fail("nvme: admin command %02x: status %04x", opcode, done->status);
}

static void submit(struct dma *d, unsigned int from, unsigned int to)
{
	struct command *commands = (struct command *)(d->ram + SQ_OFFSET);

	for (unsigned int i = from; i < to; i++)
		commands[i] = (struct command){
			.opcode = READ,
			.id = (uint16_t)i,
			.nsid = 1,
			.prp1 = MEM_IOVA + BUF_OFFSET + i * BLOCK,
			.dw = { BLOCK_OF(i) * SECTORS_PER_BLOCK, 0, SECTORS_PER_BLOCK - 1 },
		};
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	reg(d, BELLS + 8, to);
}

static void nvme_start(struct dma *d)
{
	memset(d->ram + RING_OFFSET, 0, BUF_OFFSET - RING_OFFSET);
	memset(d->ram + ADMIN_SQ_OFFSET, 0, 0x2000);
	reg(d, CC, 0);
	wait_ready(d, 0);
	reg(d, AQA, (ADMIN_ENTRIES - 1) << 16 | (ADMIN_ENTRIES - 1));
	reg64(d, ASQ, MEM_IOVA + ADMIN_SQ_OFFSET);
	reg64(d, ACQ, MEM_IOVA + ADMIN_CQ_OFFSET);
	reg(d, CC, IO_ENTRY_SIZES | 1);
	wait_ready(d, 1);
	admin(d, 0, ADMIN_CREATE_CQ, MEM_IOVA + CQ_OFFSET, CONTIGUOUS);
	admin(d, 1, ADMIN_CREATE_SQ, MEM_IOVA + SQ_OFFSET, 1 << 16 | CONTIGUOUS);
	submit(d, 0, READS);
}

static unsigned int nvme_count(struct dma *d)
{
	unsigned int n = 0;

	while (n < ENTRIES && completions(d)[n].status & 1)
		n++;
	return n;
}

/* Has a read that is complete the right data, and is none complete twice? */
static unsigned int nvme_faults(struct dma *d, bool print)
{
	static bool seen[ENTRIES];
	unsigned int n = nvme_count(d), bad = 0;

	memset(seen, 0, sizeof seen);
	for (unsigned int i = 0; i < n; i++) {
		volatile struct completion *done = completions(d) + i;
		const uint64_t *data;
		unsigned int wrong = 0;

		if (done->id >= ENTRIES || seen[done->id] || done->status != 1) {
			bad++;
			if (print)
				say("completion %u: id %u, status %04x", i, done->id, done->status);
			continue;
		}
		seen[done->id] = true;
		data = (const uint64_t *)(d->ram + BUF_OFFSET + done->id * BLOCK);
		for (size_t j = 0; j < BLOCK / sizeof *data; j++)
			wrong += data[j] != BLOCK_OF((unsigned int)done->id);
		bad += wrong != 0;
		if (wrong && print)
			say("read %u: %u words are wrong", done->id, wrong);
	}
	return bad;
}

static void nvme_reset(struct dma *d)
{
	reg(d, CC, 0);
	wait_ready(d, 0);
}

const struct dma_device nvme_device = { nvme_start, nvme_count, nvme_faults, nvme_reset };

static void wait_for_all(struct dma *d, unsigned int reads)
{
	for (unsigned int i = 0; i < 2400 && nvme_count(d) < reads; i++)
		sleep_ms(50);
	if (nvme_count(d) < reads)
		fail("only %u of %u reads are complete", nvme_count(d), reads);
	if (nvme_faults(d, true))
		fail("%u reads are wrong", nvme_faults(d, false));
	ok("all %u reads are complete and have the right data", reads);
}

void nvme_old(struct dma *d)
{
	device_up(d);
	preserve_all(d);
	device_wait(d, 20, "preserved");
	if (nvme_count(d) > READS / 3)
		fail("%u of %u reads are complete: that is no slow disk", nvme_count(d), READS);
	kexec_into_next();
}

void nvme_new(struct dma *d)
{
	struct dma_note *note;
	unsigned int n;

	retrieve_all(d);
	note = (void *)d->ram;
	n = nvme_count(d);
	say("%u reads complete before the jump, %u now, %u in flight", note->head, n, READS - n);
	device_wait(d, 20, "parked");
	sleep_ms(5000);
	device_wait(d, 20, "parked for seconds");
	n = nvme_count(d);
	if (n + 60 > READS)
		fail("only %u reads are left in flight for the switch", READS - n);
	reattach(d);
	device_wait(d, 20, "attached");
	expect("finish", session_finish(d->session), 0);
	must("bar", cdev_map_bar(d));
	submit(d, READS, READS + READS_AFTER);
	wait_for_all(d, READS + READS_AFTER);
}

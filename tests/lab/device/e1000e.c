// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device: an e1000e that receives into a ring of RING_COUNT buffers. Frames
 * come from outside with a sequence number, so what is in the ring tells what the
 * device wrote, and whether it missed anything.
 *
 * Once around, nobody touches a register of it after it has been started. Or it is
 * served: frames are taken out, and their buffers given back.
 */

#include "device.h"
#include "e1000e.h"

#include <arpa/inet.h>
#include <string.h>

#define CTRL   0x0000
#define RCTL   0x0100
#define RDBAL  0x2800
#define RDBAH  0x2804
#define RDLEN  0x2808
#define RDH    0x2810
#define RDT    0x2818
#define RXDCTL 0x2828
#define RFCTL  0x5008

struct rx_desc {
	uint64_t addr;
	uint16_t length, checksum;
	uint8_t status, errors;
	uint16_t special;
};

#define DONE 1

static volatile struct rx_desc *ring(struct device_io *io)
{
	return (volatile struct rx_desc *)(io->ram + RING_OFFSET);
}

static void reg(struct device_io *io, unsigned int offset, uint32_t value)
{
	io->bar[offset / 4] = value;
}

static int e1000e_start(struct device_io *io, bool interrupts)
{
	volatile struct rx_desc *r = ring(io);

	for (unsigned int i = 0; i < RING_COUNT; i++) {
		r[i].status = 0;
		r[i].addr = io->iova + BUF_OFFSET + i * BUF_SIZE;
	}
	*device_log(io) = (struct device_log){ 0 };
	reg(io, E1000E_IMC, ~0u);
	reg(io, CTRL, io->bar[CTRL / 4] | 1 << 6); /* set link up */
	reg(io, RFCTL, 0);			   /* legacy descriptors */
	reg(io, RDBAL, (uint32_t)(io->iova + RING_OFFSET));
	reg(io, RDBAH, (io->iova + RING_OFFSET) >> 32);
	reg(io, RDLEN, RING_SIZE);
	reg(io, RDH, 0);
	reg(io, RDT, 0);
	reg(io, RXDCTL, io->bar[RXDCTL / 4] | 1 << 25); /* enable the queue */
	/* enable, promiscuous, broadcast, strip the checksum */
	reg(io, RCTL, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 15 | 1 << 26);
	if (interrupts)
		reg(io, E1000E_IVAR, E1000E_VECTORS);
	reg(io, RDT, RING_COUNT - 1);
	return 0;
}

static unsigned int e1000e_count(struct device_io *io)
{
	volatile struct rx_desc *r = ring(io);
	unsigned int low = 0, high = RING_COUNT;

	/* Filled in order, so the first empty one can be searched for */
	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (r[middle].status & DONE)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t sequence(struct device_io *io, unsigned int i)
{
	uint32_t n;

	memcpy(&n, io->ram + BUF_OFFSET + i * BUF_SIZE + 14, sizeof n);
	return ntohl(n);
}

static unsigned int e1000e_gaps(struct device_io *io, device_say_fn say)
{
	unsigned int n = e1000e_count(io), gaps = 0;

	for (unsigned int i = 1; i < n; i++) {
		if (sequence(io, i) == sequence(io, i - 1) + 1)
			continue;
		gaps++;
		if (say && gaps < 5)
			say("gap at frame %u: %u then %u", i, sequence(io, i - 1), sequence(io, i));
	}
	return gaps;
}

static int e1000e_reset(struct device_io *io)
{
	reg(io, CTRL, io->bar[CTRL / 4] | 1 << 26);
	return 0;
}

/* The device fills a buffer after the other, so which one is next follows from how many were */
static unsigned int e1000e_serve(struct device_io *io)
{
	struct device_log *log = device_log(io);
	volatile struct rx_desc *r = ring(io);
	unsigned int taken = 0;
	uint32_t at = (uint32_t)(log->done % RING_COUNT), last = at;

	while (taken < RING_COUNT - 1 && r[at].status & DONE) {
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		log->faults += log->done && sequence(io, at) != log->next;
		log->next = sequence(io, at) + 1;
		log->done++;
		r[at].status = 0;
		last = at;
		at = (at + 1) % RING_COUNT;
		taken++;
	}
	if (taken) {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		reg(io, RDT, last);
	}
	return taken;
}

static void e1000e_interrupts(struct device_io *io, bool on)
{
	if (on) {
		/* The cause is taken back before its frames are looked at: none goes unnoticed */
		reg(io, E1000E_ICR, E1000E_RXQ0);
		reg(io, E1000E_IMS, E1000E_RXQ0);
		return;
	}
	reg(io, E1000E_IMC, ~0u);
	(void)io->bar[E1000E_ICR / 4];
	reg(io, E1000E_ICR, ~0u);
}

const struct device_driver e1000e_driver = {
	.work = "frames",
	.start = e1000e_start,
	.count = e1000e_count,
	.faults = e1000e_gaps,
	.reset = e1000e_reset,
	.serve = e1000e_serve,
	.interrupts = e1000e_interrupts,
};

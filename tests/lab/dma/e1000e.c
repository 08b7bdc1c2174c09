// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device: an e1000e that receives into a ring of RING_COUNT buffers, once
 * around. Frames come from outside with a sequence number, so what is in the
 * ring tells what the device wrote, and whether it missed anything. Nobody
 * touches a register of it after it has been started.
 */

#include "dma.h"

#include <arpa/inet.h>
#include <string.h>

#define CTRL   0x0000
#define IMC    0x00d8
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

static volatile struct rx_desc *ring(struct dma *d)
{
	return (volatile struct rx_desc *)(d->ram + RING_OFFSET);
}

static void reg(struct dma *d, unsigned int offset, uint32_t value)
{
	d->bar[offset / 4] = value;
}

static void nic_start(struct dma *d)
{
	volatile struct rx_desc *r = ring(d);

	for (unsigned int i = 0; i < RING_COUNT; i++) {
		r[i].status = 0;
		r[i].addr = MEM_IOVA + BUF_OFFSET + i * BUF_SIZE;
	}
	reg(d, IMC, ~0u);
	reg(d, CTRL, d->bar[CTRL / 4] | 1 << 6); /* set link up */
	reg(d, RFCTL, 0);			 /* legacy descriptors */
	reg(d, RDBAL, (uint32_t)(MEM_IOVA + RING_OFFSET));
	reg(d, RDBAH, (MEM_IOVA + RING_OFFSET) >> 32);
	reg(d, RDLEN, RING_COUNT * sizeof(struct rx_desc));
	reg(d, RDH, 0);
	reg(d, RDT, 0);
	reg(d, RXDCTL, d->bar[RXDCTL / 4] | 1 << 25); /* enable the queue */
	/* enable, promiscuous, broadcast, strip the checksum */
	reg(d, RCTL, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 15 | 1 << 26);
	reg(d, RDT, RING_COUNT - 1);
}

unsigned int nic_frames(struct dma *d)
{
	volatile struct rx_desc *r = ring(d);
	unsigned int low = 0, high = RING_COUNT;

	/* Filled in order, so the first empty one can be searched for */
	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (r[middle].status & 1)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t sequence(struct dma *d, unsigned int i)
{
	uint32_t n;

	memcpy(&n, d->ram + BUF_OFFSET + i * BUF_SIZE + 14, 4);
	return ntohl(n);
}

unsigned int nic_gaps(struct dma *d, bool print)
{
	unsigned int n = nic_frames(d), gaps = 0;

	for (unsigned int i = 1; i < n; i++) {
		if (sequence(d, i) == sequence(d, i - 1) + 1)
			continue;
		gaps++;
		if (print && gaps < 5)
			say("gap at frame %u: %u then %u", i, sequence(d, i - 1), sequence(d, i));
	}
	return gaps;
}

static void nic_reset(struct dma *d)
{
	reg(d, CTRL, d->bar[CTRL / 4] | 1 << 26);
}

const struct dma_device e1000e_device = { nic_start, nic_frames, nic_gaps, nic_reset };

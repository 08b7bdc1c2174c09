// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An NVMe disk that is so slow that reads are under way for all of a live update:
 * all of them are in its queue before the jump. A few more are given to it when it
 * has been attached again.
 */

#include "../device/nvme.h"
#include "dma.h"

#define READS_AFTER 60U

static void wait_for_all(struct dma *d, unsigned int reads)
{
	unsigned int wrong;

	for (unsigned int i = 0; i < 2400 && device_count(d) < reads; i++)
		sleep_ms(50);
	if (device_count(d) < reads)
		fail("only %u of %u reads are complete", device_count(d), reads);
	wrong = device_faults(d);
	if (wrong)
		fail("%u reads are wrong", wrong);
	ok("all %u reads are complete and have the right data", reads);
}

void nvme_old(struct dma *d)
{
	device_up(d);
	preserve_all(d);
	device_wait(d, 20, "preserved");
	if (device_count(d) > NVME_READS / 3)
		fail("%u of %u reads are complete: that is no slow disk", device_count(d),
		     NVME_READS);
	kexec_into_next();
}

void nvme_new(struct dma *d)
{
	struct dma_note *note;
	unsigned int n;

	retrieve_all(d);
	note = (void *)d->io.ram;
	n = device_count(d);
	say("%u reads complete before the jump, %u now, %u in flight", note->head, n,
	    NVME_READS - n);
	device_wait(d, 20, "parked");
	sleep_ms(5000);
	device_wait(d, 20, "parked for seconds");
	n = device_count(d);
	if (n + 60 > NVME_READS)
		fail("only %u reads are left in flight for the switch", NVME_READS - n);
	reattach(d);
	device_wait(d, 20, "attached");
	expect("finish", session_finish(d->session), 0);
	must("bar", cdev_map_bar(d));
	nvme_submit(&d->io, NVME_READS, NVME_READS + READS_AFTER);
	wait_for_all(d, NVME_READS + READS_AFTER);
}

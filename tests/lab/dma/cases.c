// SPDX-License-Identifier: GPL-2.0-or-later
/* The cases, see dma.h. The host side checks traces on top of what is checked here. */

#include "dma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Parked for seconds while others allocate and free most of the memory, and do I/O */
static void pressure(unsigned int seconds)
{
	size_t size = 512UL << 20;

	for (unsigned int i = 0; i < seconds; i++) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED)
			fail("mmap: %s", strerror(errno));
		memset(p, 0x5a, size);
		for (size_t j = 0; j < size; j += 64)
			if (p[j] != 0x5a)
				fail("somebody wrote to free memory, at %zu", j);
		munmap(p, size);
		guest_write("/proc/sys/vm/drop_caches", "3");
		guest_write("/proc/sys/vm/compact_memory", "1");
		sleep_ms(1000);
	}
}

static void jump_old(struct dma *d)
{
	device_up(d);
	preserve_all(d);
	nic_wait(d, 100, "preserved");
	kexec_into("dma.stage=2");
}

static void jump_new(struct dma *d)
{
	struct dma_note *note;
	unsigned int gaps;

	retrieve_all(d);
	note = (void *)d->ram;
	say("jump to retrieve: %llu M cycles, %u frames meanwhile",
	    (unsigned long long)(tsc() - note->tsc) / 1000000, nic_frames(d) - note->head);
	nic_wait(d, 50, "parked");
	pressure(5);
	nic_wait(d, 50, "parked under pressure");
	expect("finish while parked", session_finish(d->session), EBUSY);
	reattach(d);
	nic_wait(d, 200, "attached");
	expect("finish", session_finish(d->session), 0);
	nic_wait(d, 200, "finished");
	gaps = nic_gaps(d, true);
	if (gaps)
		fail("%u gaps", gaps);
}

const struct dma_case dma_cases[] = {
	{ "jump", jump_old, jump_new, NULL },
	{ NULL, NULL, NULL, NULL },
};

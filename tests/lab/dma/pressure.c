// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes on around a device that is handed over: a disk with a driver of its own
 * does I/O for as long as a kernel runs, and most of the free memory is taken, filled
 * with a pattern, and held. A page that the device or its page tables are in, and
 * that is free by mistake, is then somebody else's: the device stops or the pattern
 * breaks.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define DISK	      "/dev/nvme0n1"
#define DISK_AREA     64U   /* blocks that are used, round and round */
#define DISK_PATIENCE 30000 /* milliseconds until its driver has found it */
#define BLOCK	      (64U << 10)

static atomic_uint blocks;

static void *disk_io(void *arg)
{
	static char block[BLOCK] __attribute__((aligned(4096)));
	int fd = *(int *)arg;

	for (unsigned int i = 0;; i++) {
		off_t at = (off_t)(i % DISK_AREA) * BLOCK;

		memset(block, (int)(i & 0x7f), BLOCK);
		if (pwrite(fd, block, BLOCK, at) != BLOCK)
			fail("native disk: %s", strerror(errno));
		memset(block, 0xff, BLOCK);
		if (pread(fd, block, BLOCK, at) != BLOCK)
			fail("native disk: %s", strerror(errno));
		for (size_t j = 0; j < BLOCK; j += 512)
			if (block[j] != (char)(i & 0x7f))
				fail("native disk: wrong data in block %u", i);
		blocks++;
		sleep_ms(5);
	}
	return NULL;
}

void disk_start(void)
{
	static int fd = -1;
	pthread_t thread;

	for (int waited = 0; fd < 0 && waited <= DISK_PATIENCE; waited += 100) {
		fd = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			sleep_ms(100);
	}
	must(DISK, fd);
	if (pthread_create(&thread, NULL, disk_io, &fd))
		fail("thread");
}

unsigned int disk_blocks(void)
{
	return blocks;
}

/* The case says whether the machine has a disk, so that none is missing unseen */
static bool has_disk(void)
{
	char value[4];

	return guest_arg("dma.disk", value, sizeof value);
}

void neighbours_start(void)
{
	if (has_disk())
		disk_start();
}

void pressure(unsigned int seconds)
{
	char value[4];
	bool memory = !guest_arg("dma.nopressure", value, sizeof value);
	unsigned int before;

	if (memory)
		pattern_fill();
	before = blocks;
	for (unsigned int i = 0; i < seconds; i++) {
		if (memory) {
			guest_write("/proc/sys/vm/drop_caches", "3");
			guest_write("/proc/sys/vm/compact_memory", "1");
		}
		sleep_ms(1000);
	}
	if (has_disk() && blocks < before + seconds)
		fail("the native disk did only %u blocks in %u s", blocks - before, seconds);
	if (has_disk())
		ok("the native disk wrote and read %u blocks meanwhile, all of it right",
		   blocks - before);
	if (memory)
		pattern_check("under pressure");
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Updates that are called off: taken back, refused, forgotten; and machines that are
 * reset instead. DMA goes on, and nothing that was taken for the update is kept.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A page that is lost each time is twice what may be missing for other reasons */
#define BASELINE_SESSIONS  64
#define BASELINE_SLACK_KIB 128
#define BASELINE_ROUNDS	   10
/* Of all of the memory, when its files are closed */
#define BACK_SLACK_KIB 1024

/* Unbinding waits for the session, with a lock that shutting down needs as well */
void unbind_old(struct dma *d)
{
	int status;
	pid_t pid;

	device_up(d);
	preserve_all(d);
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	pid = fork();
	must("fork", pid);
	if (!pid) {
		close(d->session);
		munmap((void *)d->io.bar, d->bar_size);
		close(d->dev);
		_exit(sysfs_write(d, "driver/unbind", d->bdf) < 0);
	}
	sleep_ms(1000);
	expect("jump while it is being unbound", kexec_try(), EBUSY);
	device_wait(d, 50, "jump refused");
	close(d->session);
	munmap((void *)d->io.bar, d->bar_size);
	close(d->dev);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("unbinding ends with %x", status);
	ok("unbound when nobody has it open");
	kexec_into_next();
}

void unbind_new(struct dma *d)
{
	expect("no session is left", session_retrieve(d, SESSION), ENOENT);
}

/* A guest that has turned bus mastering off finds it off */
void quiet_old(struct dma *d)
{
	uint16_t command;

	device_up(d);
	must("config", cdev_config_read(d, 4, &command, 2));
	command &= ~4;
	must("config", cdev_config_write(d, 4, &command, 2));
	preserve_all(d);
	kexec_into_next();
}

static void quiet(struct dma *d, const char *when)
{
	if (config_command(d) & 4)
		fail("%s: bus mastering is on", when);
	ok("%s: bus mastering is off", when);
}

void quiet_new(struct dma *d)
{
	retrieve_all(d);
	quiet(d, "parked");
	expect("bind", cdev_bind(d), 0);
	quiet(d, "bound");
	expect("ioas", ioas_create(d), 0);
	expect("map", ioas_map_mem(d), 0);
	expect("hwpt", hwpt_create(d), 0);
	expect("attach", cdev_attach(d), 0);
	expect("finish", session_finish(d->session), 0);
	quiet(d, "finished");
}

void abort_old(struct dma *d)
{
	int irq = eventfd(0, EFD_CLOEXEC);

	device_up(d);
	expect("interrupt", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, irq), 0);
	preserve_all(d);
	must("load the next kernel", kexec_load(NEXT_IMAGE));

	expect("jump with an interrupt enabled", kexec_try(), EBUSY);
	expect("still gated", hwpt_mark(d, d->hwpt, TOKEN_HWPT, 0), EBUSY);
	device_wait(d, 50, "jump refused");

	expect("unpreserve what is needed", session_unpreserve(d->session, TOKEN_IOMMUFD), EBUSY);
	expect("unpreserve memory", session_unpreserve(d->session, TOKEN_MEM), EBUSY);
	expect("unpreserve device", session_unpreserve(d->session, TOKEN_DEV), 0);
	expect("unpreserve iommufd", session_unpreserve(d->session, TOKEN_IOMMUFD), 0);
	expect("unpreserve memory", session_unpreserve(d->session, TOKEN_MEM), 0);
	device_wait(d, 50, "unpreserved");
	expect("interrupts off", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, -1), 0);
	expect("mark", hwpt_mark(d, d->hwpt, TOKEN_HWPT, 0), 0);
	expect("interrupt again", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, irq), 0);
	expect("interrupts off", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, -1), 0);
	close(d->session);

	preserve_all(d);
	close(d->session);
	device_wait(d, 50, "session closed");
	expect("attached again", cdev_attach(d), 0);

	preserve_all(d);
	device_wait(d, 50, "preserved again");
	kexec_now();
}

/* What is preserved is of no use to a machine that is reset */
void reboot_old(struct dma *d)
{
	device_up(d);
	preserve_all(d);
	device_wait(d, 50, "preserved");
	reboot_now();
}

/* With what is only cached given back, and when what is given back later has come */
static long free_kib(void)
{
	long now = 0, last = -1;

	for (int i = 0; i < 20 && now != last; i++) {
		last = now;
		guest_write("/proc/sys/vm/drop_caches", "3");
		guest_write("/proc/sys/vm/compact_memory", "1");
		sleep_ms(300);
		now = (long)free_memory_kib();
	}
	return now;
}

/* Until no round takes anything: the first ones have what is allocated once, for ever */
static void sessions_take_nothing(struct dma *d)
{
	long before = free_kib(), lost = 0;
	int same = 0;

	for (int i = 0; i < BASELINE_ROUNDS && same < 2; i++, before -= lost) {
		for (unsigned int j = 0; j < BASELINE_SESSIONS; j++) {
			preserve_all(d);
			close(d->session);
		}
		lost = before - free_kib();
		same = labs(lost) <= BASELINE_SLACK_KIB ? same + 1 : 0;
		say("%u sessions: %ld KiB less", BASELINE_SESSIONS, lost);
	}
	if (same < 2)
		fail("each session takes memory for good");
	ok("twice %u sessions have taken nothing", BASELINE_SESSIONS);
}

/* What preserving takes is given back with the session, and all else with the files */
void baseline_old(struct dma *d)
{
	long before, back = 0, size = MEM_SIZE >> 10;

	/* What a processor keeps for itself does not count as free: let it keep little */
	guest_write("/proc/sys/vm/percpu_pagelist_high_fraction", "100000");
	device_up(d);
	sessions_take_nothing(d);
	device_wait(d, 50, "closed again and again");

	before = free_kib();
	munmap((void *)d->io.bar, d->bar_size);
	close(d->dev);
	close(d->iommufd);
	munmap(d->io.ram, MEM_SIZE);
	close(d->mem);
	for (int i = 0; i < 100 && back < size - BACK_SLACK_KIB; i++) {
		sleep_ms(200);
		back = free_kib() - before;
	}
	if (back < size - BACK_SLACK_KIB)
		fail("only %ld of %ld KiB come back", back, size);
	ok("%ld KiB come back, of %ld that the guest had", back, size);
	expect("unbind", sysfs_write(d, "driver/unbind", d->bdf), 0);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From preserve to unpreserve nothing can change: every call that could is EBUSY,
 * also from a thread that hammers them while the kernel is on its way out.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int gate(struct dma *d, unsigned int number)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof unmap,
		.ioas_id = d->ioas,
		.iova = MEM_IOVA,
		.length = MEM_SIZE,
	};
	struct iommu_destroy destroy = { .size = sizeof destroy, .id = d->hwpt };
	struct iommu_hwpt_set_dirty_tracking dirty = {
		.size = sizeof dirty,
		.hwpt_id = d->hwpt,
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	struct iommu_ioas_change_process process = { .size = sizeof process };
	struct iommu_ioas_copy copy = {
		.size = sizeof copy,
		.flags = IOMMU_IOAS_MAP_READABLE,
		.dst_ioas_id = d->ioas,
		.src_ioas_id = d->ioas,
		.length = 4096,
		.src_iova = MEM_IOVA,
	};
	struct iommu_ioas_allow_iovas allow = { .size = sizeof allow, .ioas_id = d->ioas };
	struct iommu_option option = {
		.size = sizeof option,
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = d->ioas,
	};
	struct vfio_pci_hot_reset hot = { .argsz = sizeof hot };
	struct {
		struct vfio_device_feature feature;
	} power = { {
		.argsz = sizeof power,
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	} };
	struct dma other = *d;
	uint16_t command = 0;
	int fd, r, saved;

	switch (number) {
	case 0:
		return ioctl(d->iommufd, IOMMU_IOAS_UNMAP, &unmap);
	case 1:
		return ioas_map_mem(d);
	case 2:
		return ioctl(d->iommufd, IOMMU_DESTROY, &destroy);
	case 3:
		return ioctl(d->iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &dirty);
	case 4:
		return ioctl(d->iommufd, IOMMU_IOAS_CHANGE_PROCESS, &process);
	case 5:
		return ioctl(d->iommufd, IOMMU_IOAS_COPY, &copy);
	case 6:
		return ioctl(d->iommufd, IOMMU_IOAS_ALLOW_IOVAS, &allow);
	case 7:
		return ioctl(d->iommufd, IOMMU_OPTION, &option);
	case 8:
		return ioas_create(&other);
	case 9:
		return hwpt_create(&other);
	case 10:
		return hwpt_mark(d, d->hwpt, 1, 0);
	case 11:
		return ioas_buffer(d, MEM_IOVA, 4096, 1, 0);
	case 12:
		return cdev_attach(d);
	case 13:
		return cdev_detach(d);
	case 14:
		return ioctl(d->dev, VFIO_DEVICE_RESET);
	case 15:
		return cdev_config_write(d, 4, &command, 2);
	case 16:
		return ioctl(d->dev, VFIO_DEVICE_FEATURE, &power);
	case 17:
		fd = eventfd(0, EFD_CLOEXEC);
		r = cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, fd);
		saved = errno;
		close(fd);
		errno = saved;
		return r;
	case 18:
		return ioctl(d->dev, VFIO_DEVICE_PCI_HOT_RESET, &hot);
	}
	errno = ERANGE;
	return -1;
}

static const char *const gate_names[] = {
	"unmap",   "map",	  "destroy",   "dirty tracking", "change process",
	"copy",	   "allow iovas", "option",    "ioas",		 "hwpt",
	"mark",	   "buffer",	  "attach",    "detach",	 "reset",
	"command", "low power",	  "interrupt", "hot reset",
};

#define GATES (sizeof gate_names / sizeof *gate_names)

static void *hammer(void *arg)
{
	for (unsigned int i = 0;; i++)
		if (gate(arg, i % (GATES - 1)) >= 0 || errno != EBUSY)
			fail("hammering %s: %s", gate_names[i % (GATES - 1)], strerror(errno));
	return NULL;
}

/* What stays possible */
static void open_gates(struct dma *d)
{
	struct iommu_iova_range ranges[16];
	struct iommu_ioas_iova_ranges arg = {
		.size = sizeof arg,
		.ioas_id = d->ioas,
		.num_iovas = 16,
		.allowed_iovas = (uintptr_t)ranges,
	};
	uint16_t command;

	expect("iova ranges", ioctl(d->iommufd, IOMMU_IOAS_IOVA_RANGES, &arg), 0);
	expect("config read", cdev_config_read(d, 4, &command, 2), 0);
	expect("interrupts off", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, -1), 0);
	if (d->bar[8 / 4] == ~0u)
		fail("the BAR cannot be read");
}

void gates_old(struct dma *d)
{
	pthread_t thread;
	int irq = eventfd(0, EFD_CLOEXEC);

	device_up(d);
	expect("interrupt", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, irq), 0);
	preserve_all(d);
	for (unsigned int i = 0; i < GATES - 1; i++)
		expect(gate_names[i], gate(d, i), EBUSY);
	/* Without a slot or bus reset it is refused before the gate */
	if (gate(d, GATES - 1) >= 0)
		fail("hot reset");
	expect("reset by sysfs", sysfs_write(d, "reset", "1"), EBUSY);
	open_gates(d);
	device_wait(d, 50, "gates closed");
	if (pthread_create(&thread, NULL, hammer, d))
		fail("thread");
	kexec_into_next();
}

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
		munmap((void *)d->bar, d->bar_size);
		close(d->dev);
		_exit(sysfs_write(d, "driver/unbind", d->bdf) < 0);
	}
	sleep_ms(1000);
	expect("jump while it is being unbound", kexec_try(), EBUSY);
	device_wait(d, 50, "jump refused");
	close(d->session);
	munmap((void *)d->bar, d->bar_size);
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
	expect("still gated", gate(d, 0), EBUSY);
	device_wait(d, 50, "jump refused");

	expect("unpreserve what is needed", session_unpreserve(d->session, TOKEN_IOMMUFD), EBUSY);
	expect("unpreserve memory", session_unpreserve(d->session, TOKEN_MEM), EBUSY);
	expect("unpreserve device", session_unpreserve(d->session, TOKEN_DEV), 0);
	expect("unpreserve iommufd", session_unpreserve(d->session, TOKEN_IOMMUFD), 0);
	expect("unpreserve memory", session_unpreserve(d->session, TOKEN_MEM), 0);
	device_wait(d, 50, "unpreserved");
	expect("interrupts off", gate(d, 10), 0);
	expect("mark", hwpt_mark(d, d->hwpt, TOKEN_HWPT, 0), 0);
	expect("interrupt again", gate(d, 17), 0);
	expect("interrupts off", cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, -1), 0);
	close(d->session);

	preserve_all(d);
	close(d->session);
	device_wait(d, 50, "session closed");
	expect("attached again", gate(d, 12), 0);

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

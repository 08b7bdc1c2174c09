// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From preserve to unpreserve nothing can change: every call that could is EBUSY,
 * also from a thread that hammers them while the kernel is on its way out.
 */

#include "dma.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int gate_unmap(struct dma *d)
{
	return ioas_unmap(d, MEM_IOVA, MEM_SIZE);
}

static int gate_destroy(struct dma *d)
{
	struct iommu_destroy arg = { .size = sizeof arg, .id = d->hwpt };

	return ioctl(d->iommufd, IOMMU_DESTROY, &arg);
}

static int gate_dirty(struct dma *d)
{
	struct iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof arg,
		.hwpt_id = d->hwpt,
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};

	return ioctl(d->iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
}

static int gate_process(struct dma *d)
{
	struct iommu_ioas_change_process arg = { .size = sizeof arg };

	return ioctl(d->iommufd, IOMMU_IOAS_CHANGE_PROCESS, &arg);
}

static int gate_copy(struct dma *d)
{
	struct iommu_ioas_copy arg = {
		.size = sizeof arg,
		.flags = IOMMU_IOAS_MAP_READABLE,
		.dst_ioas_id = d->ioas,
		.src_ioas_id = d->ioas,
		.length = 4096,
		.src_iova = MEM_IOVA,
	};

	return ioctl(d->iommufd, IOMMU_IOAS_COPY, &arg);
}

static int gate_allow(struct dma *d)
{
	struct iommu_ioas_allow_iovas arg = { .size = sizeof arg, .ioas_id = d->ioas };

	return ioctl(d->iommufd, IOMMU_IOAS_ALLOW_IOVAS, &arg);
}

static int gate_option(struct dma *d)
{
	struct iommu_option arg = {
		.size = sizeof arg,
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = d->ioas,
	};

	return ioctl(d->iommufd, IOMMU_OPTION, &arg);
}

static int gate_ioas(struct dma *d)
{
	struct dma other = *d;

	return ioas_create(&other);
}

static int gate_hwpt(struct dma *d)
{
	struct dma other = *d;

	return hwpt_create(&other);
}

static int gate_mark(struct dma *d)
{
	return hwpt_mark(d, d->hwpt, 1, 0);
}

static int gate_buffer(struct dma *d)
{
	return ioas_buffer(d, MEM_IOVA, 4096, 1, 0);
}

static int gate_reset(struct dma *d)
{
	return ioctl(d->dev, VFIO_DEVICE_RESET);
}

static int gate_command(struct dma *d)
{
	uint16_t value = 0;

	return cdev_config_write(d, PCI_COMMAND, &value, sizeof value);
}

/* A register of a capability, with bits set that would stop the device */
static int gate_capability(struct dma *d, uint8_t id, unsigned int offset, uint16_t bits)
{
	unsigned int at = cdev_capability(d, id) + offset;
	uint16_t value;

	must("config", cdev_config_read(d, at, &value, sizeof value));
	value |= bits;
	return cdev_config_write(d, at, &value, sizeof value);
}

static int gate_power_state(struct dma *d)
{
	return gate_capability(d, PCI_CAP_ID_PM, PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
}

static int gate_function_reset(struct dma *d)
{
	return gate_capability(d, PCI_CAP_ID_EXP, PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR);
}

static int low_power(struct dma *d, uint32_t entry, int eventfd)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_low_power_entry_with_wakeup wakeup;
	} arg = {
		.feature.argsz = eventfd < 0 ? sizeof arg.feature : sizeof arg,
		.feature.flags = VFIO_DEVICE_FEATURE_SET | entry,
		.wakeup.wakeup_eventfd = eventfd,
	};

	return ioctl(d->dev, VFIO_DEVICE_FEATURE, &arg);
}

static int gate_low_power(struct dma *d)
{
	return low_power(d, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, -1);
}

static int with_eventfd(struct dma *d, int (*call)(struct dma *d, int fd))
{
	int fd = eventfd(0, EFD_CLOEXEC), r, saved;

	must("eventfd", fd);
	r = call(d, fd);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static int low_power_wakeup(struct dma *d, int fd)
{
	return low_power(d, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, fd);
}

static int gate_low_power_wakeup(struct dma *d)
{
	return with_eventfd(d, low_power_wakeup);
}

static int msi_on(struct dma *d, int fd)
{
	return cdev_irq(d, VFIO_PCI_MSI_IRQ_INDEX, fd);
}

static int gate_interrupt(struct dma *d)
{
	return with_eventfd(d, msi_on);
}

static int gate_hot_reset(struct dma *d)
{
	struct vfio_pci_hot_reset arg = { .argsz = sizeof arg };

	return ioctl(d->dev, VFIO_DEVICE_PCI_HOT_RESET, &arg);
}

static const struct {
	const char *name;
	int (*call)(struct dma *d);
} gates[] = {
	{ "unmap", gate_unmap },
	{ "map", ioas_map_mem },
	{ "destroy", gate_destroy },
	{ "dirty tracking", gate_dirty },
	{ "change process", gate_process },
	{ "copy", gate_copy },
	{ "allow iovas", gate_allow },
	{ "option", gate_option },
	{ "ioas", gate_ioas },
	{ "hwpt", gate_hwpt },
	{ "mark", gate_mark },
	{ "buffer", gate_buffer },
	{ "attach", cdev_attach },
	{ "detach", cdev_detach },
	{ "reset", gate_reset },
	{ "command", gate_command },
	{ "power state", gate_power_state },
	{ "function level reset", gate_function_reset },
	{ "low power", gate_low_power },
	{ "low power until woken", gate_low_power_wakeup },
	{ "interrupt", gate_interrupt },
	/* The last one: nothing can do it to a device that is below no port */
	{ "hot reset", gate_hot_reset },
};

static size_t gates_of(struct dma *d)
{
	return sizeof gates / sizeof *gates - !has_bridge(d);
}

static void *hammer(void *arg)
{
	struct dma *d = arg;
	struct dma_note *note = (void *)d->io.ram;
	size_t n = gates_of(d);

	for (size_t i = 0;; i = (i + 1) % n) {
		if (gates[i].call(d) >= 0 || errno != EBUSY)
			fail("hammering %s: %s", gates[i].name, strerror(errno));
		__atomic_add_fetch(&note->hammered, 1, __ATOMIC_RELEASE);
	}
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
	if (d->io.bar[8 / 4] == ~0u)
		fail("the BAR cannot be read");
}

void gates_old(struct dma *d)
{
	struct dma_note *note;
	pthread_t thread;

	device_up(d);
	note = (void *)d->io.ram;
	expect("interrupt", gate_interrupt(d), 0);
	preserve_all(d);
	for (size_t i = 0; i < gates_of(d); i++)
		expect(gates[i].name, gates[i].call(d), EBUSY);
	if (!has_bridge(d))
		expect("hot reset, which nothing can do here", gate_hot_reset(d), ENODEV);
	expect("reset by sysfs", sysfs_write(d, "reset", "1"), EBUSY);
	expect("reset method by sysfs", sysfs_write(d, "reset_method", "default"), EBUSY);
	open_gates(d);
	device_wait(d, 50, "gates closed");
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	if (pthread_create(&thread, NULL, hammer, d))
		fail("thread");
	while (!__atomic_load_n(&note->hammered, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	kexec_ready();
	note->hammered_before = __atomic_load_n(&note->hammered, __ATOMIC_ACQUIRE);
	must("kexec", kexec_try());
}

void gates_new(struct dma *d)
{
	struct dma_note *note;

	jump_new(d);
	note = (void *)d->io.ram;
	if (!note->hammered_before || note->hammered == note->hammered_before)
		fail("hammered %u times, %u of them before the jump", note->hammered,
		     note->hammered_before);
	ok("hammered %u times before the jump and %u times while it was under way",
	   note->hammered_before, note->hammered - note->hammered_before);
}

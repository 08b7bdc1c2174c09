// SPDX-License-Identifier: GPL-2.0-or-later
/* What is asked of vfio and iommufd, and liblu has no call for. See device.h. */

#include "device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int command(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* "0x010802" is an NVMe disk */
const struct device_driver *device_driver_of(const char *bdf)
{
	char path[128], class[16] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/class", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, class, sizeof class - 1);
	close(fd);
	if (n < 0)
		return NULL;
	return !strncmp(class, "0x0108", 6) ? &nvme_driver : &e1000e_driver;
}

int vfio_open(const char *bdf, int *ret_device)
{
	char path[300], name[256] = "";
	struct dirent *entry;
	DIR *dir;
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4))
			snprintf(name, sizeof name, "%s", entry->d_name);
	closedir(dir);
	snprintf(path, sizeof path, "/dev/vfio/devices/%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_device = fd;
	return 0;
}

static int region(int device, unsigned int index, struct vfio_region_info *ret_info)
{
	*ret_info = (struct vfio_region_info){ .argsz = sizeof *ret_info, .index = index };
	return command(device, VFIO_DEVICE_GET_REGION_INFO, ret_info);
}

int vfio_map_bar(int device, volatile uint32_t **ret_bar, size_t *ret_size)
{
	struct vfio_region_info info;
	void *bar;
	int r;

	r = region(device, VFIO_PCI_BAR0_REGION_INDEX, &info);
	if (r < 0)
		return r;
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)info.offset);
	if (bar == MAP_FAILED)
		return -errno;
	*ret_bar = bar;
	*ret_size = info.size;
	return 0;
}

static int moved(ssize_t n, size_t size)
{
	return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
}

int vfio_config_read(int device, unsigned int offset, void *value, size_t size)
{
	struct vfio_region_info info;
	int r = region(device, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (r < 0)
		return r;
	return moved(pread(device, value, size, (off_t)(info.offset + offset)), size);
}

int vfio_config_write(int device, unsigned int offset, const void *value, size_t size)
{
	struct vfio_region_info info;
	int r = region(device, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (r < 0)
		return r;
	return moved(pwrite(device, value, size, (off_t)(info.offset + offset)), size);
}

int vfio_irqs(int device, unsigned int index, const int *eventfds, unsigned int count)
{
	union {
		struct vfio_irq_set set;
		uint8_t bytes[sizeof(struct vfio_irq_set) + 4 * sizeof(int32_t)];
	} arg = { 0 };

	arg.set.argsz = (uint32_t)(sizeof arg.set + count * sizeof *eventfds);
	arg.set.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
			(count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	arg.set.index = index;
	arg.set.count = count;
	if (arg.set.argsz > sizeof arg)
		return -EINVAL;
	if (count)
		memcpy(arg.set.data, eventfds, count * sizeof *eventfds);
	return command(device, VFIO_DEVICE_SET_IRQS, &arg);
}

int vfio_ioas_create(int iommufd, uint32_t *ret_ioas)
{
	struct iommu_ioas_alloc arg = { .size = sizeof arg };
	int r = command(iommufd, IOMMU_IOAS_ALLOC, &arg);

	if (r == 0)
		*ret_ioas = arg.out_ioas_id;
	return r;
}

int vfio_ioas_map(int iommufd, uint32_t ioas, int memory, uint64_t length, uint64_t iova)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof arg,
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = ioas,
		.fd = memory,
		.length = length,
		.iova = iova,
	};

	return command(iommufd, IOMMU_IOAS_MAP_FILE, &arg);
}

int vfio_hwpt_create(int iommufd, uint32_t device_id, uint32_t ioas, uint32_t *ret_hwpt)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof arg,
		.dev_id = device_id,
		.pt_id = ioas,
	};
	int r = command(iommufd, IOMMU_HWPT_ALLOC, &arg);

	if (r == 0)
		*ret_hwpt = arg.out_hwpt_id;
	return r;
}

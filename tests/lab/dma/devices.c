// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices that cannot be handed over, beside those that can: every one of them is used
 * by vfio in the same way, over the same memory, and then preserved. They stand where
 * case-devices.conf of 59-refuse puts them.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define IGB	       "0000:01:00.0"
#define IGB_VF	       "0000:01:10.0"
#define VIRTIO_ATS     "0000:02:00.0"
#define VIRTIO	       "0000:03:00.0"
#define E1000_BEHIND   "0000:05:01.0"
#define USB_CONTROLLER "0000:00:0d.0"

/* Another device, in an iommufd of its own, over the memory that d has */
static struct dma use(const struct dma *d, const char *bdf)
{
	struct dma o = *d;

	say("-- %s", bdf);
	o.bdf = bdf;
	cdev_bind_driver(bdf);
	o.dev = cdev_open(bdf);
	must("cdev", o.dev);
	o.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	must("/dev/iommu", o.iommufd);
	must("bind", cdev_bind(&o));
	must("ioas", ioas_create(&o));
	must("map", ioas_map_mem(&o));
	must("hwpt", hwpt_create(&o));
	must("attach", cdev_attach(&o));
	must("mark", hwpt_mark(&o, o.hwpt, TOKEN_HWPT, 0));
	return o;
}

static void unuse(struct dma *o)
{
	close(o->dev);
	close(o->iommufd);
}

static void use_and_try(const struct dma *d, const char *bdf, const char *what, int want_errno)
{
	struct dma o = use(d, bdf);

	try_preserve(&o, what, 0, 0, want_errno);
	unuse(&o);
}

static void set_vfs(struct dma *o, const char *what, const char *number, int want_errno)
{
	expect(what, sysfs_write(o, "sriov_numvfs", number), want_errno);
}

/* Of a PF whose own driver has it */
static void virtual_function(struct dma *d)
{
	struct dma pf = { .bdf = IGB };

	set_vfs(&pf, "a VF", "1", 0);
	use_and_try(d, IGB_VF, "a VF", EOPNOTSUPP);
	set_vfs(&pf, "no VF", "0", 0);
}

/* Of vfio-pci, which lets its user have VFs: enable_sriov=1 */
static void physical_function(struct dma *d)
{
	struct dma o = use(d, IGB);

	try_preserve(&o, "a PF without VFs", 0, 0, 0);

	must("session", session_create(&o, SESSION));
	must("memory", session_preserve(o.session, o.mem, TOKEN_MEM));
	must("iommufd", session_preserve(o.session, o.iommufd, TOKEN_IOMMUFD));
	must("device", session_preserve(o.session, o.dev, TOKEN_DEV));
	set_vfs(&o, "VFs of a preserved PF", "1", EBUSY);
	close(o.session);

	set_vfs(&o, "VFs of the PF", "1", 0);
	try_preserve(&o, "a PF with VFs", 0, 0, EOPNOTSUPP);
	set_vfs(&o, "no VFs", "0", 0);
	try_preserve(&o, "a PF without VFs again", 0, 0, 0);
	unuse(&o);
}

/* Read from sysfs where a link of the device leads to */
static void group_of(const char *bdf, char *ret_group, size_t size)
{
	char path[128], target[256];
	ssize_t n;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group", bdf);
	n = readlink(path, target, sizeof target - 1);
	must(path, (int)n);
	target[n] = 0;
	snprintf(ret_group, size, "%s", strrchr(target, '/') + 1);
}

/* The same device by the way of old: a group in a container, without an iommufd */
static void legacy_group(struct dma *d, const char *bdf)
{
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), group, saved = d->dev;
	char name[16], path[64];

	say("-- %s in a container", bdf);
	must("container", container);
	group_of(bdf, name, sizeof name);
	snprintf(path, sizeof path, "/dev/vfio/%s", name);
	group = open(path, O_RDWR | O_CLOEXEC);
	must("group", group);
	must("set container", ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	must("set type", ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	d->dev = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	must("device of the group", d->dev);
	try_preserve(d, "a device of a group in a container", 0, 0, ENOENT);
	close(d->dev);
	close(group);
	close(container);
	d->dev = saved;
}

void refuse_devices(struct dma *d)
{
	device_up(d);
	try_preserve(d, "accepted", 0, 0, 0);
	virtual_function(d);
	physical_function(d);
	use_and_try(d, VIRTIO, "without ATS", 0);
	use_and_try(d, VIRTIO_ATS, "with ATS", EOPNOTSUPP);
	legacy_group(d, VIRTIO);
	use_and_try(d, VIRTIO, "not in a group", 0);
	use_and_try(d, E1000_BEHIND, "in a group with a bridge", EINVAL);
	use_and_try(d, USB_CONTROLLER, "a USB controller", EOPNOTSUPP);
	try_preserve(d, "accepted, after all that", 0, 0, 0);
	device_wait(d, 50, "all refused");
}

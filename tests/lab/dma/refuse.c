// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What cannot be kept is refused. Each row is preceded by its accepted twin: the
 * same preparation, with nothing wrong, is preserved and let go again.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXTRA_IOVA  0x200000000ULL
#define EXTRA_SIZE  0x10000UL
#define HUGE_SIZE   (2UL << 20)
#define TOKEN_EXTRA 0x66ULL

struct row {
	const char *what;
	void (*spoil)(struct dma *d);
	void (*mend)(struct dma *d);
	int mem, iommufd, dev; /* errno of preserving each, 0 accepted, -1 not tried */
};

static void *anonymous;
static int extra = -1;
static uint32_t other_hwpt;

static void map_anonymous(struct dma *d)
{
	struct iommu_ioas_map arg = {
		.size = sizeof arg,
		.ioas_id = d->ioas,
		.length = EXTRA_SIZE,
		.iova = EXTRA_IOVA,
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
	};

	anonymous =
		mmap(NULL, EXTRA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	arg.user_va = (uintptr_t)anonymous;
	expect("map anonymous memory", ioctl(d->iommufd, IOMMU_IOAS_MAP, &arg), 0);
}

static void unmap_extra(struct dma *d)
{
	expect("unmap", ioas_unmap(d, EXTRA_IOVA, EXTRA_SIZE), 0);
	if (extra >= 0)
		close(extra);
	extra = -1;
}

static void map_extra(struct dma *d, unsigned int flags, unsigned int seals)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof arg,
		.ioas_id = d->ioas,
		.length = EXTRA_SIZE,
		.iova = EXTRA_IOVA,
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
	};

	extra = memfd_create("extra", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (extra < 0 || ftruncate(extra, flags & MFD_HUGETLB ? HUGE_SIZE : EXTRA_SIZE) ||
	    fallocate(extra, 0, 0, EXTRA_SIZE) || (seals && fcntl(extra, F_ADD_SEALS, seals)))
		fail("memfd: %s", strerror(errno));
	arg.fd = extra;
	expect("map another memfd", ioctl(d->iommufd, IOMMU_IOAS_MAP_FILE, &arg), 0);
}

/* In the session, but without seals, or with the seals that came too late */
static void map_unsealed(struct dma *d)
{
	map_extra(d, 0, 0);
}

static void map_sealed_late(struct dma *d)
{
	map_extra(d, 0, F_SEAL_GROW | F_SEAL_SHRINK);
	if (fcntl(extra, F_ADD_SEALS, F_SEAL_SEAL))
		fail("seal: %s", strerror(errno));
}

static void map_unpreserved(struct dma *d)
{
	map_extra(d, 0, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

/* Sealed, but not shmem */
static void map_hugetlb(struct dma *d)
{
	guest_write("/proc/sys/vm/nr_hugepages", "1");
	map_extra(d, MFD_HUGETLB, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

/* Declared while it was mapped */
static void lose_buffer(struct dma *d)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof arg,
		.ioas_id = d->ioas,
		.fd = d->mem,
		.length = EXTRA_SIZE,
		.iova = EXTRA_IOVA,
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE,
	};

	expect("map", ioctl(d->iommufd, IOMMU_IOAS_MAP_FILE, &arg), 0);
	expect("declare", ioas_buffer(d, EXTRA_IOVA, EXTRA_SIZE, TOKEN_EXTRA, 0), 0);
	try_preserve(d, "accepted with the buffer", 0, 0, 0);
	unmap_extra(d);
}

static void clear_buffer(struct dma *d)
{
	expect("clear", ioas_buffer(d, 0, 0, TOKEN_EXTRA, IOMMU_IOAS_PRESERVE_CLEAR), 0);
}

/* A page outside ring and buffers */
static void punch(struct dma *d)
{
	if (fallocate(d->mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2UL << 20, 4096))
		fail("punch: %s", strerror(errno));
}

/* Map the memfd again: unmapped and mapped, it has the pages it has now */
static void remap(struct dma *d)
{
	expect("unmap memory", ioas_unmap(d, MEM_IOVA, MEM_SIZE), 0);
	expect("map memory", ioas_map_mem(d), 0);
}

static void unmark(struct dma *d)
{
	expect("unmark", hwpt_mark(d, d->hwpt, 0, IOMMU_HWPT_LIVEUPDATE_CLEAR), 0);
	expect("unmark again", hwpt_mark(d, d->hwpt, 0, IOMMU_HWPT_LIVEUPDATE_CLEAR), ENOENT);
}

static void mark(struct dma *d)
{
	expect("mark", hwpt_mark(d, d->hwpt, TOKEN_HWPT, 0), 0);
}

/* Attached to one, another is marked */
static void mark_other(struct dma *d)
{
	uint32_t hwpt = d->hwpt;

	expect("another hwpt", hwpt_create(d), 0);
	other_hwpt = d->hwpt;
	d->hwpt = hwpt;
	expect("token taken", hwpt_mark(d, other_hwpt, TOKEN_HWPT, 0), EADDRINUSE);
	unmark(d);
	expect("mark another", hwpt_mark(d, other_hwpt, TOKEN_HWPT, 0), 0);
}

static void unmark_other(struct dma *d)
{
	struct iommu_destroy arg = { .size = sizeof arg, .id = other_hwpt };

	expect("destroy another", ioctl(d->iommufd, IOMMU_DESTROY, &arg), 0);
	mark(d);
}

static void detach(struct dma *d)
{
	expect("detach", cdev_detach(d), 0);
}

static void attach(struct dma *d)
{
	expect("attach", cdev_attach(d), 0);
}

/* Another file of the same device, which is bound to nothing */
static int bound = -1;

static void open_again(struct dma *d)
{
	bound = d->dev;
	d->dev = cdev_open(d->bdf);
	must("open again", d->dev);
}

static void close_again(struct dma *d)
{
	close(d->dev);
	d->dev = bound;
}

static void power_state(struct dma *d, const char *name, uint16_t state)
{
	unsigned int at = cdev_capability(d, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	uint16_t value;

	must("config", cdev_config_read(d, at, &value, sizeof value));
	value = (value & ~PCI_PM_CTRL_STATE_MASK) | state;
	expect(name, cdev_config_write(d, at, &value, sizeof value), 0);
}

static void power_off(struct dma *d)
{
	power_state(d, "D3hot", 3);
}

static void power_on(struct dma *d)
{
	power_state(d, "D0", 0);
}

static const struct row rows[] = {
	{ "an unsealed memfd", map_unsealed, unmap_extra, 0, EOPNOTSUPP, -1 },
	{ "a memfd sealed after it was mapped", map_sealed_late, unmap_extra, 0, EOPNOTSUPP, -1 },
	{ "a memfd that is not preserved", map_unpreserved, unmap_extra, 0, ENOENT, -1 },
	{ "a memfd in hugetlbfs", map_hugetlb, unmap_extra, 0, EOPNOTSUPP, -1 },
	{ "anonymous memory", map_anonymous, unmap_extra, 0, EOPNOTSUPP, -1 },
	{ "a buffer that is not mapped any more", lose_buffer, clear_buffer, 0, ENOENT, -1 },
	{ "a memfd punched after it was mapped", punch, remap, 0, EINVAL, -1 },
	{ "nothing marked", unmark, mark, 0, EINVAL, -1 },
	{ "attached to what is not marked", mark_other, unmark_other, 0, 0, EINVAL },
	{ "not attached", detach, attach, 0, 0, EINVAL },
	{ "not bound", open_again, close_again, 0, 0, EINVAL },
	{ "D3hot", power_off, power_on, 0, 0, EINVAL },
};

void try_preserve(struct dma *d, const char *what, int mem, int iommufd, int dev)
{
	char line[128];

	expect("session", session_create(d, SESSION), 0);
	say("-- %s", what);
	snprintf(line, sizeof line, "%s: memory", what);
	expect(line, session_preserve(d->session, d->mem, TOKEN_MEM), mem);
	snprintf(line, sizeof line, "%s: iommufd", what);
	expect(line, session_preserve(d->session, d->iommufd, TOKEN_IOMMUFD), iommufd);
	if (dev >= 0) {
		snprintf(line, sizeof line, "%s: device", what);
		expect(line, session_preserve(d->session, d->dev, TOKEN_DEV), dev);
	}
	close(d->session);
	d->session = -1;
}

static void order(struct dma *d)
{
	struct dma other = *d;

	say("-- order and sessions");
	expect("session", session_create(d, SESSION), 0);
	expect("device first", session_preserve(d->session, d->dev, TOKEN_DEV), ENOENT);
	expect("iommufd before memory", session_preserve(d->session, d->iommufd, TOKEN_IOMMUFD),
	       ENOENT);
	expect("other session", session_create(&other, "other"), 0);
	expect("memory in the other", session_preserve(other.session, d->mem, TOKEN_MEM), 0);
	expect("iommufd in this", session_preserve(d->session, d->iommufd, TOKEN_IOMMUFD), ENOENT);
	expect("memory twice", session_preserve(d->session, d->mem, TOKEN_MEM), EBUSY);
	expect("iommufd in the other", session_preserve(other.session, d->iommufd, TOKEN_IOMMUFD),
	       0);
	expect("device in this", session_preserve(d->session, d->dev, TOKEN_DEV), ENOENT);
	expect("device in the other", session_preserve(other.session, d->dev, TOKEN_DEV), 0);
	expect("device twice", session_preserve(d->session, d->dev, TOKEN_DEV), EBUSY);
	close(other.session);
	close(d->session);
	d->session = -1;
}

void refuse(struct dma *d)
{
	device_up(d);
	order(d);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		try_preserve(d, "accepted", 0, 0, 0);
		rows[i].spoil(d);
		try_preserve(d, rows[i].what, rows[i].mem, rows[i].iommufd, rows[i].dev);
		rows[i].mend(d);
	}
	try_preserve(d, "accepted, after all that", 0, 0, 0);
}

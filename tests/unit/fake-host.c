/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-host - see fake-host.h. */
#include "fake-host.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <umockdev.h>

#include "luod/util.h"

#define PRELOAD "libumockdev-preload.so.0"
#define BUS	"/sys/devices/pci0000:00"

struct fake_host {
	UMockdevTestbed *bed;
	char *root;
};

/* ASan wants to be the first library of all; it is content with being told not to look. */
void fake_host_preload(char **argv)
{
	const char *before = getenv("LD_PRELOAD"), *asan = getenv("ASAN_OPTIONS");
	_cleanup_free_ char *preload = NULL, *options = NULL;

	if (before && strstr(before, PRELOAD))
		return;
	preload = strprintf("%s%s%s", PRELOAD, before ? ":" : "", strempty(before));
	options = strprintf("%s%sverify_asan_link_order=0", strempty(asan), asan ? ":" : "");
	setenv("LD_PRELOAD", preload, true);
	/* Thousands of small files, which no disk has to see. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", true);
	setenv("ASAN_OPTIONS", options, true);
	execv("/proc/self/exe", argv);
	abort();
}

struct fake_host *fake_host_new(void)
{
	struct fake_host *h = calloc(1, sizeof(*h));

	assert(h);
	h->bed = umockdev_testbed_new();
	h->root = umockdev_testbed_get_root_dir(h->bed);
	fake_host_put(h, "/sys/class/vfio-dev/.keep", "");
	return h;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_,
		      struct FTW *ftw _unused_)
{
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fake_host_free(struct fake_host *h)
{
	if (!h)
		return;
	g_object_unref(h->bed);
	remove_tree(h->root);
	g_free(h->root);
	free(h);
}

const char *fake_host_root(const struct fake_host *h)
{
	return h->root;
}

static char *full_path(const struct fake_host *h, const char *path)
{
	char *full = strprintf("%s%s", h->root, path);

	assert(full);
	return full;
}

static void make_folders(const struct fake_host *h, char *full)
{
	for (char *slash = full + strlen(h->root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
}

static void put_data(struct fake_host *h, const char *path, const void *data, size_t size)
{
	_cleanup_free_ char *full = full_path(h, path);
	_cleanup_fclose_ FILE *f = fopen(full, "we");

	if (!f) {
		make_folders(h, full);
		f = fopen(full, "we");
	}
	assert(f);
	assert(fwrite(data, 1, size, f) == size);
}

void fake_host_put(struct fake_host *h, const char *path, const char *text)
{
	put_data(h, path, text, strlen(text));
}

void fake_host_link(struct fake_host *h, const char *path, const char *target)
{
	_cleanup_free_ char *full = full_path(h, path);

	if (symlink(target, full) == 0)
		return;
	make_folders(h, full);
	unlink(full);
	assert(symlink(target, full) == 0);
}

void fake_host_write(struct fake_host *h, const char *address, const char *attribute,
		     const void *data, size_t size)
{
	_cleanup_free_ char *path = strprintf(BUS "/%s/%s", address, attribute);

	put_data(h, path, data, size);
}

void fake_host_set(struct fake_host *h, const char *address, const char *attribute,
		   const char *text)
{
	fake_host_write(h, address, attribute, text, strlen(text));
}

static void link_attribute(struct fake_host *h, const char *address, const char *attribute,
			   const char *target)
{
	_cleanup_free_ char *path = strprintf(BUS "/%s/%s", address, attribute);

	fake_host_link(h, path, target);
}

static void join_group(struct fake_host *h, const char *address, int group)
{
	_cleanup_free_ char *link = strprintf("../../../kernel/iommu_groups/%d", group);
	_cleanup_free_ char *member =
		strprintf("/sys/kernel/iommu_groups/%d/devices/%s", group, address);
	_cleanup_free_ char *regions =
		strprintf("/sys/kernel/iommu_groups/%d/reserved_regions", group);
	_cleanup_free_ char *device = strprintf("../../../../devices/pci0000:00/%s", address);

	link_attribute(h, address, "iommu_group", link);
	fake_host_link(h, member, device);
	fake_host_put(h, regions, "0x00000000fee00000 0x00000000feefffff msi\n");
}

void fake_host_add(struct fake_host *h, const struct fake_device *d)
{
	_cleanup_free_ char *entry = strprintf("/sys/bus/pci/devices/%s", d->address);
	_cleanup_free_ char *device = strprintf("../../../devices/pci0000:00/%s", d->address);
	_cleanup_free_ char *uevent = strprintf("PCI_SLOT_NAME=%s\n", d->address);

	fake_host_set(h, d->address, "uevent", uevent);
	fake_host_set(h, d->address, "vendor", "0x8086\n");
	fake_host_set(h, d->address, "device", "0x10d3\n");
	fake_host_set(h, d->address, "class", d->class ?: "0x020000\n");
	fake_host_set(h, d->address, "numa_node", "-1\n");
	fake_host_set(h, d->address, "power_state", "D0\n");
	link_attribute(h, d->address, "subsystem", "../../../bus/pci");
	fake_host_link(h, entry, device);
	if (d->group >= 0) {
		_cleanup_free_ char *unit =
			strprintf("../../virtual/iommu/%s", d->iommu ?: "dmar0");

		join_group(h, d->address, d->group);
		link_attribute(h, d->address, "iommu", unit);
	}
	if (d->physfn) {
		_cleanup_free_ char *physfn = strprintf("../%s", d->physfn);

		link_attribute(h, d->address, "physfn", physfn);
	}
	if (d->driver)
		fake_host_bind(h, d->address, d->driver, d->node);
}

void fake_host_bind(struct fake_host *h, const char *address, const char *driver, int node)
{
	_cleanup_free_ char *link = strprintf("../../../bus/pci/drivers/%s", driver);
	_cleanup_free_ char *dev = strprintf("vfio-dev/vfio%d/dev", node);
	_cleanup_free_ char *uevent = strprintf("vfio-dev/vfio%d/uevent", node);
	_cleanup_free_ char *subsystem = strprintf("vfio-dev/vfio%d/subsystem", node);
	_cleanup_free_ char *number = strprintf("511:%d\n", node);
	_cleanup_free_ char *name = strprintf("DEVNAME=vfio/devices/vfio%d\n", node);

	link_attribute(h, address, "driver", link);
	if (node < 0)
		return;
	fake_host_set(h, address, dev, number);
	fake_host_set(h, address, uevent, name);
	link_attribute(h, address, subsystem, "../../../../../class/vfio-dev");
}

static void remove_attribute(struct fake_host *h, const char *address, const char *attribute)
{
	_cleanup_free_ char *path = strprintf("%s" BUS "/%s/%s", h->root, address, attribute);

	remove_tree(path);
}

void fake_host_unbind(struct fake_host *h, const char *address)
{
	remove_attribute(h, address, "driver");
	remove_attribute(h, address, "vfio-dev");
}

void fake_host_remove(struct fake_host *h, const char *address)
{
	_cleanup_free_ char *member =
		strprintf("%s" BUS "/%s/iommu_group/devices/%s", h->root, address, address);
	_cleanup_free_ char *entry = strprintf("%s/sys/bus/pci/devices/%s", h->root, address);

	unlink(member);
	unlink(entry);
	remove_attribute(h, address, ".");
	remove_attribute(h, address, "");
}

void fake_host_functions(struct fake_host *h, const char *address, int n)
{
	char path[128];

	while (n-- > 0) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn%d", address, n);
		fake_host_link(h, path, "../0000:7f:00.0");
	}
}

void fake_host_event(struct fake_host *h, const char *address, const char *action)
{
	_cleanup_free_ char *path = strprintf(BUS "/%s", address);

	umockdev_testbed_uevent(h->bed, path, action);
}

void fake_host_node_event(struct fake_host *h, const char *address, int node, const char *action)
{
	_cleanup_free_ char *path = strprintf(BUS "/%s/vfio-dev/vfio%d", address, node);

	umockdev_testbed_uevent(h->bed, path, action);
}

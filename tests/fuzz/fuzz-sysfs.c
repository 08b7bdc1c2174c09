/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysfs: what the kernel may say of a device, and what it never would; among it the configuration
 * space, which a broken device fills as it likes. Whatever it is, the facts are text that ends within
 * its fields, and the same when they are read again.
 *
 * The input is a row of parts: which attribute, how long, and what it says; the length counts in units
 * of 16 bytes for the configuration space.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "luod/device.h"
#include "luod/vfio.h"

#define ADDRESS "0000:00:03.0"
#define FOLDER	"/sys/bus/pci/devices/" ADDRESS

enum kind {
	ATTRIBUTE,
	CONFIGURATION,
	LINK,
	AN_ADDRESS, /* goes nowhere: is it one? */
};

static const struct {
	const char *name;
	enum kind kind;
} parts[] = {
	{ "config", CONFIGURATION },
	{ "vendor", ATTRIBUTE },
	{ "device", ATTRIBUTE },
	{ "class", ATTRIBUTE },
	{ "numa_node", ATTRIBUTE },
	{ "sriov_numvfs", ATTRIBUTE },
	{ "power_state", ATTRIBUTE },
	{ "irq", ATTRIBUTE },
	{ "msi_irqs/24", ATTRIBUTE },
	{ "vfio-dev/vfio0/dev", ATTRIBUTE },
	{ "iommu_group/reserved_regions", ATTRIBUTE },
	{ "driver", LINK },
	{ "iommu", LINK },
	{ "physfn", LINK },
	{ "", AN_ADDRESS },
};

static char root[64];
static int folder = -EBADF;

static void must(bool good)
{
	if (!good)
		abort();
}

static void make_folder(const char *name)
{
	must(mkdirat(folder, name, 0700) == 0);
}

static int remove_one(const char *path, const struct stat *st _unused_, int kind _unused_,
		      struct FTW *where _unused_)
{
	return remove(path);
}

static void clean_up(void)
{
	if (nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		fprintf(stderr, "%s stays\n", root);
}

/* Below a folder of its own, once per process. */
static void set_up(void)
{
	_cleanup_free_ char *path = NULL;

	snprintf(root, sizeof(root), "/tmp/fuzz-sysfs-XXXXXX");
	must(mkdtemp(root));
	atexit(clean_up);
	path = strprintf("%s" FOLDER, root);
	must(path);
	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		must(mkdir(path, 0700) == 0);
		*at = '/';
	}
	must(mkdir(path, 0700) == 0);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(folder >= 0);
	make_folder("msi_irqs");
	make_folder("vfio-dev");
	make_folder("vfio-dev/vfio0");
	make_folder("7");
	make_folder("7/devices");
	make_folder("7/devices/" ADDRESS);
	must(symlinkat("7", folder, "iommu_group") == 0);
}

static void write_attribute(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void write_link(const char *name, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *target = strndup((const char *)data, size);

	unlinkat(folder, name, 0);
	if (!isempty(target))
		must(symlinkat(target, folder, name) == 0);
}

static void check_address(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);

	if (text && pci_address_valid(text))
		must(strlen(text) < DEVICE_ADDRESS_SIZE);
}

/* How much of the input the first part of it took. */
static size_t write_part(const uint8_t *data, size_t size)
{
	size_t which = data[0] % ARRAY_SIZE(parts), length = data[1];
	const char *name = parts[which].name;

	if (parts[which].kind == CONFIGURATION)
		length *= 16;
	if (length > size - 2)
		length = size - 2;
	data += 2;
	switch (parts[which].kind) {
	case ATTRIBUTE:
	case CONFIGURATION:
		write_attribute(name, data, length);
		break;
	case LINK:
		write_link(name, data, length);
		break;
	case AN_ADDRESS:
		check_address(data, length);
		break;
	}
	return length + 2;
}

#define ENDS(field) memchr(field, '\0', sizeof(field))

static void check_facts(const struct device_facts *f)
{
	must(streq(f->address, ADDRESS));
	must(ENDS(f->driver) && ENDS(f->node) && ENDS(f->vendor) && ENDS(f->product) &&
	     ENDS(f->class) && ENDS(f->iommu_group) && ENDS(f->iommu) &&
	     ENDS(f->physical_function) && ENDS(f->power_state) && ENDS(f->interrupts));
	must(f->group_size == 1 && streq(f->iommu_group, "7"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct device_facts first, second;

	if (folder < 0)
		set_up();
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		unlinkat(folder, parts[i].name, 0);
	while (size > 2) {
		size_t taken = write_part(data, size);

		data += taken;
		size -= taken;
	}
	/* Its node is there, so it is a device of VFIO's whatever its driver is called. */
	must(device_read(root, ADDRESS, &first) == 0);
	must(device_read(root, ADDRESS, &second) == 0);
	check_facts(&first);
	must(device_facts_equal(&first, &second));
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device - see device.h. Everything is read relative to the device's folder in sysfs. */
#include "device.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include <systemd/sd-bus.h>

#include "util.h"
#include "vfio.h"

#define ATTRIBUTE_MAX 4096
#define CONFIG_MAX    4096

DEFINE_CLEANUP(DIR *, closedir)

/* Copies what fits. */
static void set(char *field, size_t size, const char *text)
{
	snprintf(field, size, "%.*s", FIT(text, size - 1));
}

#define SET(field, text) set(field, sizeof(field), text)

/* --- attributes ------------------------------------------------------------------------------- */

/*
 * Of the reading that is under way: the first error by which luod, and not the device, lacked something. An
 * attribute that is not there says something of a device; one that could not be opened does not.
 */
static int shortage;

static int note_shortage(int error)
{
	if (shortage == 0 && errno_is_shortage(error))
		shortage = error;
	return error;
}

static int open_attribute(int at, const char *name, int flags)
{
	int fd = openat(at, name, O_RDONLY | O_CLOEXEC | flags);

	return fd < 0 ? note_shortage(-errno) : fd;
}

/* The first line of an attribute; false when there is none. */
static bool read_line(int at, const char *name, char *ret, size_t size)
{
	_cleanup_close_ int fd = open_attribute(at, name, O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n < 0) {
		note_shortage(-errno);
		return false;
	}
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

/* The last part of where a link leads to: "../../../kernel/iommu_groups/7" is "7". */
static void read_link(int at, const char *name, char *field, size_t size)
{
	char target[ATTRIBUTE_MAX];
	ssize_t n = readlinkat(at, name, target, sizeof(target) - 1);
	const char *slash;

	if (n < 0) {
		note_shortage(-errno);
		return;
	}
	target[n] = '\0';
	slash = strrchr(target, '/');
	set(field, size, slash ? slash + 1 : target);
}

#define READ_LINK(at, name, field) read_link(at, name, field, sizeof(field))

static int read_int(int at, const char *name, int otherwise)
{
	char text[32];
	int value;

	return read_line(at, name, text, sizeof(text)) && sscanf(text, "%d", &value) == 1
		       ? value
		       : otherwise;
}

static dev_t read_device_number(int at, const char *name)
{
	char text[32];
	unsigned int major, minor;

	if (!read_line(at, name, text, sizeof(text)) || sscanf(text, "%u:%u", &major, &minor) != 2)
		return 0;
	return makedev(major, minor);
}

/* "0x8086" is "8086". */
static void read_id(int at, const char *name, char *field, size_t size)
{
	char text[32];

	if (read_line(at, name, text, sizeof(text)))
		set(field, size, strncmp(text, "0x", 2) == 0 ? text + 2 : text);
}

#define READ_ID(at, name, field) read_id(at, name, field, sizeof(field))

static DIR *open_folder(int at, const char *name)
{
	int fd = open_attribute(at, name, O_DIRECTORY);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !folder) {
		note_shortage(-errno);
		close(fd);
	}
	return folder;
}

static const struct dirent *next_entry(DIR *folder)
{
	const struct dirent *entry;

	while ((entry = readdir(folder)))
		if (*entry->d_name != '.')
			return entry;
	return NULL;
}

/* --- what belongs together -------------------------------------------------------------------- */

/* Of the character device in a folder: its name there, and its number. False when there is none. */
static bool read_class(int at, const char *class, char *ret_name, size_t size, dev_t *ret_number)
{
	_cleanup_(closedirp) DIR *folder = open_folder(at, class);
	const struct dirent *entry = folder ? next_entry(folder) : NULL;
	_cleanup_free_ char *number = entry ? strprintf("%s/dev", entry->d_name) : NULL;

	if (!number) {
		note_shortage(entry ? -ENOMEM : 0);
		return false;
	}
	set(ret_name, size, entry->d_name);
	*ret_number = read_device_number(dirfd(folder), number);
	return true;
}

static void read_node(int at, struct device_facts *f)
{
	bool dma_memory = device_has_dma_memory(f);
	char name[sizeof(f->node) / 2];

	if (!read_class(at, dma_memory ? "misc" : "vfio-dev", name, sizeof(name), &f->node_number))
		return;
	snprintf(f->node, sizeof(f->node), "%s/%s",
		 dma_memory ? "/dev/dmamem" : "/dev/vfio/devices", dma_memory ? f->address : name);
}

/* "0x00000000000e0000 0x00000000000fffff direct", or "direct-relaxable", among others. */
static bool has_firmware_memory(int at)
{
	char text[ATTRIBUTE_MAX];
	_cleanup_close_ int fd = open_attribute(at, "iommu_group/reserved_regions", 0);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0) {
		note_shortage(-errno);
		return false;
	}
	text[n] = '\0';
	return strstr(text, " direct");
}

static void read_group(const char *root, int at, struct device_facts *f)
{
	_cleanup_(closedirp) DIR *folder = open_folder(at, "iommu_group/devices");
	_cleanup_free_ char *node = NULL;

	READ_LINK(at, "iommu_group", f->iommu_group);
	READ_LINK(at, "iommu", f->iommu);
	if (isempty(f->iommu_group))
		return;
	read_line(at, "iommu_group/type", f->iommu_domain, sizeof(f->iommu_domain));
	while (folder && next_entry(folder))
		f->group_size++;
	f->firmware_memory = has_firmware_memory(at);
	node = strprintf("%s/sys/class/vfio/%s/dev", root, f->iommu_group);
	if (!node)
		note_shortage(-ENOMEM);
	else
		f->group_node_number = read_device_number(AT_FDCWD, node);
}

int device_read_group(const char *root, const char *address, char ret[static 16])
{
	_cleanup_free_ char *path = strprintf("%s/sys/bus/pci/devices/%s", root, address);
	_cleanup_close_ int at = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	if (at < 0)
		return -ENODEV;
	*ret = '\0';
	read_link(at, "iommu_group", ret, 16);
	return 0;
}

/* VFIO's handler of a line has a folder of its name, unless the kernel was built without those. */
static bool line_is_on(const char *root, int at, const char *address)
{
	_cleanup_free_ char *path =
		strprintf("%s/proc/irq/%d/vfio-intx(%s)", root, read_int(at, "irq", 0), address);

	if (!path)
		note_shortage(-ENOMEM);
	return path && access(path, F_OK) == 0;
}

/*
 * sriov_numvfs says it, too, but is read with the lock of the device, which whoever unbinds it holds until
 * nobody has it open any more: luod, which may have it open itself, would wait for ever.
 */
static unsigned int count_virtual_functions(int at)
{
	_cleanup_(closedirp) DIR *folder = open_folder(at, ".");
	const struct dirent *entry;
	unsigned int n = 0;

	while (folder && (entry = next_entry(folder)))
		n += strncmp(entry->d_name, "virtfn", strlen("virtfn")) == 0;
	return n;
}

/* The kernel lists the vectors of MSI and MSI-X. */
static void read_interrupts(const char *root, int at, struct device_facts *f)
{
	_cleanup_(closedirp) DIR *folder = open_folder(at, "msi_irqs");
	const struct dirent *entry = folder ? next_entry(folder) : NULL;
	char kind[sizeof(f->interrupts)];

	SET(f->interrupts, "none");
	if (entry && read_line(dirfd(folder), entry->d_name, kind, sizeof(kind)))
		SET(f->interrupts, kind);
	else if (line_is_on(root, at, f->address))
		SET(f->interrupts, "intx");
}

/* --- configuration space ---------------------------------------------------------------------- */

/* Extended capabilities: PCI Express Base Specification, 7.8; in the kernel's pci_regs.h. */
#define EXTENDED	 256
#define CAPABILITY_ATS	 0x0f
#define CAPABILITY_PRI	 0x13
#define ATS_CONTROL	 6
#define ATS_ENABLE	 0x8000
#define PRI_CONTROL	 4
#define PRI_ENABLE	 0x0001
#define CAPABILITIES_MAX ((CONFIG_MAX - EXTENDED) / 8)

static unsigned int get16(const unsigned char *config, size_t at)
{
	return config[at] | (unsigned int)config[at + 1] << 8;
}

/* Where the capability is, or 0. The list may be a loop, of a broken device. */
static size_t find_capability(const unsigned char *config, size_t size, unsigned int id)
{
	size_t at = EXTENDED;

	for (int i = 0; i < CAPABILITIES_MAX && at >= EXTENDED && at + 8 <= size; i++) {
		if (get16(config, at) == id)
			return at;
		at = get16(config, at + 2) >> 4 & ~3U;
	}
	return 0;
}

static enum answer is_on(const unsigned char *config, size_t size, unsigned int id, size_t control,
			 unsigned int enable)
{
	size_t at = find_capability(config, size, id);

	return at && get16(config, at + control) & enable ? ANSWER_YES : ANSWER_NO;
}

/* Reading the configuration space of a device that sleeps deeply would wake it. */
static void read_config(int at, struct device_facts *f)
{
	_cleanup_close_ int fd =
		strncmp(f->power_state, "D3", 2) == 0 ? -EBADF : open_attribute(at, "config", 0);
	unsigned char config[CONFIG_MAX];
	ssize_t n = fd < 0 ? -1 : pread(fd, config, sizeof(config), 0);

	if (n <= 0)
		return;
	f->ats = is_on(config, (size_t)n, CAPABILITY_ATS, ATS_CONTROL, ATS_ENABLE);
	f->pri = is_on(config, (size_t)n, CAPABILITY_PRI, PRI_CONTROL, PRI_ENABLE);
}

int device_read(const char *root, const char *address, struct device_facts *ret)
{
	_cleanup_free_ char *path = strprintf("%s/sys/bus/pci/devices/%s", root, address);
	_cleanup_close_ int at = -EBADF;
	struct device_facts f = {};

	if (!pci_address_valid(address))
		return -EINVAL;
	if (!path)
		return -ENOMEM;
	shortage = 0;
	at = open_attribute(AT_FDCWD, path, O_DIRECTORY);
	if (at < 0)
		return at == -ENOENT ? -ENODEV : at;
	SET(f.address, address);
	READ_LINK(at, "driver", f.driver);
	read_node(at, &f);
	if (isempty(f.node) && !streq(f.driver, "vfio-pci") && !device_has_dma_memory(&f))
		return shortage < 0 ? shortage : -ENODEV;
	READ_ID(at, "vendor", f.vendor);
	READ_ID(at, "device", f.product);
	READ_ID(at, "class", f.class);
	read_group(root, at, &f);
	f.numa_node = read_int(at, "numa_node", -1);
	READ_LINK(at, "physfn", f.physical_function);
	f.virtual_functions = count_virtual_functions(at);
	SET(f.power_state, "unknown");
	read_line(at, "power_state", f.power_state, sizeof(f.power_state));
	read_interrupts(root, at, &f);
	read_config(at, &f);
	if (shortage < 0)
		return shortage;
	*ret = f;
	return 0;
}

bool device_has_dma_memory(const struct device_facts *f)
{
	return streq(f->driver, "pci-dmamem");
}

bool device_facts_equal(const struct device_facts *a, const struct device_facts *b)
{
	return streq(a->address, b->address) && streq(a->driver, b->driver) &&
	       streq(a->node, b->node) && streq(a->vendor, b->vendor) &&
	       streq(a->product, b->product) && streq(a->class, b->class) &&
	       streq(a->iommu_group, b->iommu_group) && a->group_size == b->group_size &&
	       a->firmware_memory == b->firmware_memory && streq(a->iommu, b->iommu) &&
	       streq(a->iommu_domain, b->iommu_domain) && a->numa_node == b->numa_node &&
	       streq(a->physical_function, b->physical_function) &&
	       a->virtual_functions == b->virtual_functions &&
	       streq(a->power_state, b->power_state) && streq(a->interrupts, b->interrupts) &&
	       a->ats == b->ats && a->pri == b->pri && a->node_number == b->node_number &&
	       a->group_node_number == b->group_node_number;
}

/* --- the object ------------------------------------------------------------------------------- */

int device_new(const char *address, struct device **ret)
{
	_cleanup_(device_freep) struct device *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	SET(d->facts.address, address);
	if (sd_bus_path_encode("/org/luod1/device", address, &d->path) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(d);
	return 0;
}

static void clear_users(struct device *d)
{
	while (d->n_users)
		free(d->users[--d->n_users]);
}

struct device *device_free(struct device *d)
{
	if (!d)
		return NULL;
	clear_users(d);
	free(d->session);
	free(d->path);
	free(d);
	return NULL;
}

bool device_set_users(struct device *d, const char *const *users, unsigned int n, bool group_open)
{
	bool same;

	if (n > LIMIT_DEVICE_USERS)
		n = LIMIT_DEVICE_USERS;
	same = n == d->n_users && group_open == d->group_open;
	for (unsigned int i = 0; i < n && same; i++)
		same = streq(users[i], d->users[i]);
	if (same)
		return false;
	clear_users(d);
	d->group_open = group_open;
	for (unsigned int i = 0; i < n; i++) {
		d->users[d->n_users] = strdup(users[i]);
		d->n_users += d->users[d->n_users] != NULL;
	}
	return true;
}

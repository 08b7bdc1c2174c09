// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions, iommufd and vfio, one function for each ioctl, and the two orders
 * they are used in: everything up and preserved, everything back. See dma.h.
 *
 * What liblu has for a step is done by liblu, so that the real kernel is driven by
 * the calls that a VMM uses, and not only by what this program knows of it.
 */

#include "dma.h"
#include "lu-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef F_ADD_SEALS
#define F_ADD_SEALS   1033
#define F_SEAL_SEAL   1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW   4
#endif

/* What liblu returns, as a system call would */
static int answer(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

void dma_init(struct dma *d, const char *bdf)
{
	memset(d, 0, sizeof *d);
	d->bdf = bdf;
	d->io.iova = MEM_IOVA;
	d->device = device_driver_of(bdf);
	if (!d->device)
		fail("%s: %s", bdf, strerror(errno));
	d->luo = d->session = d->mem = d->iommufd = d->dev = -1;
}

int luo_open(struct dma *d)
{
	d->luo = open("/dev/liveupdate", O_RDWR | O_CLOEXEC);
	return d->luo < 0 ? -1 : 0;
}

int session_create(struct dma *d, const char *name)
{
	struct liveupdate_ioctl_create_session arg = { .size = sizeof arg };

	snprintf((char *)arg.name, sizeof arg.name, "%s", name);
	if (ioctl(d->luo, LIVEUPDATE_IOCTL_CREATE_SESSION, &arg))
		return -1;
	d->session = arg.fd;
	return 0;
}

int session_retrieve(struct dma *d, const char *name)
{
	struct liveupdate_ioctl_retrieve_session arg = { .size = sizeof arg };

	snprintf((char *)arg.name, sizeof arg.name, "%s", name);
	if (ioctl(d->luo, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &arg))
		return -1;
	d->session = arg.fd;
	return 0;
}

int session_preserve(int session, int fd, uint64_t token)
{
	return answer(lu_kernel_preserve(session, fd, token));
}

int session_unpreserve(int session, uint64_t token)
{
	return answer(lu_kernel_unpreserve(session, token));
}

int session_retrieve_fd(int session, uint64_t token)
{
	int fd = -1;

	return answer(lu_kernel_retrieve(session, token, &fd)) ? -1 : fd;
}

int session_finish(int session)
{
	struct liveupdate_session_finish arg = { .size = sizeof arg };

	return ioctl(session, LIVEUPDATE_SESSION_FINISH, &arg);
}

int memory_create(struct dma *d, unsigned int seals)
{
	d->mem = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (d->mem < 0 || ftruncate(d->mem, MEM_SIZE))
		return -1;
	return seals ? fcntl(d->mem, F_ADD_SEALS, seals) : 0;
}

int memory_map(struct dma *d)
{
	d->io.ram = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d->mem, 0);
	return d->io.ram == MAP_FAILED ? -1 : 0;
}

int cdev_bind_driver(const char *bdf)
{
	char path[128];

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver/unbind", bdf);
	if (!access(path, W_OK))
		guest_write(path, bdf);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver_override", bdf);
	guest_write(path, "vfio-pci");
	guest_write("/sys/bus/pci/drivers_probe", bdf);
	return 0;
}

int cdev_open(const char *bdf)
{
	int fd = -EBADF;

	return answer(vfio_open(bdf, &fd)) ? -1 : fd;
}

int cdev_bind(struct dma *d)
{
	return answer(lu_device_bind(d->dev, d->iommufd, &d->devid));
}

/* The kernel cannot write its answer, and takes everything back */
int cdev_bind_unanswered(struct dma *d)
{
	struct vfio_device_bind_iommufd arg = { .argsz = sizeof arg, .iommufd = d->iommufd };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int r, saved;

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, &arg, sizeof arg);
	r = mprotect(page, 4096, PROT_READ) ?: ioctl(d->dev, VFIO_DEVICE_BIND_IOMMUFD, page);
	saved = errno;
	munmap(page, 4096);
	errno = saved;
	return r;
}

int cdev_attach(struct dma *d)
{
	return answer(lu_device_attach(d->dev, d->hwpt));
}

int cdev_detach(struct dma *d)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = sizeof arg };

	return ioctl(d->dev, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

int cdev_map_bar(struct dma *d)
{
	return answer(vfio_map_bar(d->dev, &d->io.bar, &d->bar_size));
}

int cdev_config_read(struct dma *d, unsigned int offset, void *value, size_t size)
{
	return answer(vfio_config_read(d->dev, offset, value, size));
}

int cdev_config_write(struct dma *d, unsigned int offset, const void *value, size_t size)
{
	return answer(vfio_config_write(d->dev, offset, value, size));
}

unsigned int cdev_capability(struct dma *d, uint8_t id)
{
	uint8_t at = PCI_CAPABILITY_LIST, header[2];

	must("config", cdev_config_read(d, at, &at, 1));
	for (; at; at = header[1]) {
		must("config", cdev_config_read(d, at, header, sizeof header));
		if (header[0] == id)
			return at;
	}
	fail("the device has no capability %02x", id);
}

int cdev_irqs(struct dma *d, unsigned int index, const int *eventfds, unsigned int count)
{
	return answer(vfio_irqs(d->dev, index, eventfds, count));
}

/* The first one, or with -1 none */
int cdev_irq(struct dma *d, unsigned int index, int eventfd)
{
	return cdev_irqs(d, index, &eventfd, eventfd < 0 ? 0 : 1);
}

int ioas_create(struct dma *d)
{
	return answer(vfio_ioas_create(d->iommufd, &d->ioas));
}

int ioas_map_mem(struct dma *d)
{
	return answer(vfio_ioas_map(d->iommufd, d->ioas, d->mem, MEM_SIZE, MEM_IOVA));
}

int ioas_unmap(struct dma *d, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap arg = {
		.size = sizeof arg,
		.ioas_id = d->ioas,
		.iova = iova,
		.length = length,
	};

	return ioctl(d->iommufd, IOMMU_IOAS_UNMAP, &arg);
}

int hwpt_create(struct dma *d)
{
	return answer(vfio_hwpt_create(d->iommufd, d->devid, d->ioas, &d->hwpt));
}

int hwpt_mark(struct dma *d, uint32_t hwpt, uint64_t token, uint32_t flags)
{
	return answer(flags & IOMMU_HWPT_LIVEUPDATE_CLEAR ? lu_hwpt_unmark(d->iommufd, hwpt)
							  : lu_hwpt_mark(d->iommufd, hwpt, token));
}

int ioas_buffer(struct dma *d, uint64_t iova, uint64_t length, uint64_t token, uint32_t flags)
{
	return answer(flags & IOMMU_IOAS_PRESERVE_CLEAR
			      ? lu_ioas_forget(d->iommufd, d->ioas, token)
			      : lu_ioas_preserve(d->iommufd, d->ioas, iova, length, token));
}

unsigned int device_count(struct dma *d)
{
	return d->device->count(&d->io);
}

unsigned int device_faults(struct dma *d)
{
	return d->device->faults(&d->io, say);
}

void device_reset(struct dma *d)
{
	must("reset", answer(d->device->reset(&d->io)));
}

/* Clocks are off on a busy host, so the time is long */
void device_wait(struct dma *d, unsigned int more, const char *what)
{
	unsigned int start = device_count(d), n = start, faults;

	for (unsigned int i = 0; i < 1000 && n < start + more; i++) {
		sleep_ms(100);
		n = device_count(d);
	}
	if (n < start + more)
		fail("%s: the device wrote only %u times more, of %u", what, n - start, more);
	faults = device_faults(d);
	if (faults)
		fail("%s: %u of %u writes are wrong or missing", what, faults, n);
	ok("%s: the device wrote %u times, all of it right", what, n);
}

void device_up(struct dma *d)
{
	uint16_t command;

	cdev_bind_driver(d->bdf);
	must("memory", memory_create(d, F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK));
	must("mmap", memory_map(d));
	d->dev = cdev_open(d->bdf);
	must("cdev", d->dev);
	d->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	must("/dev/iommu", d->iommufd);
	if (iommufd_can_preserve() != 1 || !lu_fd_is_iommufd(d->iommufd) ||
	    lu_fd_is_iommufd(d->dev) || !lu_fd_is_device(d->dev) || lu_fd_is_device(d->iommufd))
		fail("liblu does not know an iommufd or a device, or that they can be preserved");
	expect("areas of an iommufd that was not retrieved", iommufd_areas(d), ENODATA);
	must("bind", cdev_bind(d));
	must("ioas", ioas_create(d));
	must("map", ioas_map_mem(d));
	must("hwpt", hwpt_create(d));
	must("attach", cdev_attach(d));
	must("bar", cdev_map_bar(d));
	must("config", cdev_config_read(d, 4, &command, 2));
	command |= 6; /* memory, bus mastering */
	must("config", cdev_config_write(d, 4, &command, 2));
	must("start", answer(d->device->start(&d->io, false)));
	phase("before");
	device_wait(d, d->device == &nvme_driver ? 40 : 200, "before");
	must("mark", hwpt_mark(d, d->hwpt, TOKEN_HWPT, 0));
	must("buffer", ioas_buffer(d, MEM_IOVA + RING_OFFSET, BUFFER_SIZE, TOKEN_BUFFER, 0));
}

/* Of the device, or of what is above it; false if that is no PCI device */
static bool config_read(const char *bdf, const char *above, uint8_t config[CONFIG_SIZE])
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s%s/config", bdf, above);
	memset(config, 0, CONFIG_SIZE);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, config, CONFIG_SIZE);
	close(fd);
	return n == CONFIG_SIZE;
}

bool has_bridge(struct dma *d)
{
	uint8_t config[CONFIG_SIZE];

	return config_read(d->bdf, "/..", config);
}

/* Write to a file of the device in sysfs */
int sysfs_write(struct dma *d, const char *name, const char *value)
{
	char path[128];
	int fd, r, saved;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", d->bdf, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = write(fd, value, strlen(value)) < 0 ? -1 : 0;
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

uint16_t config_command(struct dma *d)
{
	uint8_t config[CONFIG_SIZE];

	if (!config_read(d->bdf, "", config))
		fail("configuration space: %s", strerror(errno));
	return (uint16_t)(config[4] | config[5] << 8);
}

/* Header and device control, but for status bits and what only software reads */
static bool config_counts(const uint8_t config[CONFIG_SIZE], unsigned int at)
{
	bool bridge = config[0x0e] & 1;
	unsigned int cap = config[0x34];

	if (at == 6 || at == 7 || at == 0x3c || (bridge && (at == 0x1e || at == 0x1f)))
		return false;
	while (cap && config[cap] != 0x10)
		cap = config[cap + 1];
	return at < 0x40 || (cap && (at == cap + 8 || at == cap + 9));
}

static void config_compare(const char *when, const char *what, const uint8_t then[CONFIG_SIZE],
			   const uint8_t now[CONFIG_SIZE])
{
	/* COMMAND without the bit for INTx, which is turned off for the jump */
	for (unsigned int i = 0; i < CONFIG_SIZE; i++)
		if ((then[i] ^ now[i]) & (i == 5 ? ~4 : ~0) && config_counts(then, i))
			fail("%s: configuration of the %s has changed at %02x: %02x, was %02x",
			     when, what, i, now[i], then[i]);
}

void config_check(struct dma *d, const char *when)
{
	struct dma_note *note = (void *)d->io.ram;
	uint8_t config[CONFIG_SIZE];
	bool bridge;

	if (!config_read(d->bdf, "", config))
		fail("configuration space: %s", strerror(errno));
	config_compare(when, "device", note->config, config);
	bridge = config_read(d->bdf, "/..", config);
	config_compare(when, "bridge", note->bridge, config);
	ok("%s: configuration of the device%s as before", when, bridge ? " and its bridge" : "");
}

void preserve_all(struct dma *d)
{
	struct dma_note *note = (void *)d->io.ram;

	must("session", session_create(d, SESSION));
	must("preserve memory", session_preserve(d->session, d->mem, TOKEN_MEM));
	must("preserve iommufd", session_preserve(d->session, d->iommufd, TOKEN_IOMMUFD));
	must("preserve device", session_preserve(d->session, d->dev, TOKEN_DEV));
	must("config", cdev_config_read(d, 4, &note->command, 2));
	config_read(d->bdf, "", note->config);
	config_read(d->bdf, "/..", note->bridge);
	note->head = device_count(d);
	note->tsc = tsc();
}

void retrieve_all(struct dma *d)
{
	must("session", session_retrieve(d, SESSION));
	d->mem = session_retrieve_fd(d->session, TOKEN_MEM);
	must("retrieve memory", d->mem);
	must("mmap", memory_map(d));
	d->iommufd = session_retrieve_fd(d->session, TOKEN_IOMMUFD);
	must("retrieve iommufd", d->iommufd);
	d->dev = session_retrieve_fd(d->session, TOKEN_DEV);
	must("retrieve device", d->dev);
}

int iommufd_areas(struct dma *d)
{
	lu_cleanup(lu_freep) struct lu_area *areas = NULL;
	size_t n = 0;

	return answer(lu_iommufd_areas(d->iommufd, &areas, &n)) ? -1 : (int)n;
}

int iommufd_can_preserve(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC), r;

	must("/dev/iommu", fd);
	r = answer(lu_iommufd_can_preserve(fd));
	close(fd);
	return r;
}

/* The kernel tells what it was given, one mapping and one DMA buffer, and no more */
static void check_areas(const struct lu_area *areas, size_t n)
{
	const struct lu_area want[] = {
		{ .iova = MEM_IOVA,
		  .length = MEM_SIZE,
		  .token = TOKEN_MEM,
		  .hwpt_token = TOKEN_HWPT,
		  .flags = LU_AREA_READABLE | LU_AREA_WRITEABLE },
		{ .iova = MEM_IOVA + RING_OFFSET,
		  .length = BUFFER_SIZE,
		  .token = TOKEN_BUFFER,
		  .hwpt_token = TOKEN_HWPT,
		  .flags = LU_AREA_BUFFER },
	};

	for (size_t i = 0; i < n; i++)
		say("area: iova %llx length %llx token %llx offset %llx hwpt %llx flags %x",
		    (unsigned long long)areas[i].iova, (unsigned long long)areas[i].length,
		    (unsigned long long)areas[i].token, (unsigned long long)areas[i].offset,
		    (unsigned long long)areas[i].hwpt_token, areas[i].flags);
	if (n != sizeof want / sizeof *want || memcmp(areas, want, sizeof want))
		fail("%zu areas, and not what was handed over", n);
	ok("%zu areas, as they were handed over", n);
}

/* For liblu, which asks by token */
static int memory_of(uint64_t token, void *userdata)
{
	struct dma *d = userdata;

	return token == TOKEN_MEM ? d->mem : -ENOENT;
}

/* By what the kernel tells, not by what this program knows */
void reattach(struct dma *d)
{
	lu_cleanup(lu_freep) struct lu_area *areas = NULL;
	struct dma_note *note = (void *)d->io.ram;
	uint16_t command;
	size_t n = 0;

	must("areas", answer(lu_iommufd_areas(d->iommufd, &areas, &n)));
	check_areas(areas, n);
	must("bind", cdev_bind(d));
	must("config", cdev_config_read(d, 4, &command, 2));
	say("command %04x, was %04x", command, note->command);
	if (command != note->command)
		fail("the command register has changed");
	must("ioas", ioas_create(d));
	must("map",
	     answer(lu_ioas_map_areas(d->iommufd, d->ioas, TOKEN_HWPT, areas, n, memory_of, d)));
	must("hwpt", hwpt_create(d));
	device_wait(d, 20, "bound, still parked");
	phase("switch");
	must("attach", cdev_attach(d));
	phase("after");
}

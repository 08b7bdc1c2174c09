// SPDX-License-Identifier: GPL-2.0-or-later
/* The cases, see dma.h. The host judges its traces on top of what is checked here. */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void jump_old(struct dma *d)
{
	device_up(d);
	/* So that pauses under pressure can be compared */
	pressure(2);
	preserve_all(d);
	device_wait(d, 100, "preserved");
	kexec_into_next();
}

/* As liblu does not ask: with room for so many areas, and no more */
static int ask_areas(struct dma *d, uint32_t room)
{
	struct iommu_lu_area areas[2];
	struct iommu_lu_info info = {
		.size = sizeof info,
		.num_areas = room,
		.areas = (uintptr_t)areas,
	};

	return ioctl(d->iommufd, IOMMU_LU_INFO, &info);
}

void jump_new(struct dma *d)
{
	struct dma_note *note;
	unsigned int gaps;

	retrieve_all(d);
	note = (void *)d->io.ram;
	say("jump to retrieve: %llu M cycles, %u frames meanwhile",
	    (unsigned long long)(tsc() - note->tsc) / 1000000, device_count(d) - note->head);
	config_check(d, "parked");
	device_wait(d, 50, "parked");
	pressure(5);
	device_wait(d, 50, "parked under pressure");
	expect("finish while parked", session_finish(d->session), EBUSY);
	expect("ask for one area of two", ask_areas(d, 1), EMSGSIZE);
	expect("ask for two", ask_areas(d, 2), 0);
	reattach(d);
	device_wait(d, 200, "attached");
	config_check(d, "attached");
	if (!(config_command(d) & 1 << 10))
		fail("INTx is enabled, and nobody serves it");
	expect("finish", session_finish(d->session), 0);
	expect("areas of an iommufd whose session is finished", iommufd_areas(d), ENODATA);
	device_wait(d, 200, "finished");
	gaps = device_faults(d);
	if (gaps)
		fail("%u gaps", gaps);
	ok("%u frames without a gap", device_count(d));
}

static bool has_interface(struct dma *d)
{
	char path[128];

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/net", d->bdf);
	return !access(path, F_OK);
}

bool logged_text(const char *word, char *ret_text, size_t size)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192], *found = NULL;
	ssize_t n;

	must("/dev/kmsg", fd);
	while (!found && ((n = read(fd, record, sizeof record - 1)) > 0 || errno == EPIPE)) {
		record[n > 0 ? n : 0] = 0;
		found = strstr(record, word);
	}
	close(fd);
	if (found)
		snprintf(ret_text, size, "%s", found + strlen(word));
	return found;
}

bool logged(const char *word)
{
	char text[1];

	return logged_text(word, text, sizeof text);
}

static void claims_old(struct dma *d)
{
	char name[64];

	/* What must not happen in the next kernel does happen in this one */
	snprintf(name, sizeof name, "e1000e %s", d->bdf);
	if (!has_interface(d) || !logged(name))
		fail("the native driver has not got the device to begin with");
	ok("the native driver takes the device when it finds it");
	jump_old(d);
}

void native_bind_refused(struct dma *d)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver_override", d->bdf);
	guest_write(path, "\n");
	fd = open("/sys/bus/pci/drivers/e1000e/bind", O_WRONLY | O_CLOEXEC);
	must("the native driver", fd);
	expect("bind the native driver", (int)write(fd, d->bdf, strlen(d->bdf)), EBUSY);
	close(fd);
	if (has_interface(d))
		fail("the native driver has got the device");
}

/* As soon as nothing uses the old page tables: not while the hardware still does */
static void *finish_soon(void *arg)
{
	struct dma *d = arg;
	int r;

	while ((r = session_finish(d->session)) && errno == EBUSY)
		;
	return (void *)(intptr_t)r;
}

/* Who may have the device before its session is finished: none but vfio-pci */
static void claims_new(struct dma *d)
{
	char path[128], name[64], override[32] = "";
	struct dma other = *d;
	pthread_t thread;
	void *result;
	int fd;

	snprintf(name, sizeof name, "e1000e %s", d->bdf);
	if (logged(name))
		fail("the native driver has seen the device");
	ok("the native driver has not seen the device");
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver_override", d->bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, override, sizeof override - 1) < 0)
		fail("%s: %s", path, strerror(errno));
	close(fd);
	if (strcmp(override, "vfio-pci\n"))
		fail("driver_override is %s", override);
	ok("driver_override is vfio-pci");
	expect("open before it is retrieved", cdev_open(d->bdf), EBUSY);

	guest_write("/sys/bus/pci/drivers/vfio-pci/unbind", d->bdf);
	native_bind_refused(d);
	cdev_bind_driver(d->bdf);
	retrieve_all(d);
	device_wait(d, 50, "parked");
	expect("open when it is retrieved", cdev_open(d->bdf), EBUSY);
	other.iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	other.dev = d->dev;
	expect("bind to another iommufd", cdev_bind(&other), EPERM);
	close(other.iommufd);
	expect("reset by sysfs", sysfs_write(d, "reset", "1"), EBUSY);
	expect("reset method by sysfs", sysfs_write(d, "reset_method", "default"), EBUSY);
	expect("bind, but the answer cannot be written", cdev_bind_unanswered(d), EFAULT);
	device_wait(d, 50, "still parked");
	if (pthread_create(&thread, NULL, finish_soon, d))
		fail("thread");
	reattach(d);
	device_wait(d, 100, "attached");
	pthread_join(thread, &result);
	expect("finish while it is attached", (int)(intptr_t)result, 0);
	device_wait(d, 100, "finished");
	config_check(d, "finished");
}

/* The session is closed with the device parked, but retrieved */
static void closed_new(struct dma *d)
{
	retrieve_all(d);
	device_wait(d, 50, "parked");
	expect("bind", cdev_bind(d), 0);
	close(d->session);
	stopped(d, "session closed");
	expect("ioas", ioas_create(d), 0);
	expect("map", ioas_map_mem(d), 0);
	expect("hwpt", hwpt_create(d), 0);
	expect("attach", cdev_attach(d), 0);
	close(d->dev);
	close(d->iommufd);
	freed(d);
	d->dev = cdev_open(d->bdf);
	expect("open as usual", d->dev, 0);
}

/* Nobody asks for the device or the iommufd */
static void unclaimed_new(struct dma *d)
{
	char path[128];

	expect("session", session_retrieve(d, SESSION), 0);
	d->mem = session_retrieve_fd(d->session, TOKEN_MEM);
	expect("retrieve memory", d->mem, 0);
	expect("mmap", memory_map(d), 0);
	device_wait(d, 50, "parked");
	expect("finish", session_finish(d->session), 0);
	stopped(d, "finished without it");
	freed(d);
	guest_write("/sys/bus/pci/drivers/vfio-pci/unbind", d->bdf);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/driver_override", d->bdf);
	guest_write(path, "\n");
	guest_write("/sys/bus/pci/drivers_probe", d->bdf);
	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/net", d->bdf);
	expect("the native driver has it", access(path, F_OK), 0);
}

/* It goes by sysfs, parked, and nobody has asked for it */
static void removed_new(struct dma *d)
{
	expect("session", session_retrieve(d, SESSION), 0);
	d->mem = session_retrieve_fd(d->session, TOKEN_MEM);
	expect("retrieve memory", d->mem, 0);
	expect("mmap", memory_map(d), 0);
	device_wait(d, 50, "parked");
	expect("remove", sysfs_write(d, "remove", "1"), 0);
	stopped(d, "removed");
	guest_write("/sys/bus/pci/rescan", "1");
	if (config_command(d) & 4)
		fail("bus mastering is on: command %04x", config_command(d));
	ok("found again, bus mastering is off");
	guest_write("/sys/bus/pci/drivers/vfio-pci/unbind", d->bdf);
	native_bind_refused(d);
	expect("retrieve the device", session_retrieve_fd(d->session, TOKEN_DEV), ENODEV);
	expect("finish", session_finish(d->session), 0);
	guest_write("/sys/bus/pci/drivers_probe", d->bdf);
	expect("the native driver has it", has_interface(d) ? 0 : -1, 0);
	freed(d);
}

static void twice_new(struct dma *d)
{
	struct dma again = *d;

	retrieve_all(d);
	device_wait(d, 50, "parked");
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	expect("jump while it is parked", kexec_try(), EBUSY);
	expect("another session", session_create(&again, "again"), 0);
	expect("preserve what is parked", session_preserve(again.session, d->dev, 1), EBUSY);
	close(again.session);
	reattach(d);
	device_wait(d, 50, "attached");
	expect("finish", session_finish(d->session), 0);
	close(d->session);
	expect("mark", hwpt_mark(d, d->hwpt, TOKEN_HWPT, 0), 0);
	expect("buffer", ioas_buffer(d, MEM_IOVA + RING_OFFSET, 0x10000, TOKEN_BUFFER, 0), 0);
	preserve_all(d);
	device_wait(d, 50, "preserved again");
	kexec_into_next();
}

const struct dma_case dma_cases[] = {
	{ "jump", { jump_old, jump_new } },
	{ "refuse", { refuse } },
	{ "devices", { refuse_devices } },
	{ "gates", { gates_old, gates_new } },
	{ "abort", { abort_old, jump_new } },
	{ "reboot", { reboot_old } },
	{ "control", { control_old } },
	{ "baseline", { baseline_old } },
	{ "orphan", { jump_old, orphan_new } },
	{ "faults", { faults_old, faults_new } },
	{ "claims", { claims_old, claims_new } },
	{ "closed", { jump_old, closed_new } },
	{ "unclaimed", { jump_old, unclaimed_new } },
	{ "removed", { jump_old, removed_new } },
	{ "unbind", { unbind_old, unbind_new } },
	{ "quiet", { quiet_old, quiet_new } },
	{ "twice", { jump_old, twice_new, jump_new } },
	{ "targets", { targets_old, jump_new } },
	{ "fallback", { jump_old, fallback_new } },
	{ "seal", { seal_old, seal_new } },
	{ "native", { native_old, native_new } },
	{ "nvme", { nvme_old, nvme_new } },
	{ "msix", { msix_old, msix_new } },
	{ "safety", { safety_old, safety_new } },
	{ "death", { jump_old, death_new } },
	{ NULL, {} },
};

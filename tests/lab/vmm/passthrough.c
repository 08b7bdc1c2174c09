/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * passthrough - a device of the host that the guest has: bound to an iommufd, with page tables that
 * were allocated for it, in which all of the guest's memory is. It is driven from here, as there is
 * no guest that would do it (../device).
 *
 * For a live update its interrupts are switched off, and from then on nobody touches it: it goes on
 * with what it has, and writes to the guest's memory through the page tables that were marked. After
 * the jump it is parked on those. It goes over to new ones, with the same memory at the same
 * addresses, without a pause; what it has done meanwhile is found in its rings.
 *
 * Knows of luod only what it says to people: how fds come and go is in handover.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm.h"

/* There is memory at this physical address: what is written without translation hits it. */
#define GUEST_IOVA UINT64_C(0x10000000)
/* MSI-X cannot be switched on as long as the kernel has not let go of the device. */
#define RETRY_USEC 20000
#define TELL_USEC  1000000

#define BOOT_ID	     "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE 36

uint64_t passthrough_bytes(const struct vmm *v)
{
	return v->device.bdf ? DEVICE_MEMORY : 0;
}

int passthrough_eventfd(const struct vmm *v)
{
	return v->device.bdf && v->device.interrupts ? v->device.events[0] : -1;
}

uint64_t passthrough_patience(const struct vmm *v)
{
	const struct passthrough *d = &v->device;

	return d->bdf && d->served && !d->interrupts ? RETRY_USEC : LU_USEC_INFINITY;
}

/* --- what the next process has to know, in the memory ----------------------------------------- */

/* In the program's page of the device's memory. */
struct note {
	char boot_id[BOOT_ID_SIZE]; /* in which the device was attached to these */
	uint32_t ioas, hwpt;
};

static struct note *note_of(struct vmm *v)
{
	return (struct note *)guest_device_memory(&v->guest);
}

static void read_boot_id(struct vmm *v, char ret[BOOT_ID_SIZE])
{
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, ret, BOOT_ID_SIZE) != BOOT_ID_SIZE)
		die(v, BOOT_ID, -errno);
	close(fd);
}

static void write_note(struct vmm *v)
{
	struct note *note = note_of(v);

	read_boot_id(v, note->boot_id);
	note->ioas = v->device.ioas;
	note->hwpt = v->device.hwpt;
}

/* --- page tables, registers, interrupts ----------------------------------------------------- */

static void open_events(struct vmm *v)
{
	struct passthrough *d = &v->device;

	for (size_t i = 0; i < DEVICE_VECTORS; i++) {
		d->events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (d->events[i] < 0)
			die(v, "eventfd", -errno);
	}
}

/* Where the registers are, and the memory, for its driver. */
static void map_registers(struct vmm *v)
{
	struct passthrough *d = &v->device;

	must(v, "mapping the registers", vfio_map_bar(d->fd, &d->io.bar, &d->bar_size));
	d->io.ram = guest_device_memory(&v->guest);
	d->io.iova = GUEST_IOVA + v->guest.size;
	open_events(v);
}

static void bind(struct vmm *v)
{
	struct passthrough *d = &v->device;

	must(v, "binding the device", lu_device_bind(d->fd, d->iommufd, &d->id));
	must(v, "an address space", vfio_ioas_create(d->iommufd, &d->ioas));
}

static void attach(struct vmm *v)
{
	struct passthrough *d = &v->device;

	must(v, "page tables", vfio_hwpt_create(d->iommufd, d->id, d->ioas, &d->hwpt));
	phase(v, "switch");
	must(v, "attaching the device", lu_device_attach(d->fd, d->hwpt));
	phase(v, "after");
}

static void master_on(struct vmm *v)
{
	struct passthrough *d = &v->device;
	uint16_t command;

	must(v, "configuration", vfio_config_read(d->fd, PCI_COMMAND, &command, sizeof(command)));
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	must(v, "configuration", vfio_config_write(d->fd, PCI_COMMAND, &command, sizeof(command)));
}

static void interrupts_on(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r = vfio_irqs(d->fd, VFIO_PCI_MSIX_IRQ_INDEX, d->events, DEVICE_VECTORS);

	if (r == -EBUSY)
		return;
	must(v, "interrupts on", r);
	d->interrupts = true;
	d->driver->interrupts(&d->io, true);
}

static void interrupts_off(struct vmm *v)
{
	struct passthrough *d = &v->device;

	d->driver->interrupts(&d->io, false);
	must(v, "interrupts off", vfio_irqs(d->fd, VFIO_PCI_MSIX_IRQ_INDEX, NULL, 0));
	d->interrupts = false;
}

/* --- while the guest runs ------------------------------------------------------------------- */

void passthrough_tell(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (!d->bdf || !d->io.ram)
		return;
	d->tell_at_usec = now_usec() + TELL_USEC;
	say(v, "device %" PRIu64 " %s, %" PRIu64 " missing or wrong", device_log(&d->io)->done,
	    d->driver->work, device_log(&d->io)->faults);
}

void passthrough_serve(struct vmm *v)
{
	struct passthrough *d = &v->device;
	uint64_t count;

	if (!d->bdf || !d->served)
		return;
	if (!d->interrupts)
		interrupts_on(v);
	else if (read(d->events[0], &count, sizeof(count)) < 0)
		return; /* it has not raised one */
	else
		d->driver->interrupts(&d->io, true);
	d->driver->serve(&d->io);
	if (now_usec() >= d->tell_at_usec)
		passthrough_tell(v);
}

void passthrough_create(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (!d->bdf)
		return;
	phase(v, "setup");
	must(v, d->bdf, vfio_open(d->bdf, &d->fd));
	d->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (d->iommufd < 0)
		die(v, "/dev/iommu", -errno);
	bind(v);
	must(v, "mapping the memory",
	     vfio_ioas_map(d->iommufd, d->ioas, v->guest.fd, v->guest.total, GUEST_IOVA));
	must(v, "page tables", vfio_hwpt_create(d->iommufd, d->id, d->ioas, &d->hwpt));
	must(v, "attaching the device", lu_device_attach(d->fd, d->hwpt));
	map_registers(v);
	write_note(v);
	master_on(v);
	must(v, "starting the device", d->driver->start(&d->io, true));
	d->served = true;
	interrupts_on(v);
	phase(v, "before");
	say(v, "device %s works and reaches 0x%" PRIx64 " 0x%" PRIx64, d->bdf, d->io.iova,
	    d->io.iova + DEVICE_MEMORY);
}

/* --- an update ------------------------------------------------------------------------------ */

void passthrough_let_go(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (d->interrupts && !v->keep_interrupts)
		interrupts_off(v);
	v->keep_interrupts = false;
	if (d->served)
		d->driver->serve(&d->io);
	d->served = false;
	passthrough_tell(v);
}

void passthrough_release(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (d->fd < 0)
		return;
	passthrough_let_go(v);
	must(v, "resetting the device", d->driver->reset(&d->io));
	must(v, "unmapping the registers", munmap((void *)d->io.bar, d->bar_size) ? -errno : 0);
	for (size_t i = 0; i < DEVICE_VECTORS; i++)
		close(d->events[i]);
	close(d->fd);
	close(d->iommufd);
	d->fd = d->iommufd = -EBADF;
	d->io = (struct device_io){ 0 };
	say(v, "released %s", d->bdf);
}

struct lu_hwpt passthrough_tables(const struct vmm *v)
{
	return (struct lu_hwpt){ .id = v->device.hwpt, .token = HWPT_TOKEN };
}

struct lu_buffer passthrough_rings(const struct vmm *v)
{
	return (struct lu_buffer){
		.ioas_id = v->device.ioas,
		.iova = v->device.io.iova + RING_OFFSET,
		.length = BUF_OFFSET - RING_OFFSET,
		.token = RINGS_TOKEN,
	};
}

void passthrough_called_off(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (!d->bdf)
		return;
	if (d->fd < 0) {
		passthrough_create(v);
		return;
	}
	if (d->preserved)
		phase(v, "called off");
	d->preserved = false;
	d->served = true;
}

/* For liblu, which asks by token. */
static int memory_of(uint64_t token, void *userdata)
{
	const struct vmm *v = userdata;

	return token == v->ram_token ? v->guest.fd : -ENOENT;
}

/* What the kernel says was mapped is mapped again. */
static void map_again(struct vmm *v)
{
	struct passthrough *d = &v->device;
	struct lu_area *areas;
	size_t n;

	must(v, "the areas", lu_iommufd_areas(d->iommufd, &areas, &n));
	must(v, "mapping the memory",
	     lu_ioas_map_areas(d->iommufd, d->ioas, HWPT_TOKEN, areas, n, memory_of, v));
	free(areas);
}

void passthrough_switch(struct vmm *v)
{
	bind(v);
	map_again(v);
	attach(v);
}

bool passthrough_parked(struct vmm *v)
{
	char boot_id[BOOT_ID_SIZE];

	read_boot_id(v, boot_id);
	return memcmp(boot_id, note_of(v)->boot_id, sizeof(boot_id)) != 0;
}

void passthrough_take_over(struct vmm *v)
{
	v->device.ioas = note_of(v)->ioas;
	v->device.hwpt = note_of(v)->hwpt;
}

void passthrough_ready(struct vmm *v)
{
	map_registers(v);
	write_note(v);
}

void passthrough_resume(struct vmm *v)
{
	struct passthrough *d = &v->device;
	uint64_t before, now;
	uint32_t given;

	if (!d->bdf || d->served)
		return;
	before = device_log(&d->io)->done;
	given = device_log(&d->io)->given;
	d->served = true;
	interrupts_on(v);
	d->driver->serve(&d->io);
	now = device_log(&d->io)->done;
	say(v, "meanwhile %" PRIu64 " %s", now - before, d->driver->work);
	if (given > now)
		say(v, "device was given %" PRIu32 " %s before, %" PRIu64 " are under way", given,
		    d->driver->work, given - now);
	passthrough_tell(v);
}

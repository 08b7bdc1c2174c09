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
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm.h"

#define IOMMUFD_LABEL "iommufd0"
#define DEVICE_LABEL  "device0"

/* There is memory at this physical address: what is written without translation hits it. */
#define GUEST_IOVA UINT64_C(0x10000000)
/* MSI-X cannot be switched on as long as the kernel has not let go of the device. */
#define RETRY_USEC 20000
#define TELL_USEC  1000000

static void must(struct vmm *v, const char *what, int r)
{
	if (r < 0)
		die(v, what, r);
}

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
	size_t size;

	must(v, "mapping the registers", vfio_map_bar(d->fd, &d->io.bar, &size));
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
	master_on(v);
	must(v, "starting the device", d->driver->start(&d->io, true));
	d->served = true;
	interrupts_on(v);
	phase(v, "before");
	say(v, "device %s works", d->bdf);
}

/* --- an update ------------------------------------------------------------------------------ */

/* From now on nobody drives it. */
static void let_go(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (d->interrupts)
		interrupts_off(v);
	if (d->served)
		d->driver->serve(&d->io);
	d->served = false;
	passthrough_tell(v);
}

/* Once for these page tables: a mark survives an update that was called off. */
static int mark(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r;

	if (d->marked)
		return 0;
	r = lu_hwpt_mark(d->iommufd, d->hwpt, HWPT_TOKEN);
	if (r >= 0)
		r = lu_ioas_preserve(d->iommufd, d->ioas, d->io.iova + RING_OFFSET,
				     BUF_OFFSET - RING_OFFSET, RINGS_TOKEN);
	d->marked = r >= 0;
	return r;
}

static bool refused(struct vmm *v, const char *what, const char *why)
{
	char reason[256];

	snprintf(reason, sizeof(reason), "%s: %s", what, why);
	if (took(v, "veto", lu_session_veto(v->session, reason)))
		say(v, "vetoed %s", reason);
	return false;
}

static int preserve(struct vmm *v)
{
	const struct lu_preserve items[] = {
		{ .label = IOMMUFD_LABEL, .token = IOMMUFD_TOKEN, .fd = v->device.iommufd },
		{ .label = DEVICE_LABEL, .token = DEVICE_TOKEN, .fd = v->device.fd },
	};
	int r = lu_session_preserve_all(v->session, items, 2);

	/* Preserved before, but not declared: luod was not in a state to take it. */
	if (r == -EEXIST)
		r = lu_session_declare(v->session, IOMMUFD_LABEL, "iommufd", IOMMUFD_TOKEN, 0);
	else
		return r;
	return r < 0 ? r : lu_session_declare(v->session, DEVICE_LABEL, "device", DEVICE_TOKEN, 0);
}

bool passthrough_hand_over(struct vmm *v)
{
	struct passthrough *d = &v->device;
	int r;

	if (!d->bdf || d->preserved)
		return true;
	let_go(v);
	r = mark(v);
	if (r < 0)
		return refused(v, "marking the page tables", strerror(-r));
	r = preserve(v);
	if (r == -ESTALE || r == -ENOTCONN)
		return false; /* called off, which an event says, or to be tried again */
	if (r < 0)
		return refused(v, d->bdf, lu_error_text(v->lu));
	d->preserved = true;
	say(v, "handed over %s", d->bdf);
	phase(v, "jump");
	return true;
}

void passthrough_called_off(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (!d->bdf || d->fd < 0)
		return;
	if (d->preserved)
		phase(v, "called off");
	d->preserved = false;
	d->served = true;
}

/* For liblu, which asks by token. */
static int memory_of(uint64_t token, void *userdata)
{
	const struct vmm *v = userdata;

	return token == RAM_TOKEN ? v->guest.fd : -ENOENT;
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

void passthrough_take_back(struct vmm *v)
{
	struct passthrough *d = &v->device;

	if (!d->bdf || d->fd >= 0)
		return;
	phase(v, "parked");
	must(v, "retrieving the iommufd",
	     lu_session_retrieve(v->session, IOMMUFD_TOKEN, &d->iommufd));
	must(v, "retrieving the device", lu_session_retrieve(v->session, DEVICE_TOKEN, &d->fd));
	if (v->parked_usec)
		usleep((useconds_t)v->parked_usec);
	bind(v);
	map_again(v);
	attach(v);
	map_registers(v);
	say(v, "taken back %s", d->bdf);
}

void passthrough_resume(struct vmm *v)
{
	struct passthrough *d = &v->device;
	uint64_t before;

	if (!d->bdf || d->served)
		return;
	before = device_log(&d->io)->done;
	d->served = true;
	interrupts_on(v);
	d->driver->serve(&d->io);
	say(v, "meanwhile %" PRIu64 " %s", device_log(&d->io)->done - before, d->driver->work);
	passthrough_tell(v);
}

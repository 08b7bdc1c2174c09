// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSI-X: on before the jump, off for it, on afterwards. What happened in between
 * is still pending in the device, and is delivered when it may interrupt again.
 * The event is a change of the link, which nothing but this program makes.
 */

#include "../device/e1000e.h"
#include "dma.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	VECTOR_RX,
	VECTOR_OTHER,
	VECTORS
};

static void msix_on(struct dma *d, int events[VECTORS])
{
	for (int i = 0; i < VECTORS; i++) {
		events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		must("eventfd", events[i]);
	}
	expect("MSI-X on", cdev_irqs(d, VFIO_PCI_MSIX_IRQ_INDEX, events, VECTORS), 0);
	d->io.bar[E1000E_IVAR / 4] = E1000E_VECTORS;
}

/* How often has it fired? 0 after a second without */
static uint64_t fired(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };
	uint64_t count = 0;

	if (poll(&poll_event, 1, 1000) == 1 && read(event, &count, sizeof count) < 0)
		fail("eventfd: %s", strerror(errno));
	return count;
}

/* Frames go on coming, so interrupts do when causes are taken back */
static void rx_interrupts(struct dma *d, int event, const char *what)
{
	for (int i = 0; i < 20; i++) {
		d->io.bar[E1000E_ICR / 4] = E1000E_RXQ0;
		d->io.bar[E1000E_IMS / 4] = E1000E_RXQ0;
		if (!fired(event))
			fail("%s: no interrupt of the queue", what);
	}
	ok("%s: 20 interrupts of the queue", what);
}

void msix_old(struct dma *d)
{
	int events[VECTORS];

	device_up(d);
	msix_on(d, events);
	rx_interrupts(d, events[VECTOR_RX], "before");
	d->io.bar[E1000E_IMS / 4] = E1000E_OTHER;
	d->io.bar[E1000E_ICS / 4] = E1000E_LSC;
	if (!fired(events[VECTOR_OTHER]))
		fail("before: no interrupt of the link");
	ok("before: an interrupt of the link");

	d->io.bar[E1000E_IMC / 4] = ~0u;
	(void)d->io.bar[E1000E_ICR / 4];
	d->io.bar[E1000E_ICR / 4] = ~0u;
	preserve_all(d);
	expect("MSI-X off", cdev_irq(d, VFIO_PCI_MSIX_IRQ_INDEX, -1), 0);
	expect("MSI-X on again", cdev_irqs(d, VFIO_PCI_MSIX_IRQ_INDEX, events, VECTORS), EBUSY);
	device_wait(d, 50, "preserved");
	d->io.bar[E1000E_ICS / 4] = E1000E_LSC;
	kexec_into_next();
}

void msix_new(struct dma *d)
{
	int events[VECTORS];

	retrieve_all(d);
	device_wait(d, 50, "parked");
	reattach(d);
	device_wait(d, 50, "attached");
	must("bar", cdev_map_bar(d));
	expect("finish", session_finish(d->session), 0);
	msix_on(d, events);
	if (fired(events[VECTOR_OTHER]))
		fail("an interrupt that is masked in the device");
	ok("no interrupt as long as the device masks it");
	d->io.bar[E1000E_IMS / 4] = E1000E_OTHER;
	if (!fired(events[VECTOR_OTHER]))
		fail("the event in between is lost");
	ok("the event that happened in between is delivered");
	rx_interrupts(d, events[VECTOR_RX], "after");
	expect("MSI-X off", cdev_irq(d, VFIO_PCI_MSIX_IRQ_INDEX, -1), 0);
	device_wait(d, 50, "interrupts off");
}

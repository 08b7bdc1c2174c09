/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inventory - the PCI devices of this host that userspace can drive: those bound to vfio-pci, those
 * of its variants, which have a node of VFIO too, and those of pci-dmamem. Found through libudev, and followed by its
 * events as they come and go and as drivers are bound and unbound; nothing is polled.
 *
 * An event says only that something has happened to a device, which is then read anew; so several
 * events are as good as one, and when the kernel had to drop some, everything is read anew. The work
 * is done in small portions while the loop is idle: a host may have thousands of functions, and after
 * a jump guests wait for luod. What has no event (power, interrupts) is as it was when somebody
 * last called inventory_refresh(). For want of fds or memory nothing is taken for gone: what is known
 * stays, and all is read anew a second later, and again until it can be.
 *
 * Owns the devices, LIMIT_DEVICES at most, in the order of their addresses. Knows nothing of D-Bus;
 * whoever wants to know is called.
 */
#ifndef LUOD_INVENTORY_H
#define LUOD_INVENTORY_H

#include <systemd/sd-event.h>

#include "device.h"
#include "limits.h"

struct udev;
struct udev_enumerate;
struct udev_list_entry;
struct udev_monitor;

/* Called with a device that is in the inventory, in @removed for the last time. */
struct inventory_calls {
	void (*added)(struct device *d, void *userdata);
	void (*changed)(struct device *d, const struct device_facts *before, void *userdata);
	void (*removed)(struct device *d, void *userdata);
};

struct inventory {
	const char *root; /* "", or what goes before /sys */
	const struct inventory_calls *calls;
	void *userdata;

	struct device *devices[LIMIT_DEVICES];
	size_t n, limit; /* LIMIT_DEVICES; a test has fewer */
	bool full;	 /* there are more */

	struct udev *udev;
	struct udev_monitor *monitor;
	sd_event_source *source, *work;
	sd_event_source *again;
	bool incomplete; /* not all could be looked at, for want of fds or memory: tried again */
	bool complained; /* of that */

	/* What is still to be read: addresses, in order, and the rest of an enumeration. */
	char (*pending)[DEVICE_ADDRESS_SIZE];
	size_t n_pending;
	struct udev_enumerate *enumeration;
	struct udev_list_entry *next;

	/* How much was done, for tests. */
	unsigned int n_read, n_enumerated, n_events;
};

/* @root and @calls must outlive it. Nothing is looked at yet. */
void inventory_init(struct inventory *i, const char *root, const struct inventory_calls *calls,
		    void *userdata);

/*
 * Begins to follow, and then to look at what there is. A host on which udev's events cannot be had
 * is no error of this call: *ret_blind says why (0: they can), and devices are found by
 * inventory_refresh() alone.
 */
int inventory_start(struct inventory *i, sd_event *event, int *ret_blind);

/* Frees everything, without calling anybody. */
void inventory_clear(struct inventory *i);

/* Does at once what is left to do: afterwards the inventory is what the host has. */
void inventory_settle(struct inventory *i);

/* As inventory_settle(), with every device read anew. */
void inventory_refresh(struct inventory *i);

/* Where in the array of devices it is, or NULL. */
struct device **inventory_find(struct inventory *i, const char *address);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-host - PCI devices that do not exist, for luod and libudev: a sysfs in a folder, and udev's
 * events, by umockdev, whose library has to be loaded before the program (fake_host_preload()).
 *
 * The folder is laid out as the kernel does it, as far as luod looks: /sys/bus/pci, IOMMU groups, the
 * nodes of VFIO. Everything is made and changed without an event; fake_host_event() sends one.
 */
#ifndef LUOD_FAKE_HOST_H
#define LUOD_FAKE_HOST_H

#include <stddef.h>

struct fake_host;

struct fake_device {
	const char *address;
	const char *driver; /* NULL: none */
	int group;	    /* negative: none */
	int node;	    /* N of vfioN; negative: none */
	const char *physfn; /* NULL: no VF */
	const char *iommu;  /* NULL: dmar0 */
	const char *class;  /* NULL: a network controller */
};

/* Starts the program anew with umockdev's library in front of all others, unless it is there. */
void fake_host_preload(char **argv);

struct fake_host *fake_host_new(void);
void fake_host_free(struct fake_host *h);

/* What stands for "/". */
const char *fake_host_root(const struct fake_host *h);

void fake_host_add(struct fake_host *h, const struct fake_device *d);
/* Takes it away with its node, its place in its group, and all. */
void fake_host_remove(struct fake_host *h, const char *address);
void fake_host_bind(struct fake_host *h, const char *address, const char *driver, int node);
void fake_host_unbind(struct fake_host *h, const char *address);

/* Writes one attribute of a device, of @size bytes. */
void fake_host_write(struct fake_host *h, const char *address, const char *attribute,
		     const void *data, size_t size);
void fake_host_set(struct fake_host *h, const char *address, const char *attribute,
		   const char *text);
/* @n virtual functions, as links that lead nowhere. */
void fake_host_functions(struct fake_host *h, const char *address, int n);
/* Writes a file, or makes a link, anywhere below the root; folders are made. */
void fake_host_put(struct fake_host *h, const char *path, const char *text);
void fake_host_link(struct fake_host *h, const char *path, const char *target);

/* "add", "remove", "bind", "unbind", "change", as udev announces it. */
void fake_host_event(struct fake_host *h, const char *address, const char *action);
/* The same of the node of a device. */
void fake_host_node_event(struct fake_host *h, const char *address, int node, const char *action);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device - the plain facts of one PCI device that userspace can drive: what sysfs says of it.
 *
 * struct device_facts is plain data of a fixed size, copied by assignment; what sysfs does not say
 * is "" or 0, and what is longer than a field is cut. Nothing here wakes a device up, and nothing
 * judges (preflight-device.c) or follows (inventory.c) it.
 */
#ifndef LUOD_DEVICE_H
#define LUOD_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "answer.h"
#include "limits.h"
#include "util.h"

struct manager;

#define DEVICE_ADDRESS_SIZE 20 /* "0000:00:03.0"; a domain of more than four digits is possible */

struct device_facts {
	char address[DEVICE_ADDRESS_SIZE];
	char driver[64];		      /* "vfio-pci", or a variant of it; "pci-dmamem" */
	char node[64];			      /* "/dev/vfio/devices/vfio0" */
	char vendor[8], product[8], class[8]; /* hexadecimal, without 0x */

	char iommu_group[16]; /* its number */
	unsigned int group_size;
	bool firmware_memory;  /* the group has addresses that firmware wants mapped (RMRR) */
	char iommu[32];	       /* "dmar0" */
	char iommu_domain[16]; /* of the group, while the kernel's own drivers have it: "identity" */
	int numa_node;	       /* -1: none */

	char physical_function[DEVICE_ADDRESS_SIZE]; /* of a VF */
	unsigned int virtual_functions;		     /* that a PF has now */

	char power_state[16]; /* "D0", "D3hot", "unknown" */
	char interrupts[8];   /* "msi", "msix", "none" */
	enum answer ats, pri; /* on, as its configuration space says; unknown while it sleeps */

	dev_t node_number;	 /* of its own node; 0: it has none */
	dev_t group_node_number; /* of /dev/vfio/GROUP, the older interface */
};

struct device {
	struct manager *manager;
	char *path; /* D-Bus object path */
	struct device_facts facts;

	/* Who had it open when somebody looked last: units, or "process PID (comm)". */
	char *users[LIMIT_DEVICE_USERS];
	unsigned int n_users;
	bool group_open; /* through the older interface */
	char *session;	 /* "<uid>/<name>" of the session that covers it, or NULL */
};

/* Has pci-dmamem it, whose buffers are what is handed over? Otherwise it is VFIO's. */
bool device_has_dma_memory(const struct device_facts *f);

bool device_facts_equal(const struct device_facts *a, const struct device_facts *b);

/*
 * Reads the facts of the PCI device @address below @root ("": the real /sys). -ENODEV when there is
 * no such device, or neither VFIO nor pci-dmamem drives it; -EINVAL when that is no address; another
 * error when nothing can be said of it: -EMFILE, -ENFILE, -ENOMEM are luod's own wants.
 */
int device_read(const char *root, const char *address, struct device_facts *ret);

/* The number of the IOMMU group of any PCI device, "" for none. -ENODEV when there is no such device. */
int device_read_group(const char *root, const char *address, char ret[static 16]);

/* A device without facts but its address, which must be valid. */
int device_new(const char *address, struct device **ret);
struct device *device_free(struct device *d);
DEFINE_CLEANUP(struct device *, device_free)

/* Replaces who has it open by copies; true when that is a change. What is too much is left out. */
bool device_set_users(struct device *d, const char *const *users, unsigned int n, bool group_open);

#endif

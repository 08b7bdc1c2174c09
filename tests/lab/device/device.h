/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices of the lab, as their drivers see them: registers, and memory that they reach. The
 * programs of the lab that hand a device over (dma, vmm) have these drivers in common; how the
 * device got there, and what becomes of it, is theirs.
 *
 * The memory is laid out in the same way for all devices, so that what crosses a live update is in it
 * and nowhere else: a page for the program, a page for the driver, rings, buffers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_MEMORY (80UL << 20)

/* The first page is the program's, the second one the driver's */
#define LOG_OFFSET  4096UL
#define RING_OFFSET (1UL << 20) /* descriptors, 16 bytes each */
#define RING_COUNT  32768U
#define RING_SIZE   (RING_COUNT * 16UL)
#define BUF_OFFSET  (4UL << 20)
#define BUF_SIZE    2048UL

struct device_io {
	volatile uint32_t *bar;
	char *ram;     /* DEVICE_MEMORY bytes */
	uint64_t iova; /* where the device has them */
};

/* What a driver that serves its device has seen so far, in the memory itself */
struct device_log {
	uint64_t done;	 /* frames or reads */
	uint64_t faults; /* of them: missing, or with other data than they should have */
	uint32_t next;	 /* number of the next one: it stands in the frame, or is the read's */
	uint32_t given;	 /* reads: how many the device was given */
};

#define DEVICE_VECTORS 2 /* of MSI-X; work that is done raises the first */

typedef void (*device_say_fn)(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Either a device gets work once, and is only looked at: count, faults. Or it is served for as
 * long as the program lives, and before and after a live update: serve. All of it through io;
 * an int is 0 or a negative errno. */
struct device_driver {
	const char *work; /* what it counts */
	int (*start)(struct device_io *io, bool interrupts);
	/* What it has written to memory, and how much of that is wrong; @say, if any, tells what */
	unsigned int (*count)(struct device_io *io);
	unsigned int (*faults)(struct device_io *io, device_say_fn say);
	int (*reset)(struct device_io *io); /* by its registers */
	/* Takes what it has done, and gives it as much to do; how many that were */
	unsigned int (*serve)(struct device_io *io);
	/* May it raise interrupts? Those of MSI-X are switched on and off by vfio */
	void (*interrupts)(struct device_io *io, bool on);
};

extern const struct device_driver e1000e_driver, nvme_driver;

static inline struct device_log *device_log(struct device_io *io)
{
	return (struct device_log *)(io->ram + LOG_OFFSET);
}

/* By its PCI class; NULL if there is no such device, with errno */
const struct device_driver *device_driver_of(const char *bdf);

/* vfio.c: one function for each step; 0, or a negative errno */
int vfio_open(const char *bdf, int *ret_device);
int vfio_map_bar(int device, volatile uint32_t **ret_bar, size_t *ret_size);
int vfio_config_read(int device, unsigned int offset, void *value, size_t size);
int vfio_config_write(int device, unsigned int offset, const void *value, size_t size);
/* Enable the first interrupts of an index, or with a count of 0 disable all of it */
int vfio_irqs(int device, unsigned int index, const int *eventfds, unsigned int count);
int vfio_ioas_create(int iommufd, uint32_t *ret_ioas);
/* All of the memory, from its start */
int vfio_ioas_map(int iommufd, uint32_t ioas, int memory, uint64_t length, uint64_t iova);
int vfio_hwpt_create(int iommufd, uint32_t device_id, uint32_t ioas, uint32_t *ret_hwpt);

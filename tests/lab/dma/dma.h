/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest of the DMA cases: a static init that drives /dev/liveupdate, iommufd,
 * vfio and a device by nothing but their ioctls and registers.
 *
 * One program runs in all kernels: the command line tells the case, and which
 * boot it is. What the boots have to tell each other is in the first page of the
 * memfd that is the device's memory. Every check is a line of TAP; the phases of
 * the device's life are told to the host, which looks at its traces (proof.py).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/iommufd.h>
#include <linux/liveupdate.h>
#include <linux/vfio.h>

#include "../device/device.h"

#define MEM_SIZE DEVICE_MEMORY
/* There is memory at this physical address: what is written without translation hits it */
#define MEM_IOVA 0x10000000ULL

#define SESSION	      "dma"
#define TOKEN_MEM     0x11ULL
#define TOKEN_IOMMUFD 0x22ULL
#define TOKEN_DEV     0x33ULL
#define TOKEN_HWPT    0x44ULL
#define TOKEN_BUFFER  0x55ULL
#define BUFFER_SIZE   0x10000ULL /* declared as a DMA buffer, at RING_OFFSET */

#define CONFIG_SIZE 256

/* The first page of the memory */
struct dma_note {
	uint64_t tsc;			    /* just before the jump */
	uint32_t head;			    /* what the device had written then */
	uint16_t command;		    /* of the device then */
	uint32_t hammered, hammered_before; /* calls, in all and before the jump: gates.c */
	uint8_t config[CONFIG_SIZE], bridge[CONFIG_SIZE];
};

/* Everything a stage holds. Fds are -1 when closed. */
struct dma {
	const char *bdf;
	const struct device_driver *device;
	int luo, session, mem, iommufd, dev;
	uint32_t devid, ioas, hwpt;
	struct device_io io;
	size_t bar_size;
};

/* guest.c: being init, checks. The first one that fails ends the case. */
#define NEXT_IMAGE "/next/bzImage"

bool guest_arg(const char *key, char *ret_value, size_t size);
void guest_write(const char *path, const char *value);
void phase(const char *name);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ok(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void done(void) __attribute__((noreturn));
void reboot_now(void) __attribute__((noreturn));
/* The result of a system call, and what it should be: 0, or an errno as positive number */
void expect(const char *what, int result, int want_errno);
void must(const char *what, int result);
void sleep_ms(unsigned int ms);
int kexec_load(const char *image);
int kexec_load_fd(int kernel, const char *more);
int kexec_try(void);
/* All that comes before the jump: the phase, and whether anything has leaked so far */
void kexec_ready(void);
void kexec_now(void) __attribute__((noreturn));
void kexec_into_next(void) __attribute__((noreturn));
uint64_t tsc(void);

/* handover.c: sessions, iommufd, vfio; all return 0 or -1 with errno */
void dma_init(struct dma *d, const char *bdf);
int luo_open(struct dma *d);
int session_create(struct dma *d, const char *name);
int session_retrieve(struct dma *d, const char *name);
int session_preserve(int session, int fd, uint64_t token);
int session_unpreserve(int session, uint64_t token);
int session_retrieve_fd(int session, uint64_t token);
int session_finish(int session);
int memory_create(struct dma *d, unsigned int seals);
int memory_map(struct dma *d);
int cdev_bind_driver(const char *bdf);
int cdev_open(const char *bdf);
int cdev_bind(struct dma *d);
int cdev_bind_unanswered(struct dma *d);
int cdev_attach(struct dma *d);
int cdev_detach(struct dma *d);
int cdev_map_bar(struct dma *d);
int cdev_config_read(struct dma *d, unsigned int offset, void *value, size_t size);
int cdev_config_write(struct dma *d, unsigned int offset, const void *value, size_t size);
/* Where a capability is, which the device has */
unsigned int cdev_capability(struct dma *d, uint8_t id);
int cdev_irqs(struct dma *d, unsigned int index, const int *eventfds, unsigned int count);
int cdev_irq(struct dma *d, unsigned int index, int eventfd);
/* As liblu tells: whether the kernel can preserve one; how many areas it had before the jump */
int iommufd_can_preserve(void);
int iommufd_areas(struct dma *d);
int ioas_create(struct dma *d);
int ioas_map_mem(struct dma *d);
int ioas_unmap(struct dma *d, uint64_t iova, uint64_t length);
int hwpt_create(struct dma *d);
int hwpt_mark(struct dma *d, uint32_t hwpt, uint64_t token, uint32_t flags);
int ioas_buffer(struct dma *d, uint64_t iova, uint64_t length, uint64_t token, uint32_t flags);
/* The whole of it: driver, memory, iommufd, device attached and preserved */
void device_up(struct dma *d);
/* The configuration of the device, and of a bridge above it, is as before the jump */
void config_check(struct dma *d, const char *when);
int sysfs_write(struct dma *d, const char *name, const char *value);
/* Is there a port or bridge above the device? */
bool has_bridge(struct dma *d);
/* COMMAND of the device, without a file of vfio */
uint16_t config_command(struct dma *d);
void preserve_all(struct dma *d);
void retrieve_all(struct dma *d);
void reattach(struct dma *d);

/* The device: by its driver, which stands in the lab's folder device */
unsigned int device_count(struct dma *d);
unsigned int device_faults(struct dma *d);
void device_reset(struct dma *d);
/* Fails unless the device writes that much more */
void device_wait(struct dma *d, unsigned int more, const char *what);

/* leaks.c */
/* Fails if this kernel has kmemleak, and it finds anything */
void kmemleak_check(void);
/* Pages that were allocated by a function, or by what it called. Needs page_owner=on */
unsigned long pages_of(const char *function);
unsigned long free_memory_kib(void);

/* refuse.c, devices.c, gates.c, abort.c, faults.c */
void refuse(struct dma *d);
/* In a session of its own preserve all, each with an errno or 0; with -1 the device is left out */
void try_preserve(struct dma *d, const char *what, int mem, int iommufd, int dev);
void refuse_devices(struct dma *d);
void gates_old(struct dma *d);
void gates_new(struct dma *d);
void abort_old(struct dma *d);
void reboot_old(struct dma *d);
void baseline_old(struct dma *d);
void unbind_old(struct dma *d);
void unbind_new(struct dma *d);
void quiet_old(struct dma *d);
void quiet_new(struct dma *d);
void faults_old(struct dma *d);
void faults_new(struct dma *d);

/* A call, and what takes it back; of what is in d */
struct faulty {
	const char *what;
	int (*call)(struct dma *d);
	int (*undo)(struct dma *d);
};
void faults_on(void);
/* With the nth allocation failing: whether it was reached; result and errno are the call's */
bool call_faulty(struct dma *d, const struct faulty *f, unsigned int nth, int *ret_result);
/* Fail each allocation of a call, which is done in the end */
void fail_each(struct dma *d, const struct faulty *f);
/* The pages that KHO has allocated; fails if there are others now */
unsigned long kho_pages(void);
void same_pages(const char *what, unsigned long before);
/* What it makes the kernel say does not count, but for a real complaint */
void quietly(struct dma *d, void (*call)(struct dma *d));

/* control.c */
void control_old(struct dma *d);

/* seal.c, native.c, msix.c, nvme.c, safety.c, fallback.c */
void seal_old(struct dma *d);
void seal_new(struct dma *d);
void native_old(struct dma *d);
void native_new(struct dma *d);
void msix_old(struct dma *d);
void msix_new(struct dma *d);
void nvme_old(struct dma *d);
void nvme_new(struct dma *d);
void safety_old(struct dma *d);
void safety_new(struct dma *d);
void death_new(struct dma *d);
void targets_old(struct dma *d);
void orphan_new(struct dma *d);
void fallback_new(struct dma *d);
/* e1000e's own driver cannot have it, also without an override */
void native_bind_refused(struct dma *d);
/* Is there a word in the kernel's log? */
bool logged(const char *word);
/* The same, and what follows */
bool logged_text(const char *word, char *ret_text, size_t size);
/* Fails unless it is there */
void said(const char *sentence);
/* Fails if the device still writes */
void stopped(struct dma *d, const char *what);

/* pattern.c: where the pages of a mapping are, all of which are mapped */
#define PAGE 4096UL

struct place {
	char *map;
	size_t size;
	uint64_t *frames; /* then */
};
struct place place_of(char *map, size_t size);
/* How many are elsewhere now, or were then between two page frames */
size_t place_moved(const struct place *place);
size_t place_inside(const struct place *place, uint64_t first, uint64_t end);
/* Fill free memory, and look whether anybody moved it or wrote to it */
void pattern_fill(void);
size_t pattern_moved(void);
void pattern_check(const char *when);
/* Free the memory of a device that is stopped, and take all that is free: nobody writes to it,
 * nor did before it was taken, which is seen with page_poison=1 */
void freed(struct dma *d);

/* pressure.c: what goes on around the device */
/* A native disk does I/O from now on, in the background; disk_blocks() counts it */
void disk_start(void);
unsigned int disk_blocks(void);
/* The same, if the case says that there is a disk */
void neighbours_start(void);
/* Most of the free memory is filled, held for seconds, and found as it was; so is the disk */
void pressure(unsigned int seconds);

/* cases.c */
#define CASE_BOOTS 3

struct dma_case {
	const char *name;
	void (*boots[CASE_BOOTS])(struct dma *d);
};
extern const struct dma_case dma_cases[];
/* edu-cases.c */
extern const struct dma_case edu_cases[];

void jump_new(struct dma *d);

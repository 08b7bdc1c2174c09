/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edu - the emulator's device for teaching (QEMU: docs/specs/edu.rst): it has 4 KiB of its own, and copies
 * between those and the machine's memory when it is told to, 100 ms later. Addresses are of 28 bits. Its
 * registers are mapped through sysfs, whichever driver has it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EDU_SIZE 4096U
#define EDU_BITS 28

struct edu {
	volatile uint8_t *bar; /* NULL: not mapped */
};

/* -ENXIO: it is no such device */
int edu_open(const char *bdf, struct edu *ret);
/* Copies all of its memory from, or to, a bus address; it must not be busy */
void edu_read(struct edu *edu, uint64_t address);
void edu_write(struct edu *edu, uint64_t address);
/* So much from an offset of its memory */
void edu_write_part(struct edu *edu, unsigned int offset, uint64_t address, unsigned int size);
bool edu_busy(struct edu *edu);

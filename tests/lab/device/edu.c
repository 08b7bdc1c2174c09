/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edu - see edu.h */
#include "edu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define BAR_SIZE      (1U << 20)
#define BUFFER	      0x40000
#define REG_ID	      0x00
#define REG_DMA_FROM  0x80
#define REG_DMA_TO    0x88
#define REG_DMA_COUNT 0x90
#define REG_DMA_GO    0x98
#define GO	      1U
#define GO_TO_MEMORY  2U
#define ID_MASK	      0xffff
#define ID	      0x00ed

static void set(struct edu *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(edu->bar + reg) = value;
}

static void go(struct edu *edu, uint64_t from, uint64_t to, unsigned int size, unsigned int how)
{
	set(edu, REG_DMA_FROM, from);
	set(edu, REG_DMA_TO, to);
	set(edu, REG_DMA_COUNT, size);
	set(edu, REG_DMA_GO, how);
}

void edu_read(struct edu *edu, uint64_t address)
{
	go(edu, address, BUFFER, EDU_SIZE, GO);
}

void edu_write(struct edu *edu, uint64_t address)
{
	edu_write_part(edu, 0, address, EDU_SIZE);
}

void edu_write_part(struct edu *edu, unsigned int offset, uint64_t address, unsigned int size)
{
	go(edu, BUFFER + offset, address, size, GO | GO_TO_MEMORY);
}

bool edu_busy(struct edu *edu)
{
	return *(volatile uint64_t *)(edu->bar + REG_DMA_GO) & GO;
}

int edu_open(const char *bdf, struct edu *ret)
{
	char path[80];
	void *bar;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (bar == MAP_FAILED)
		return -errno;
	ret->bar = bar;
	/* 0x010000ed: the upper part is its version */
	if ((*(volatile uint32_t *)(ret->bar + REG_ID) & ID_MASK) == ID)
		return 0;
	munmap(bar, BAR_SIZE);
	ret->bar = NULL;
	return -ENXIO;
}

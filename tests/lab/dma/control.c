// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything that must not happen to a device that is handed over, done to one on
 * purpose: a fault, a reset, another power state, bus mastering off, and as the last
 * thing translation off. The host must see each of them, or its "never" of the other cases says nothing.
 */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COMMAND	       4
#define COMMAND_MASTER 4
#define CAPABILITIES   0x34
#define CAP_POWER      1

/* What it writes to next is mapped no more */
static void fault(struct dma *d)
{
	expect("unmap the memory", ioas_unmap(d, MEM_IOVA, MEM_SIZE), 0);
	stopped(d, "unmapped");
}

static void master_off(struct dma *d)
{
	uint16_t command;

	must("config", cdev_config_read(d, COMMAND, &command, sizeof command));
	command &= ~COMMAND_MASTER;
	expect("bus mastering of the device",
	       cdev_config_write(d, COMMAND, &command, sizeof command), 0);
}

/* Of the bridge above the device, if there is one */
static void bridge_master_off(struct dma *d)
{
	uint16_t command;
	char path[128];
	int fd;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/../config", d->bdf);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	must(path, fd);
	if (pread(fd, &command, sizeof command, COMMAND) != sizeof command)
		fail("%s: %s", path, strerror(errno));
	command &= ~COMMAND_MASTER;
	expect("bus mastering of the bridge",
	       pwrite(fd, &command, sizeof command, COMMAND) == sizeof command ? 0 : -1, 0);
	close(fd);
}

/* To D3hot and back, by its power management capability */
static void power(struct dma *d)
{
	uint8_t at = 0, id = 0;
	uint16_t control;

	for (cdev_config_read(d, CAPABILITIES, &at, 1); at; cdev_config_read(d, at + 1, &at, 1)) {
		cdev_config_read(d, at, &id, 1);
		if (id == CAP_POWER)
			break;
	}
	if (!at)
		fail("the device has no power management");
	must("config", cdev_config_read(d, at + 4, &control, sizeof control));
	control |= 3;
	expect("D3hot", cdev_config_write(d, at + 4, &control, sizeof control), 0);
	sleep_ms(50);
	control &= ~3;
	expect("D0", cdev_config_write(d, at + 4, &control, sizeof control), 0);
	sleep_ms(50);
}

void control_old(struct dma *d)
{
	device_up(d);
	phase("control");
	fault(d);
	device_reset(d);
	ok("reset");
	power(d);
	master_off(d);
	bridge_master_off(d);
	reboot_now();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say - what is told: to people, to systemd, to the case, and to the lab's host. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "vmm.h"

/* As in guest/usr/lib/lab/lab.sh: the results channel, and a register whose writes are traced. */
#define RESULTS		    "/dev/ttyS1"
#define HOST_BRIDGE_CONFIG  "/sys/bus/pci/devices/0000:00:00.0/config"
#define HOST_BRIDGE_SCRATCH 0xdc

uint64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void say(struct vmm *v, const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	sd_notifyf(0, "STATUS=%.*s", n, line);
	line[n++] = '\n';
	fwrite(line, 1, (size_t)n, stdout);
	fflush(stdout);
	/* One write: a reader never sees half a line. */
	if (v->state_fd >= 0 && write(v->state_fd, line, (size_t)n) < 0)
		perror("lu-vmm: state file");
}

void die(struct vmm *v, const char *what, int error)
{
	const char *text = v->lu ? lu_error_text(v->lu) : "";

	say(v, "failed %s: %s%s%s", what, strerror(-error), *text ? ": " : "", text);
	exit(EXIT_FAILURE);
}

void must(struct vmm *v, const char *what, int r)
{
	if (r < 0)
		die(v, what, r);
}

bool took(struct vmm *v, const char *what, int r)
{
	if (r == -ESTALE || r == -EBUSY || r == -ENOTCONN)
		return false;
	/* What luod lacks now it may have later. */
	if (r == -EMFILE || r == -ENFILE) {
		v->again_at_usec = now_usec() + 1000000;
		return false;
	}
	if (r < 0)
		die(v, what, r);
	return true;
}

/* By name on one channel, and when by another: the host puts them together. */
void phase(struct vmm *v, const char *name)
{
	static uint32_t number;
	int results, bridge;

	if (!v->tell_phases)
		return;
	results = open(RESULTS, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	bridge = open(HOST_BRIDGE_CONFIG, O_WRONLY | O_CLOEXEC);
	number++;
	if (results < 0 || bridge < 0 || dprintf(results, "@ phase %s\n", name) < 0 ||
	    pwrite(bridge, &number, sizeof(number), HOST_BRIDGE_SCRATCH) != sizeof(number))
		die(v, "telling the phase", -errno);
	close(results);
	close(bridge);
}

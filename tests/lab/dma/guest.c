// SPDX-License-Identifier: GPL-2.0-or-later
/* Being init: mounts, arguments, checks, kexec. See dma.h. */

#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

char dma_cmdline[2048];

static void print(const char *prefix, const char *format, va_list args)
{
	char line[512];
	int n = snprintf(line, sizeof line, "DMA: %s", prefix);

	vsnprintf(line + n, sizeof line - n - 1, format, args);
	strcat(line, "\n");
	if (write(1, line, strlen(line)) < 0)
		_exit(1);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("", format, args);
	va_end(args);
}

static void off(void)
{
	sleep_ms(300);
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	_exit(1);
}

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("CASE FAILED: ", format, args);
	va_end(args);
	off();
	abort();
}

void done(void)
{
	say("CASE ok");
	off();
	abort();
}

void phase(const char *name)
{
	say("PHASE %s", name);
}

void expect(const char *what, int result, int want_errno)
{
	int got = result < 0 ? errno : 0;

	if (got != want_errno)
		fail("%s: %s (%d), wanted %s", what, got ? strerror(got) : "success", got,
		     want_errno ? strerror(want_errno) : "success");
	say("ok %s: %s", what, want_errno ? strerror(want_errno) : "success");
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

uint64_t tsc(void)
{
	return __builtin_ia32_rdtsc();
}

void guest_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		say("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

bool guest_arg(const char *key, char *ret_value, size_t size)
{
	size_t len = strlen(key), n;
	const char *p = dma_cmdline;
	bool found = false;

	/* The last one counts: the next kernel's are appended */
	while ((p = strstr(p, key))) {
		if ((p == dma_cmdline || p[-1] == ' ') && p[len] == '=') {
			n = strcspn(p + len + 1, " \n");
			if (n >= size)
				n = size - 1;
			memcpy(ret_value, p + len + 1, n);
			ret_value[n] = 0;
			found = true;
		}
		p += len;
	}
	return found;
}

void guest_setup(void)
{
	static const char *const mounts[][2] = {
		{ "/proc", "proc" },
		{ "/sys", "sysfs" },
		{ "/dev", "devtmpfs" },
	};
	ssize_t n;
	int fd;

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		mkdir(mounts[i][0], 0755);
		mount(mounts[i][1], mounts[i][0], mounts[i][1], 0, NULL);
	}
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mkdir("/share", 0755);
	mkdir("/tmp", 0755);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	n = read(fd, dma_cmdline, sizeof dma_cmdline - 1);
	dma_cmdline[n > 0 ? n : 0] = 0;
	dma_cmdline[strcspn(dma_cmdline, "\n")] = 0;
	close(fd);
	if (mount("share", "/share", "9p", 0, "trans=virtio,version=9p2000.L"))
		say("/share: %s", strerror(errno));
}

void kexec_load(const char *extra_arguments)
{
	int kernel = open("/share/next", O_RDONLY | O_CLOEXEC);
	int initrd = open("/share/initrd", O_RDONLY | O_CLOEXEC);
	char args[4096], more[512] = "";

	/* What the host wants the next kernel to be told, with ",," for a space */
	guest_arg("dma.next", more, sizeof more);
	for (char *p = more; (p = strstr(p, ",,")); p++)
		memcpy(p, " \t", 2);
	if (kernel < 0 || initrd < 0)
		fail("images: %s", strerror(errno));
	snprintf(args, sizeof args, "%s %s %s", dma_cmdline, more, extra_arguments);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(args) + 1, args, 0))
		fail("kexec_file_load: %s", strerror(errno));
	close(kernel);
	close(initrd);
}

/* Comes back only when the kernel refuses */
int kexec_try(void)
{
	return reboot(LINUX_REBOOT_CMD_KEXEC);
}

void kexec_into(const char *extra_arguments)
{
	kexec_load(extra_arguments);
	phase("jump");
	kexec_try();
	fail("kexec: %s", strerror(errno));
}

int main(void)
{
	const struct dma_case *c;
	char name[32] = "jump", stage[8] = "1", bdf[16] = "0000:00:05.0";
	struct dma d;

	guest_setup();
	guest_arg("dma.case", name, sizeof name);
	guest_arg("dma.stage", stage, sizeof stage);
	guest_arg("dma.bdf", bdf, sizeof bdf);
	for (c = dma_cases; c->name && strcmp(c->name, name); c++)
		;
	if (!c->name)
		fail("no case %s", name);
	say("case %s stage %s device %s", name, stage, bdf);
	dma_init(&d, bdf);
	if (luo_open(&d))
		fail("/dev/liveupdate: %s", strerror(errno));
	if (*stage == '1') {
		phase("setup");
		c->old(&d);
	} else if (*stage == '2') {
		phase("parked");
		c->new (&d);
	} else {
		phase("parked again");
		c->third(&d);
	}
	done();
}

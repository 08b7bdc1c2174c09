// SPDX-License-Identifier: GPL-2.0-or-later
/* Being init of every boot: mounts, arguments, results, phases, kexec. See dma.h. */

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
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Read-write, without a meaning, and its writes are in the host's trace */
#define HOST_BRIDGE_CONFIG  "/sys/bus/pci/devices/0000:00:00.0/config"
#define HOST_BRIDGE_SCRATCH 0xdc

static char cmdline[2048];
static unsigned int boot = 1;
static int results = -EBADF;

/* To the host, and to the console so that it stands between the kernel's messages */
static void print(const char *prefix, const char *format, va_list args)
{
	char line[512];
	int n = snprintf(line, sizeof line, "%s", prefix);

	vsnprintf(line + n, sizeof line - n - 1, format, args);
	n = strlen(line);
	line[n++] = '\n';
	line[n] = '\0';
	if (results >= 0 && write(results, line, strlen(line)) > 0)
		tcdrain(results);
	if (write(1, line, strlen(line)) < 0)
		_exit(1);
}

static void print_line(const char *prefix, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(prefix, format, args);
	va_end(args);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("# ", format, args);
	va_end(args);
}

void ok(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print("ok - ", format, args);
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
	print("not ok - ", format, args);
	va_end(args);
	off();
	abort();
}

static void end(void)
{
	phase("end");
	kmemleak_check();
	print_line("@ ", "done");
}

void done(void)
{
	end();
	off();
	abort();
}

/* Not into another kernel: for the host that is the end of the machine */
void reboot_now(void)
{
	end();
	reboot(LINUX_REBOOT_CMD_RESTART);
	abort();
}

/* Told by name on one channel, and when by another: proof.py puts them together */
void phase(const char *name)
{
	static unsigned int number;
	uint32_t value = ++number;
	int fd = open(HOST_BRIDGE_CONFIG, O_WRONLY | O_CLOEXEC);

	print_line("@ phase ", "%s", name);
	if (fd < 0 || pwrite(fd, &value, sizeof value, HOST_BRIDGE_SCRATCH) != sizeof value)
		fail("phase %s: %s", name, strerror(errno));
	close(fd);
}

void expect(const char *what, int result, int want_errno)
{
	int got = result < 0 ? errno : 0;

	if (got != want_errno)
		fail("%s: %s (%d), wanted %s", what, got ? strerror(got) : "success", got,
		     want_errno ? strerror(want_errno) : "success");
	ok("%s: %s", what, want_errno ? strerror(want_errno) : "success");
}

void must(const char *what, int result)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
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

/* The length of a word, of which a part may be quoted */
static size_t word_length(const char *p)
{
	bool quoted = false;
	size_t n;

	for (n = 0; p[n] && (quoted || p[n] != ' '); n++)
		quoted ^= p[n] == '"';
	return n;
}

bool guest_arg(const char *key, char *ret_value, size_t size)
{
	size_t len = strlen(key), n;
	bool found = false;

	/* The last one counts: the next kernel's are appended */
	for (const char *p = cmdline; *p; p += n + (p[n] == ' ')) {
		const char *value = p + len + 1;
		size_t length;

		n = word_length(p);
		if (n <= len || strncmp(p, key, len) != 0 || p[len] != '=')
			continue;
		length = n - len - 1;
		if (length > 1 && *value == '"') {
			value++;
			length -= 2;
		}
		if (length >= size)
			length = size - 1;
		memcpy(ret_value, value, length);
		ret_value[length] = 0;
		found = true;
	}
	return found;
}

static void setup(void)
{
	static const char *const mounts[][2] = {
		{ "/proc", "proc" },
		{ "/sys", "sysfs" },
		{ "/dev", "devtmpfs" },
		{ "/tmp", "tmpfs" },
	};
	struct utsname name;
	struct timespec now;
	struct termios tio;
	char number[8];
	ssize_t n;
	int fd;

	for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
		mkdir(mounts[i][0], 0755);
		mount(mounts[i][1], mounts[i][0], mounts[i][1], 0, NULL);
	}
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	fd = open("/dev/console", O_RDWR);
	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	results = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (results >= 0 && !tcgetattr(results, &tio)) {
		cfmakeraw(&tio);
		tcsetattr(results, TCSANOW, &tio);
	}
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	n = read(fd, cmdline, sizeof cmdline - 1);
	cmdline[n > 0 ? n : 0] = 0;
	cmdline[strcspn(cmdline, "\n")] = 0;
	close(fd);
	if (guest_arg("lab.boot", number, sizeof number))
		boot = strtoul(number, NULL, 10);
	uname(&name);
	clock_gettime(CLOCK_BOOTTIME, &now);
	print_line("@ boot ", "%u %s %.2f", boot, name.release,
		   (double)now.tv_sec + (double)now.tv_nsec / 1e9);
}

int kexec_load_fd(int kernel, const char *more)
{
	int initrd = open("/next/initrd", O_RDONLY | O_CLOEXEC), r, saved;
	char args[4096];

	snprintf(args, sizeof args, "%s %s lab.boot=%u", cmdline, more, boot + 1);
	r = syscall(SYS_kexec_file_load, kernel, initrd, strlen(args) + 1, args, 0);
	saved = errno;
	close(initrd);
	errno = saved;
	return r;
}

int kexec_load(const char *image)
{
	int kernel = open(image, O_RDONLY | O_CLOEXEC), r, saved;
	char more[512] = "";

	guest_arg("lab.next", more, sizeof more);
	r = kexec_load_fd(kernel, more);
	saved = errno;
	close(kernel);
	errno = saved;
	return r;
}

/* Comes back only when the kernel refuses */
int kexec_try(void)
{
	return reboot(LINUX_REBOOT_CMD_KEXEC);
}

void kexec_ready(void)
{
	kmemleak_check();
	phase("jump");
}

void kexec_now(void)
{
	kexec_ready();
	kexec_try();
	fail("kexec: %s", strerror(errno));
}

void kexec_into_next(void)
{
	must("load the next kernel", kexec_load(NEXT_IMAGE));
	kexec_now();
}

int main(void)
{
	char name[32] = "jump", device[16] = "", luo_errno[8] = "0";
	const struct dma_case *c;
	struct dma d;

	setup();
	guest_arg("dma.case", name, sizeof name);
	guest_arg("lab.device", device, sizeof device);
	for (c = strncmp(name, "edu", 3) ? dma_cases : edu_cases; c->name && strcmp(c->name, name);
	     c++)
		;
	if (!c->name || boot > CASE_BOOTS || !c->boots[boot - 1])
		fail("no case %s with a boot %u", name, boot);
	dma_init(&d, device);
	guest_arg("dma.luo_errno", luo_errno, sizeof luo_errno);
	expect("open /dev/liveupdate", luo_open(&d), atoi(luo_errno));
	neighbours_start();
	phase(boot == 1 ? "setup" : boot == 2 ? "parked" : "parked again");
	c->boots[boot - 1](&d);
	done();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The floor: the least that a live update can be, for others to be compared with.
 *
 * This program is the init of two kernels. The first initramfs holds the second
 * kernel and its initramfs below /next, the second one holds nothing, and that is
 * how it knows which of the two it is. In between: one session with one memfd of
 * one page, which carries the time of the jump.
 *
 * Two intervals, in cycles of the time stamp counter: from the call that jumps to
 * the first instruction of init in the next kernel, and to the session finished.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/liveupdate.h>
#include <linux/reboot.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define SESSION	     "floor"
#define TOKEN	     1
#define PAGE	     4096
#define MAGIC	     0x726f6f6c66ULL
#define CALIBRATE_NS 200000000ULL

struct page {
	uint64_t magic;
	uint64_t jumped; /* TSC just before the jump */
};

static int results = -EBADF;

/* One line to the host, gone out when this returns. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vdprintf(results, format, ap);
	va_end(ap);
	dprintf(results, "\n");
	tcdrain(results);
}

static void die(const char *what)
{
	say("not ok - %s: %s", what, strerror(errno));
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	_exit(EXIT_FAILURE);
}

static int check(int ret, const char *what)
{
	if (ret < 0)
		die(what);
	return ret;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static uint64_t tsc_khz(void)
{
	uint64_t begin = now_ns(), tsc = __rdtsc(), end;

	do
		end = now_ns();
	while (end - begin < CALIBRATE_NS);
	return (__rdtsc() - tsc) * 1000000ULL / (end - begin);
}

static void set_up(void)
{
	struct termios tio;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	results = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (results < 0 || tcgetattr(results, &tio) < 0)
		return;
	cfmakeraw(&tio);
	tcsetattr(results, TCSANOW, &tio);
}

static void greet(int number)
{
	struct utsname name;

	check(uname(&name), "uname");
	say("@ boot %d %s %.2f", number, name.release, (double)now_ns() / 1e9);
}

static struct page *map_page(int memfd)
{
	struct page *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);

	if (page == MAP_FAILED)
		die("mmap");
	return page;
}

static void load_next(void)
{
	int kernel = check(open("/next/bzImage", O_RDONLY | O_CLOEXEC), "open the next kernel");
	int initrd = check(open("/next/initrd", O_RDONLY | O_CLOEXEC), "open its initramfs");
	int fd = check(open("/proc/cmdline", O_RDONLY | O_CLOEXEC), "open /proc/cmdline");
	char line[2048];
	ssize_t n = check((int)read(fd, line, sizeof(line) - 1), "read /proc/cmdline");

	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	check((int)syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, 0UL),
	      "kexec_file_load");
	close(kernel);
	close(initrd);
	close(fd);
}

static void before_jump(int luo)
{
	struct liveupdate_ioctl_create_session create = { .size = sizeof(create), .name = SESSION };
	struct liveupdate_session_preserve_fd preserve = { .size = sizeof(preserve),
							   .token = TOKEN };
	int memfd = check(memfd_create("floor", MFD_CLOEXEC), "memfd_create");
	struct page *page;

	check(ftruncate(memfd, PAGE), "ftruncate");
	page = map_page(memfd);
	page->magic = MAGIC;
	check(ioctl(luo, LIVEUPDATE_IOCTL_CREATE_SESSION, &create), "create the session");
	preserve.fd = memfd;
	check(ioctl(create.fd, LIVEUPDATE_SESSION_PRESERVE_FD, &preserve), "preserve the memfd");
	load_next();
	say("ok - a session with a memfd is preserved and the next kernel loaded");
	page->jumped = __rdtsc();
	reboot(LINUX_REBOOT_CMD_KEXEC);
	die("reboot(KEXEC)");
}

static void after_jump(int luo, uint64_t started)
{
	struct liveupdate_ioctl_retrieve_session session = { .size = sizeof(session),
							     .name = SESSION };
	struct liveupdate_session_retrieve_fd memfd = { .size = sizeof(memfd), .token = TOKEN };
	struct liveupdate_session_finish finish = { .size = sizeof(finish) };
	struct page *page;
	uint64_t finished, khz;

	check(ioctl(luo, LIVEUPDATE_IOCTL_RETRIEVE_SESSION, &session), "retrieve the session");
	check(ioctl(session.fd, LIVEUPDATE_SESSION_RETRIEVE_FD, &memfd), "retrieve the memfd");
	page = map_page(memfd.fd);
	check(ioctl(session.fd, LIVEUPDATE_SESSION_FINISH, &finish), "finish the session");
	finished = __rdtsc();

	greet(2);
	say("%sok - the memfd holds what was written into it", page->magic == MAGIC ? "" : "not ");
	khz = tsc_khz();
	say("@ elapsed jump init %llu %llu", (unsigned long long)(started - page->jumped),
	    (unsigned long long)khz);
	say("@ elapsed jump finished %llu %llu", (unsigned long long)(finished - page->jumped),
	    (unsigned long long)khz);
	say("# jump to init %llu Mcycles, to session finished %llu Mcycles (%llu ms)",
	    (unsigned long long)((started - page->jumped) / 1000000),
	    (unsigned long long)((finished - page->jumped) / 1000000),
	    (unsigned long long)((finished - page->jumped) / khz));
	say("@ done");
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
}

int main(void)
{
	uint64_t started = __rdtsc();
	bool first = access("/next/bzImage", F_OK) == 0;
	int luo;

	set_up();
	if (first)
		greet(1);
	luo = check(open("/dev/liveupdate", O_RDWR | O_CLOEXEC), "open /dev/liveupdate");
	if (first)
		before_jump(luo);
	else
		after_jump(luo, started);
	return EXIT_FAILURE;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-kexec: the exact system calls, with this program's own syscall(), reboot() and open() before
 * libc's. Nothing here ever reaches the kernel's kexec.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "luod/kdev-kexec.h"
#include "luod/util.h"

static struct {
	unsigned int calls;
	int error; /* errno to end with, or 0 */
	long kernel, initrd;
	unsigned long length, flags;
	char cmdline[64];
} load;

static struct {
	unsigned int calls;
	int command, error;
} boot;

/* What stands in for the two files of sysfs; NULL: does not exist. */
static const char *loaded_new, *loaded_old;

static long scripted_load(va_list ap)
{
	const char *cmdline;

	load.calls++;
	load.kernel = va_arg(ap, long);
	load.initrd = va_arg(ap, long);
	load.length = va_arg(ap, unsigned long);
	cmdline = va_arg(ap, const char *);
	load.flags = va_arg(ap, unsigned long);
	snprintf(load.cmdline, sizeof(load.cmdline), "%s", cmdline ? cmdline : "(null)");
	if (!load.error)
		return 0;
	errno = load.error;
	return -1;
}

long syscall(long number, ...)
{
	va_list ap;
	long r = -1;

	va_start(ap, number);
	if (number == SYS_kexec_file_load) {
		r = scripted_load(ap);
	} else {
		long (*next)(long, ...) = dlsym(RTLD_NEXT, "syscall");
		long a[6];

		for (size_t i = 0; i < ARRAY_SIZE(a); i++)
			a[i] = va_arg(ap, long);
		r = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	va_end(ap);
	return r;
}

int reboot(int command);
int reboot(int command)
{
	boot.calls++;
	boot.command = command;
	errno = boot.error;
	return -1;
}

static int text_fd(const char *text)
{
	if (text)
		return memfd_new_sealed("test", text, strlen(text));
	errno = ENOENT;
	return -1;
}

int open(const char *path, int flags, ...);
int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	if (streq(path, "/sys/kernel/kexec/loaded"))
		return text_fd(loaded_new);
	if (streq(path, "/sys/kernel/kexec_loaded"))
		return text_fd(loaded_old);
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return (int)syscall(SYS_openat, -100L /* AT_FDCWD */, path, (long)flags, (long)mode);
}

static int setup(void **state _unused_)
{
	memset(&load, 0, sizeof(load));
	memset(&boot, 0, sizeof(boot));
	loaded_new = loaded_old = NULL;
	return 0;
}

static void test_load(void **state _unused_)
{
	assert_int_equal(kdev_kexec_load(5, 6, "quiet liveupdate=on"), 0);
	assert_int_equal(load.calls, 1);
	assert_int_equal(load.kernel, 5);
	assert_int_equal(load.initrd, 6);
	assert_int_equal(load.length, strlen("quiet liveupdate=on") + 1);
	assert_string_equal(load.cmdline, "quiet liveupdate=on");
	assert_int_equal(load.flags, 0);
}

static void test_load_without_initrd(void **state _unused_)
{
	assert_int_equal(kdev_kexec_load(5, -EBADF, ""), 0);
	assert_int_equal(load.length, 1);
	assert_int_equal(load.flags, KEXEC_FILE_NO_INITRAMFS);
}

static void test_load_errors(void **state _unused_)
{
	static const int errors[] = { ENOEXEC, EINVAL, EPERM, EBUSY, ENOSYS, ETXTBSY, EKEYREJECTED };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		load.error = errors[i];
		assert_int_equal(kdev_kexec_load(5, 6, "x"), -errors[i]);
	}
}

static void test_unload(void **state _unused_)
{
	assert_int_equal(kdev_kexec_unload(), 0);
	assert_int_equal(load.flags, KEXEC_FILE_UNLOAD);
	assert_int_equal(load.length, 0);
	assert_string_equal(load.cmdline, "(null)");
	load.error = EPERM;
	assert_int_equal(kdev_kexec_unload(), -EPERM);
}

/* The probe must be one that the kernel refuses: a flag it does not know, and no fds. */
static void test_probe(void **state _unused_)
{
	load.error = EINVAL;
	assert_int_equal(kdev_kexec_can_file_load(), 1);
	assert_true(load.flags > UINT32_MAX);
	assert_false(load.flags & UINT32_MAX);
	assert_true(load.kernel < 0 && load.initrd < 0);
	load.error = ENOSYS;
	assert_int_equal(kdev_kexec_can_file_load(), 0);
	load.error = EPERM;
	assert_int_equal(kdev_kexec_can_file_load(), -EPERM);
}

static void test_is_loaded(void **state _unused_)
{
	assert_int_equal(kdev_kexec_is_loaded(), -EOPNOTSUPP);
	loaded_old = "0\n";
	assert_int_equal(kdev_kexec_is_loaded(), 0);
	loaded_old = "1\n";
	assert_int_equal(kdev_kexec_is_loaded(), 1);
	loaded_new = "0\n";
	assert_int_equal(kdev_kexec_is_loaded(), 0);
	loaded_new = "1\n";
	assert_int_equal(kdev_kexec_is_loaded(), 1);
}

static void test_jump(void **state _unused_)
{
	static const int errors[] = { EINVAL, EBUSY, EPERM };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		boot.error = errors[i];
		assert_int_equal(kdev_kexec_jump(), -errors[i]);
		assert_int_equal((unsigned int)boot.command, LINUX_REBOOT_CMD_KEXEC);
	}
	assert_int_equal(boot.calls, ARRAY_SIZE(errors));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_load, setup),
		cmocka_unit_test_setup(test_load_without_initrd, setup),
		cmocka_unit_test_setup(test_load_errors, setup),
		cmocka_unit_test_setup(test_unload, setup),
		cmocka_unit_test_setup(test_probe, setup),
		cmocka_unit_test_setup(test_is_loaded, setup),
		cmocka_unit_test_setup(test_jump, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdev-kexec - see kdev-kexec.h. glibc has no wrapper for kexec_file_load(2), hence syscall(2). */
#include "kdev-kexec.h"

#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/reboot.h>
#include <sys/syscall.h>

#include "util.h"

/* A bit that no kernel gives a meaning: the highest one. */
#define NO_SUCH_FLAG (1UL << (sizeof(long) * 8 - 1))

static int kexec_file_load(int kernel, int initrd, const char *cmdline, unsigned long flags)
{
	/* The kernel wants the length with the NUL. */
	unsigned long length = cmdline ? strlen(cmdline) + 1 : 0;

	return syscall(SYS_kexec_file_load, (long)kernel, (long)initrd, length, cmdline, flags) < 0
		       ? -errno
		       : 0;
}

int kdev_kexec_load(int kernel, int initrd, const char *cmdline)
{
	return kexec_file_load(kernel, initrd, cmdline, initrd < 0 ? KEXEC_FILE_NO_INITRAMFS : 0);
}

int kdev_kexec_unload(void)
{
	return kexec_file_load(-EBADF, -EBADF, NULL, KEXEC_FILE_UNLOAD);
}

int kdev_kexec_is_loaded(void)
{
	/* The second is where it was before it moved; newer kernels keep it as a link. */
	static const char *const paths[] = { "/sys/kernel/kexec/loaded",
					     "/sys/kernel/kexec_loaded" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_free_ char *text = NULL;
		int r = file_read_full(paths[i], 64, &text, NULL);

		if (r != -ENOENT)
			return r < 0 ? r : *text == '1';
	}
	return -EOPNOTSUPP;
}

int kdev_kexec_can_file_load(void)
{
	/* The kernel looks at the permission first and at the flags second. */
	int r = kexec_file_load(-EBADF, -EBADF, NULL, NO_SUCH_FLAG);

	if (r == -EINVAL)
		return 1;
	return r == -ENOSYS ? 0 : r;
}

int kdev_kexec_jump(void)
{
	return reboot(LINUX_REBOOT_CMD_KEXEC) < 0 ? -errno : -EINVAL;
}

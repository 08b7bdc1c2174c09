/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target - see target.h. */
#include "target.h"

#include "kdev-kexec.h"

void target_clear(struct target *t)
{
	close_fd(t->image_fd);
	close_fd(t->initrd_fd);
	free(t->command_line);
	free(t->kernel_path);
	free(t->initrd_path);
	*t = (struct target)TARGET_EMPTY;
}

const char *target_release(const struct target *t)
{
	return t->image.release[0] ? t->image.release : "?";
}

/* What the errnos of loading mean to whoever asked for it, and the way out. */
static const struct {
	int error;
	const char *text;
} load_errors[] = {
	{ -ENOEXEC, "it is not a kernel image this machine can boot" },
	{ -EFBIG, "the file is too large to be a kernel" },
	{ -ENODATA, "the file is empty" },
	{ -EINVAL, "the file is not a regular file, or the command line is too long for it" },
	{ -EPERM, "loading is forbidden (see sysctl kernel.kexec_load_disabled)" },
	{ -EKEYREJECTED, "its signature is not accepted by the running kernel" },
	{ -EBUSY, "another kexec load is under way; try again" },
	{ -ENOSYS, "the running kernel has no kexec_file_load(2) (CONFIG_KEXEC_FILE)" },
	{ -EADDRNOTAVAIL,
	  "there is no room for it in the KHO scratch area (see kho_scratch= in the kernel's "
	  "admin-guide)" },
};

static int describe(int error, const char *kernel_path, char **ret_error)
{
	const char *text = strerror(-error);

	for (size_t i = 0; i < ARRAY_SIZE(load_errors); i++)
		if (load_errors[i].error == error)
			text = load_errors[i].text;
	*ret_error = strprintf("Cannot load %s: %s.",
			       isempty(kernel_path) ? "the kernel" : kernel_path, text);
	return error;
}

static int load(struct target *t, int kernel, int initrd)
{
	int r = kimage_copy_sealed(kernel, "luod-target", &t->image_fd, NULL);

	if (r < 0)
		return r;
	if (initrd >= 0)
		r = kimage_copy_sealed(initrd, "luod-target-initrd", &t->initrd_fd, NULL);
	if (r >= 0)
		r = kimage_inspect(t->image_fd, &t->image);
	return r < 0 ? r : target_load_again(t);
}

int target_load_again(const struct target *t)
{
	return kdev_kexec_load(t->image_fd, t->initrd_fd, t->command_line);
}

int target_load(struct target *t, int kernel, int initrd, const char *command_line,
		const char *kernel_path, const char *initrd_path, char **ret_error)
{
	struct target fresh = TARGET_EMPTY;
	int r;

	if (free_and_strdup(&fresh.command_line, command_line) < 0 ||
	    free_and_strdup(&fresh.kernel_path, strempty(kernel_path)) < 0 ||
	    free_and_strdup(&fresh.initrd_path, strempty(initrd_path)) < 0)
		r = -ENOMEM;
	else
		r = load(&fresh, kernel, initrd);
	if (r < 0) {
		target_clear(&fresh);
		return describe(r, kernel_path, ret_error);
	}
	fresh.loaded = true;
	target_clear(t);
	*t = fresh;
	return 0;
}

int target_unload(struct target *t)
{
	int r = kdev_kexec_unload();

	if (r < 0)
		return r;
	target_clear(t);
	return 0;
}

int target_adopt(struct target *t, int image_fd)
{
	_cleanup_close_ int fd = image_fd;
	int r = kimage_inspect(fd, &t->image);

	if (r < 0)
		return r;
	close_fd(t->image_fd);
	t->image_fd = TAKE_FD(fd);
	t->loaded = true;
	return 0;
}

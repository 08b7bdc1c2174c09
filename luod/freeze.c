/* SPDX-License-Identifier: GPL-2.0-or-later */
/* freeze - see freeze.h. */
#include "freeze.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <mntent.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "log.h"

#define MOUNTS_MAX 1024

struct mounts {
	struct {
		char *path;
		dev_t device;
	} of[MOUNTS_MAX];
	size_t n;
};

static void mounts_clear(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		free(mounts->of[i].path);
}

static bool seen(const struct mounts *mounts, dev_t device)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->of[i].device == device)
			return true;
	return false;
}

/* One mount point of each file system that is on a block device, in the order of mounting. */
static int mounts_read(struct mounts *ret)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int r = 0;

	if (!f)
		return -errno;
	while ((mount = getmntent(f))) {
		struct stat st;

		if (strncmp(mount->mnt_fsname, "/dev/", 5) != 0 || stat(mount->mnt_dir, &st) < 0 ||
		    seen(ret, st.st_dev))
			continue;
		if (ret->n == MOUNTS_MAX || !(ret->of[ret->n].path = strdup(mount->mnt_dir))) {
			r = -ENOMEM;
			break;
		}
		ret->of[ret->n++].device = st.st_dev;
	}
	endmntent(f);
	return r;
}

static int fs_ioctl(const char *path, unsigned long command)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (command == FIFREEZE && syncfs(fd) < 0)
		return -errno;
	return ioctl(fd, command, 0) < 0 ? -errno : 0;
}

static void thaw(const struct mounts *mounts, size_t from)
{
	for (size_t i = from; i < mounts->n; i++) {
		int r = fs_ioctl(mounts->of[i].path, FITHAW);

		/* EINVAL: it was not frozen. */
		if (r < 0 && r != -EINVAL && r != -EOPNOTSUPP && r != -ENOTTY)
			log_error_errno(r, "Cannot thaw %s: %m", mounts->of[i].path);
	}
}

int filesystems_freeze(char **ret_path)
{
	struct mounts mounts = {};
	int r = mounts_read(&mounts);

	for (size_t i = mounts.n; r >= 0 && i-- > 0;) {
		r = fs_ioctl(mounts.of[i].path, FIFREEZE);
		if (r == -EOPNOTSUPP || r == -ENOTTY)
			r = 0;
		if (r < 0) {
			thaw(&mounts, i + 1);
			if (ret_path)
				*ret_path = TAKE_PTR(mounts.of[i].path);
		}
	}
	mounts_clear(&mounts);
	return r;
}

void filesystems_thaw(void)
{
	struct mounts mounts = {};

	if (mounts_read(&mounts) >= 0)
		thaw(&mounts, 0);
	mounts_clear(&mounts);
}

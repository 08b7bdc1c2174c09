/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns - see netns.h. */
#include "netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Of a file, in bytes. */
#define LONGEST_NAME 255

static int own_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A file that nothing is bound to is what remains of a namespace, or none yet. */
static int open_file(const char *folder, const char *name)
{
	_cleanup_free_ char *path = strprintf("%s/%s", folder, name);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct statfs fs;

	if (fd < 0)
		return path ? -errno : -ENOMEM;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == NSFS_MAGIC ? TAKE_FD(fd) : -ENOENT;
}

static bool is_file_name(const char *name)
{
	return *name && !strchr(name, '/') && !streq(name, ".") && !streq(name, "..") &&
	       strlen(name) <= LONGEST_NAME;
}

int netns_open(const char *folder, const char *name)
{
	if (*name && !is_file_name(name))
		return -EINVAL;
	return *name ? open_file(folder, name) : own_namespace();
}

/* A daemon that cannot find home must not go on where it is. */
static void go_home(int own)
{
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
}

int netns_call(int fd, int (*run)(void *userdata), void *userdata)
{
	_cleanup_close_ int own = own_namespace();
	int r;

	if (own < 0)
		return own;
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	r = run(userdata);
	go_home(own);
	return r;
}

static int unshare_and_bind(const char *path)
{
	_cleanup_close_ int own = own_namespace();
	int r;

	if (own < 0)
		return own;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	r = mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	go_home(own);
	return r;
}

/* The file that it is bound to may be there; *ret_new: it was not. */
static int make_file(const char *folder, const char *path, bool *ret_new)
{
	_cleanup_close_ int fd = -EBADF;

	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	*ret_new = fd >= 0;
	return 0;
}

int netns_new(const char *folder, const char *name)
{
	_cleanup_free_ char *path = strprintf("%s/%s", folder, name);
	_cleanup_close_ int there = -EBADF;
	bool new = false;
	int r;

	if (!path)
		return -ENOMEM;
	if (!is_file_name(name))
		return -EINVAL;
	there = open_file(folder, name);
	if (there >= 0)
		return -EEXIST;
	r = make_file(folder, path, &new);
	if (r < 0)
		return r;
	r = unshare_and_bind(path);
	if (r >= 0)
		return open_file(folder, name);
	if (new)
		unlink(path);
	return r;
}

int netns_netlink(int protocol)
{
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 || bind(fd, (const void *)&any, sizeof(any)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

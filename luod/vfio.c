/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vfio - see vfio.h. */
#include "vfio.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* linux/fcntl.h, which does not go together with fcntl.h; since 6.10, older than any LUO. */
#define DUPFD_QUERY (1024 + 3)

#define IOMMUFD_LINK "anon_inode:[iommufd]"
#define DEVICE_LINK  "anon_inode:[vfio-device]"
#define BUFFER_LINK  "anon_inode:[dmamem]"
#define SYSPATH	     "vfio-device-syspath:"
#define BUFFER_OF    "dmamem-device:"
#define FDINFO_MAX   65536
#define TARGET_MAX   4096

static bool all_in(const char *text, size_t n, const char *characters)
{
	return strspn(text, characters) >= n;
}

bool pci_address_valid(const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t domain = strspn(text, hex);

	if (domain < 4 || domain > 8)
		return false;
	text += domain;
	return strlen(text) == strlen(":00:00.0") && text[0] == ':' && all_in(text + 1, 2, hex) &&
	       text[3] == ':' && all_in(text + 4, 2, hex) && text[6] == '.' &&
	       all_in(text + 7, 1, "01234567");
}

/*
 * Where in /sys the character device with this number is, as "../../devices/..."; the caller frees it. -ENOENT:
 * nowhere.
 */
static int sysfs_of_number(const char *root, dev_t number, char **ret)
{
	_cleanup_free_ char *path =
		strprintf("%s/sys/dev/char/%u:%u", root, major(number), minor(number));
	char target[TARGET_MAX];
	ssize_t n;

	if (!path)
		return -ENOMEM;
	n = readlink(path, target, sizeof(target));
	if (n < 0 || n == sizeof(target))
		return n < 0 && errno_is_shortage(-errno) ? -errno : -ENOENT;
	*ret = strndup(target, (size_t)n);
	return *ret ? 0 : -ENOMEM;
}

bool vfio_number_is_node(const char *root, dev_t number)
{
	_cleanup_free_ char *place = NULL;

	return sysfs_of_number(root, number, &place) >= 0 &&
	       (strstr(place, "/vfio-dev/") || strstr(place, "/vfio/") ||
		strstr(place, "/misc/dmamem-"));
}

/* Takes the last component off @path and returns it, or NULL when there is none. */
static char *take_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		return NULL;
	*slash = '\0';
	return slash + 1;
}

/* Of "…/<parent>/<class>/<name>" each; the parent is the path that leads to it. */
struct place {
	char *parent;
	const char *class, *name;
};

static void place_clear(struct place *place)
{
	free(place->parent);
}

/* 1: @fd is a character device, *ret is where. 0: it is not. */
static int character_device(const char *root, int fd, struct place *ret)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	r = S_ISCHR(st.st_mode) ? sysfs_of_number(root, st.st_rdev, &ret->parent) : -ENOENT;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	ret->name = strempty(take_last(ret->parent));
	ret->class = strempty(take_last(ret->parent));
	return 1;
}

int vfio_fd_is_iommufd(const char *root, int fd)
{
	_cleanup_(place_clear) struct place place = {};
	int r = fd_is_read_write(fd);

	if (r <= 0 || (r = character_device(root, fd, &place)) < 0)
		return r;
	if (r == 0)
		return fd_link_is(fd, IOMMUFD_LINK);
	return streq(place.name, "iommu") && streq(place.class, "misc");
}

/* Of the end of a path, or of a line of fdinfo, where blanks are before it. */
static int address_of_path(const char *path, char **ret)
{
	const char *name = strrchr(path, '/') ?: strrchr(path, '\t');

	if (!name || !pci_address_valid(name + 1))
		return 0;
	*ret = strdup(name + 1);
	return *ret ? 1 : -ENOMEM;
}

bool vfio_link_is_device(const char *link)
{
	return streq(link, DEVICE_LINK) || streq(link, BUFFER_LINK);
}

int vfio_fdinfo_address(const char *fdinfo, char **ret_address)
{
	const char *line = strstr(fdinfo, SYSPATH) ?: strstr(fdinfo, BUFFER_OF);
	_cleanup_free_ char *path = line ? strndup(line, strcspn(line, "\n")) : NULL;

	if (!line)
		return -ENOENT;
	if (!path)
		return -ENOMEM;
	return address_of_path(path, ret_address) ?: -ENOENT;
}

/* Of one without a number. A device that was opened through a group has no more than that either. */
static int address_of_anonymous(const char *root, int fd, char **ret)
{
	_cleanup_free_ char *path = strprintf("%s/proc/self/fdinfo/%d", root, fd), *text = NULL;
	int r;

	if (!fd_link_is(fd, DEVICE_LINK))
		return 0;
	r = path ? file_read_full(path, FDINFO_MAX, &text, NULL) : -ENOMEM;
	if (r < 0)
		return errno_is_shortage(r) ? r : 0;
	r = vfio_fdinfo_address(text, ret);
	return r == -ENOENT ? 0 : r;
}

int vfio_fd_address(const char *root, int fd, char **ret_address)
{
	_cleanup_(place_clear) struct place place = {};
	int r = fd_is_read_write(fd);

	if (r <= 0 || (r = character_device(root, fd, &place)) < 0)
		return r;
	if (r == 0)
		return address_of_anonymous(root, fd, ret_address);
	if (strncmp(place.name, "vfio", 4) != 0 || !streq(place.class, "vfio-dev"))
		return 0;
	return address_of_path(place.parent, ret_address);
}

bool fd_is_same_file(int a, int b)
{
	return fcntl(a, DUPFD_QUERY, b) == 1;
}

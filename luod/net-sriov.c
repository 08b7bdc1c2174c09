/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-sriov - see net-sriov.h. */
#include "net-sriov.h"

#include <fcntl.h>

#define COUNT	  "sriov_numvfs"
#define AUTOPROBE "sriov_drivers_autoprobe"

#define TARGET_MAX 256 /* of "../0000:03:10.0" */

/* A file of the card; NULL: it has no such name, or memory is short. */
static char *file_of(const char *parent, const char *file)
{
	const char *slash = strchr(parent, '/');

	return slash ? strprintf("/sys/bus/%.*s/devices/%s/%s", (int)(slash - parent), parent,
				 slash + 1, file)
		     : NULL;
}

static int write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -EBADF;

	if (fd < 0)
		return path ? -errno : -ENODEV;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int write_file(const char *parent, const char *file, const char *text)
{
	_cleanup_free_ char *path = file_of(parent, file);

	return write_text(path, text);
}

static bool drivers_come_by_themselves(const char *parent)
{
	_cleanup_free_ char *path = file_of(parent, AUTOPROBE), *text = NULL;
	size_t size;

	return path && file_read_full(path, 16, &text, &size) >= 0 && *text == '1';
}

int net_sriov_make(const char *parent, unsigned int n, bool *ret_held)
{
	bool held = drivers_come_by_themselves(parent) && write_file(parent, AUTOPROBE, "0") >= 0;
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%u", n);
	r = write_file(parent, COUNT, text);
	if (r >= 0)
		*ret_held = held;
	else if (held)
		write_file(parent, AUTOPROBE, "1");
	return r;
}

/* -ENOENT: there is no function of that number. */
static int probe_one(const char *parent, unsigned int index)
{
	_cleanup_free_ char *name = strprintf("virtfn%u", index);
	_cleanup_free_ char *path = name ? file_of(parent, name) : NULL;
	char target[TARGET_MAX];
	ssize_t n = path ? readlink(path, target, sizeof(target) - 1) : -1;
	const char *slash;

	if (n < 0)
		return path ? -errno : -ENOMEM;
	target[n] = '\0';
	slash = strrchr(target, '/');
	/* One that no driver wants is none the worse. */
	write_text("/sys/bus/pci/drivers_probe", slash ? slash + 1 : target);
	return 0;
}

int net_sriov_probe(const char *parent)
{
	int r = write_file(parent, AUTOPROBE, "1");

	for (unsigned int i = 0; r >= 0; i++)
		r = probe_one(parent, i);
	return r == -ENOENT ? 0 : r;
}

int net_sriov_unmake(const char *parent, bool held)
{
	int r = write_file(parent, COUNT, "0"), s = held ? write_file(parent, AUTOPROBE, "1") : 0;

	return r < 0 ? r : s;
}

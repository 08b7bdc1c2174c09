/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard - see guard.h. */
#include "guard.h"

#include <sys/stat.h>

#define UNITS_DIR "/run/systemd/system"
#define DROP_IN	  "50-luod.conf"
#define OBSTACLE  "use-luctl-update-while-guests-run.target"

static const char *const targets[] = { "kexec.target", "reboot.target" };

static const char drop_in[] = "# While luod has sessions, see SHUTDOWN in luod(8).\n"
			      "[Unit]\n"
			      "Requires=" OBSTACLE "\n";

static const char no_obstacle[] = "# Of no effect: luod has no sessions any more.\n"
				  "[Unit]\n"
				  "DefaultDependencies=no\n";

static int place(const char *root, const char *target)
{
	_cleanup_free_ char *folder = strprintf("%s" UNITS_DIR "/%s.d", root, target);
	_cleanup_free_ char *path = folder ? strprintf("%s/" DROP_IN, folder) : NULL;

	if (!path)
		return -ENOMEM;
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	return file_write_atomic(path, drop_in, strlen(drop_in), 0644);
}

/* 1: it was there; 0: it was not. */
static int take_away(const char *root, const char *target)
{
	_cleanup_free_ char *folder = strprintf("%s" UNITS_DIR "/%s.d", root, target);
	_cleanup_free_ char *path = folder ? strprintf("%s/" DROP_IN, folder) : NULL;

	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	rmdir(folder); /* it may hold somebody else's drop-in */
	return 1;
}

static int set_obstacle(const char *root, bool there)
{
	_cleanup_free_ char *path = strprintf("%s" UNITS_DIR "/" OBSTACLE, root);

	if (!path)
		return -ENOMEM;
	if (!there)
		return file_write_atomic(path, no_obstacle, strlen(no_obstacle), 0644);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int guard_close(const char *root)
{
	int r = set_obstacle(root, true);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(targets); i++)
		r = place(root, targets[i]);
	if (r < 0)
		guard_open(root);
	return r;
}

int guard_open(const char *root)
{
	bool was_closed = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		int one = take_away(root, targets[i]);

		was_closed |= one > 0;
		if (one < 0)
			r = one;
	}
	if (was_closed && r >= 0)
		r = set_obstacle(root, false);
	return r;
}

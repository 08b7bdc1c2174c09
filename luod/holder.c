/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holder - see holder.h. */
#include "holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>

#include "kdev-luo.h"

DEFINE_CLEANUP(DIR *, closedir)

static DIR *open_folder(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !folder)
		close(fd);
	return folder;
}

static char *describe(int proc, const char *pid)
{
	_cleanup_free_ char *path = strprintf("%s/comm", pid), *unit = NULL;
	_cleanup_close_ int fd = path ? openat(proc, path, O_RDONLY | O_CLOEXEC) : -EBADF;
	char command[64] = "?";
	ssize_t n = fd < 0 ? -1 : read(fd, command, sizeof(command) - 1);

	if (n > 0)
		command[n - (command[n - 1] == '\n')] = '\0';
	if (sd_pid_get_unit((pid_t)atoi(pid), &unit) < 0)
		unit = NULL;
	return strprintf("process %s (%s)%s%s", pid, command, unit ? " in " : "", strempty(unit));
}

static bool known(const struct holders *h, const char *session, const char *who)
{
	for (size_t i = 0; i < h->n; i++)
		if (streq(h->items[i].session, session) && streq(h->items[i].who, who))
			return true;
	return false;
}

static int add(struct holders *h, int proc, const char *pid, const char *session)
{
	_cleanup_free_ char *name = strdup(session), *who = describe(proc, pid);
	struct holder *items;

	if (!name || !who)
		return -ENOMEM;
	if (known(h, name, who))
		return 0;
	items = reallocarray(h->items, h->n + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	h->items = items;
	h->items[h->n++] = (struct holder){ TAKE_PTR(name), TAKE_PTR(who) };
	return 0;
}

static int look_at(struct holders *h, int proc, const char *pid)
{
	_cleanup_free_ char *path = strprintf("%s/fd", pid);
	_cleanup_(closedirp) DIR *folder = path ? open_folder(proc, path) : NULL;
	const struct dirent *entry;
	int r = path ? 0 : -ENOMEM;

	while (r >= 0 && folder && (entry = readdir(folder))) {
		char link[256];
		ssize_t n = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);
		const char *session;

		if (n < 0)
			continue;
		link[n] = '\0';
		session = kdev_luo_session_of_link(link);
		if (session)
			r = add(h, proc, pid, session);
	}
	return r;
}

int holders_find(const char *root, struct holders *ret)
{
	_cleanup_free_ char *path = strprintf("%s/proc", root), *self = strprintf("%d", getpid());
	_cleanup_(closedirp) DIR *proc = path ? open_folder(AT_FDCWD, path) : NULL;
	struct holders h = {};
	const struct dirent *entry;
	int r = path && self ? 0 : -ENOMEM;

	while (r >= 0 && proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name) && !streq(entry->d_name, "1") &&
		    !streq(entry->d_name, self))
			r = look_at(&h, dirfd(proc), entry->d_name);
	if (r < 0)
		holders_clear(&h);
	*ret = h;
	return r;
}

void holders_clear(struct holders *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->items[i].session);
		free(h->items[i].who);
	}
	free(h->items);
	*h = (struct holders){};
}

const char *holders_of(const struct holders *h, const char *session)
{
	for (size_t i = 0; i < h->n; i++)
		if (streq(h->items[i].session, session))
			return h->items[i].who;
	return NULL;
}

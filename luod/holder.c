/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holder - see holder.h. */
#include "holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-login.h>

#include "kdev-luo.h"
#include "vfio.h"

#define FDINFO_MAX 65536

DEFINE_CLEANUP(DIR *, closedir)

static DIR *open_folder(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !folder)
		close(fd);
	return folder;
}

static void holder_clear(struct holder *h)
{
	free(h->session);
	free(h->device);
	free(h->who);
	free(h->user);
}

/* One process that is being looked at; its names are made when it turns out to hold something. */
struct process {
	const char *root;
	int proc;
	const char *pid;
	size_t first; /* of its holders */
	char *who, *user;
};

static void process_clear(struct process *p)
{
	free(p->who);
	free(p->user);
}

static int describe(struct process *p)
{
	_cleanup_free_ char *path = strprintf("%s/comm", p->pid), *unit = NULL;
	_cleanup_close_ int fd = path ? openat(p->proc, path, O_RDONLY | O_CLOEXEC) : -EBADF;
	char command[64] = "?";
	ssize_t n = fd < 0 ? -1 : read(fd, command, sizeof(command) - 1);

	if (n > 0)
		command[n - (command[n - 1] == '\n')] = '\0';
	if (sd_pid_get_unit((pid_t)atoi(p->pid), &unit) < 0)
		unit = NULL;
	p->who = strprintf("process %s (%s)%s%s", p->pid, command, unit ? " in " : "",
			   strempty(unit));
	p->user = unit ? TAKE_PTR(unit) : strprintf("process %s (%s)", p->pid, command);
	return p->who && p->user ? 0 : -ENOMEM;
}

static bool is_same(const struct holder *a, const struct holder *b)
{
	return a->node == b->node && streq(strempty(a->session), strempty(b->session)) &&
	       streq(strempty(a->device), strempty(b->device));
}

/* Takes down that @p holds @item, whose strings are consumed. */
static int add(struct holders *h, struct process *p, struct holder *item)
{
	struct holder *items;

	for (size_t i = p->first; i < h->n; i++)
		if (is_same(&h->items[i], item)) {
			holder_clear(item);
			return 0;
		}
	items = reallocarray(h->items, h->n + 1, sizeof(*items));
	if (items)
		h->items = items;
	if (!items || (!p->who && describe(p) < 0) || free_and_strdup(&item->who, p->who) < 0 ||
	    free_and_strdup(&item->user, p->user) < 0) {
		holder_clear(item);
		return -ENOMEM;
	}
	h->items[h->n++] = *item;
	return 0;
}

/*
 * Of files without a path, and of memory that somebody named, is known what they are not. Every other
 * may be a node, wherever it lies: a jail has its own /dev.
 */
static bool may_be_node(const char *link)
{
	return *link == '/' && strncmp(link, "/memfd:", strlen("/memfd:")) != 0;
}

/*
 * A device is known by its number: whoever can make a file can call it as he likes. What is asked is
 * what the kernel remembers of the file, for the file system may be out of reach.
 */
static dev_t node_of(const struct process *p, int folder, const char *fd, const char *link)
{
	struct statx st;
	dev_t number;

	if (!may_be_node(link) || statx(folder, fd, AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0 ||
	    !S_ISCHR(st.stx_mode))
		return 0;
	number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	return vfio_number_is_node(p->root, number) ? number : 0;
}

/* A device that was opened through its group, or that came out of a kernel session. */
static int device_of(int proc, const char *pid, const char *fd, char **ret)
{
	_cleanup_free_ char *path = strprintf("%s/fdinfo/%s", pid, fd), *text = NULL;
	_cleanup_close_ int file = path ? openat(proc, path, O_RDONLY | O_CLOEXEC) : -EBADF;
	int r;

	if (!path)
		return -ENOMEM;
	r = file < 0 ? -errno : fd_read_full(file, FDINFO_MAX, &text, NULL);
	if (r >= 0)
		r = vfio_fdinfo_address(text, ret);
	return errno_is_shortage(r) ? r : 0;
}

/* 1: what the fd is of all that is looked for; 0: it is none of that. */
static int identify(const struct process *p, int folder, const char *fd, struct holder *ret)
{
	struct holder item = {};
	int r = 0;
	const char *session;
	char link[256];
	ssize_t n = readlinkat(folder, fd, link, sizeof(link) - 1);

	if (n < 0)
		return errno_is_shortage(-errno) ? -errno : 0;
	link[n] = '\0';
	session = kdev_luo_session_of_link(link);
	if (session)
		item.session = strdup(session);
	else if (vfio_link_is_device(link))
		r = device_of(p->proc, p->pid, fd, &item.device);
	else
		item.node = node_of(p, folder, fd, link);
	if (r < 0)
		return r;
	*ret = item;
	return item.session || item.device || item.node;
}

static int look_at(struct holders *h, const char *root, int proc, const char *pid)
{
	_cleanup_free_ char *path = strprintf("%s/fd", pid);
	_cleanup_(closedirp) DIR *folder = path ? open_folder(proc, path) : NULL;
	_cleanup_(process_clear) struct process p = { root, proc, pid, h->n };
	const struct dirent *entry;
	int r = path ? 0 : -ENOMEM;

	/* That luod could not look says nothing of what it has open. */
	if (r >= 0 && !folder && errno_is_shortage(-errno))
		r = -errno;
	while (r >= 0 && folder && (entry = readdir(folder))) {
		struct holder item;

		r = identify(&p, dirfd(folder), entry->d_name, &item);
		if (r > 0)
			r = add(h, &p, &item);
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

	if (r >= 0 && !proc && errno_is_shortage(-errno))
		r = -errno;
	while (r >= 0 && proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)*entry->d_name) && !streq(entry->d_name, "1") &&
		    !streq(entry->d_name, self))
			r = look_at(&h, root, dirfd(proc), entry->d_name);
	if (r < 0)
		holders_clear(&h);
	*ret = h;
	return r;
}

void holders_clear(struct holders *h)
{
	for (size_t i = 0; i < h->n; i++)
		holder_clear(&h->items[i]);
	free(h->items);
	*h = (struct holders){};
}

const char *holders_of(const struct holders *h, const char *session)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->items[i].session && streq(h->items[i].session, session))
			return h->items[i].who;
	return NULL;
}

const struct holder *holders_of_device(const struct holders *h, dev_t node, const char *address,
				       const struct holder *last)
{
	for (size_t i = last ? (size_t)(last - h->items) + 1 : 0; i < h->n; i++) {
		const struct holder *item = &h->items[i];

		if ((node && item->node == node) ||
		    (address && item->device && streq(item->device, address)))
			return item;
	}
	return NULL;
}

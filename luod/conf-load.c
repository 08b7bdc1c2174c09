/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conf-load - finds the configuration's files and gives them to the parser in their order. */
#include "conf.h"

#include <dirent.h>

#include "util.h"

/* A configuration file has a few lines; whatever is larger is not one. */
#define FILE_MAX    (256U << 10)
#define DROPINS_MAX 1024

/* The first that has a main file; of drop-ins the last one's win. */
static const char *const main_folders[] = { "/etc/luod", "/usr/lib/luod" };
static const char *const folders[] = { "/usr/lib/luod", "/run/luod", "/etc/luod" };

static void warn_unreadable(const char *path, int error, conf_warn_t warn_cb, void *userdata)
{
	char message[256];

	snprintf(message, sizeof(message), "cannot be read: %s, ignoring", strerror(-error));
	if (warn_cb)
		warn_cb(path, 0, message, userdata);
}

/* 1 when read, 0 when there is no such file, also for reasons that were warned about. */
static int read_file(struct conf *conf, const char *path, conf_warn_t warn_cb, void *userdata)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = file_read_full(path, FILE_MAX, &text, &size);
	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	if (r < 0) {
		warn_unreadable(path, r, warn_cb, userdata);
		return 0;
	}
	conf_parse(conf, path, text, size, warn_cb, userdata);
	return 1;
}

struct dropin {
	char *name; /* file name, by which they are sorted */
	char *path;
};

struct dropins {
	struct dropin *items;
	size_t n;
};

static void dropins_free(struct dropins *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->items[i].name);
		free(d->items[i].path);
	}
	free(d->items);
}

/* A later folder's file takes the place of an earlier one's of the same name. */
static int dropins_put(struct dropins *d, const char *folder, const char *name)
{
	_cleanup_free_ char *path = strprintf("%s/%s", folder, name);
	_cleanup_free_ char *copy = strdup(name);
	struct dropin *grown;

	if (!path || !copy)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (streq(d->items[i].name, name)) {
			free(d->items[i].path);
			d->items[i].path = TAKE_PTR(path);
			return 0;
		}
	grown = reallocarray(d->items, d->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->items = grown;
	d->items[d->n++] = (struct dropin){ .name = TAKE_PTR(copy), .path = TAKE_PTR(path) };
	return 0;
}

static bool is_dropin(const char *name)
{
	size_t length = strlen(name);

	return *name != '.' && length > 5 && streq(name + length - 5, ".conf");
}

static int dropins_collect(struct dropins *d, const char *folder)
{
	const struct dirent *entry;
	DIR *dir = opendir(folder);
	int r = 0;

	if (!dir)
		return 0;
	while (r >= 0 && d->n < DROPINS_MAX && (entry = readdir(dir)))
		if (is_dropin(entry->d_name))
			r = dropins_put(d, folder, entry->d_name);
	closedir(dir);
	return r;
}

static int dropin_compare(const void *a, const void *b)
{
	return strcmp(((const struct dropin *)a)->name, ((const struct dropin *)b)->name);
}

static int read_main(struct conf *conf, const char *root, conf_warn_t warn_cb, void *userdata)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(main_folders); i++) {
		_cleanup_free_ char *path = strprintf("%s%s/lu.conf", root, main_folders[i]);

		if (!path)
			return -ENOMEM;
		r = read_file(conf, path, warn_cb, userdata);
	}
	return r;
}

static int read_dropins(struct conf *conf, const char *root, conf_warn_t warn_cb, void *userdata)
{
	_cleanup_(dropins_free) struct dropins d = {};
	int r, count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *folder = strprintf("%s%s/lu.conf.d", root, folders[i]);

		r = folder ? dropins_collect(&d, folder) : -ENOMEM;
		if (r < 0)
			return r;
	}
	if (d.n)
		qsort(d.items, d.n, sizeof(*d.items), dropin_compare);
	for (size_t i = 0; i < d.n; i++) {
		r = read_file(conf, d.items[i].path, warn_cb, userdata);
		if (r < 0)
			return r;
		count += r;
	}
	return count;
}

int conf_load(struct conf *ret, const char *root, conf_warn_t warn_cb, void *userdata)
{
	struct conf conf;
	int n, r;

	conf_default(&conf);
	n = read_main(&conf, strempty(root), warn_cb, userdata);
	if (n < 0)
		return n;
	r = read_dropins(&conf, strempty(root), warn_cb, userdata);
	if (r < 0)
		return r;
	*ret = conf;
	return n + r;
}

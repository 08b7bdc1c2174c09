/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-note - see network-note.h. One name in each line: no name has a blank in it. */
#include "network-note.h"

#include "limits.h"

static char *note_path(const char *run)
{
	return strprintf("%s/network-restoring", run);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	while ((text = strchr(text, '\n'))) {
		n++;
		text++;
	}
	return n;
}

static int split(char *text, char ***ret)
{
	_cleanup_(strv_freep) char **names = calloc(count_lines(text) + 2, sizeof(*names));
	char *rest = NULL;
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	for (char *p = strtok_r(text, "\n", &rest); p; p = strtok_r(NULL, "\n", &rest)) {
		names[n] = strdup(p);
		if (!names[n++])
			return -ENOMEM;
	}
	*ret = TAKE_PTR(names);
	return 0;
}

int network_note_read(const char *run, char ***ret)
{
	_cleanup_free_ char *path = note_path(run), *text = NULL;
	size_t size;
	int r = path ? file_read_full(path, LIMIT_NET, &text, &size) : -ENOMEM;

	return r < 0 ? r : split(text, ret);
}

static void write_names(FILE *f, const struct net_namespace *ns)
{
	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i]->flags & IFF_UP)
			fprintf(f, "%s%s%s\n", ns->name, *ns->name ? "/" : "", ns->links[i]->name);
}

int network_note_write(const char *run, const struct net_record *now)
{
	_cleanup_free_ char *path = note_path(run), *text = NULL;
	size_t size = 0;
	FILE *f = path ? open_memstream(&text, &size) : NULL;

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < now->n; i++)
		write_names(f, &now->namespaces[i]);
	if (fclose(f) != 0)
		return -ENOMEM;
	return file_replace(path, text, size, 0600);
}

void network_note_drop(const char *run)
{
	_cleanup_free_ char *path = note_path(run);

	if (path)
		unlink(path);
}

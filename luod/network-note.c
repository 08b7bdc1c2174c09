/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network-note - see network-note.h. One name in each line: none has a line's end in it. */
#include "network-note.h"

#include "limits.h"

#define RESTORING "network-restoring"
#define WAITING	  "network-waiting"

static char *path_of(const char *run, const char *note)
{
	return strprintf("%s/%s", run, note);
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

static int read_note(const char *run, const char *note, char ***ret)
{
	_cleanup_free_ char *path = path_of(run, note), *text = NULL;
	size_t size;
	int r = path ? file_read_full(path, LIMIT_NET, &text, &size) : -ENOMEM;

	return r < 0 ? r : split(text, ret);
}

static void drop_note(const char *run, const char *note)
{
	_cleanup_free_ char *path = path_of(run, note);

	if (path)
		unlink(path);
}

/* Closes @f, which writes @text. */
static int write_note(const char *run, const char *note, FILE *f, char **text, const size_t *size)
{
	_cleanup_free_ char *path = path_of(run, note);

	if (fclose(f) != 0 || !path)
		return -ENOMEM;
	return file_replace(path, *text, *size, 0600);
}

/* --- links that are up ------------------------------------------------------------------------ */

int network_note_read(const char *run, char ***ret)
{
	return read_note(run, RESTORING, ret);
}

static void write_names(FILE *f, const struct net_namespace *ns)
{
	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i]->flags & IFF_UP)
			fprintf(f, "%s%s%s\n", ns->name, *ns->name ? "/" : "", ns->links[i]->name);
}

int network_note_write(const char *run, const struct net_record *now)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < now->n; i++)
		write_names(f, &now->namespaces[i]);
	return write_note(run, RESTORING, f, &text, &size);
}

void network_note_drop(const char *run)
{
	drop_note(run, RESTORING);
}

/* --- what waits ------------------------------------------------------------------------------- */

int network_waiting_read(const char *run, char ***ret)
{
	return read_note(run, WAITING, ret);
}

int network_waiting_write(const char *run, char *const *objects)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; objects[i]; i++)
		fprintf(f, "%s\n", objects[i]);
	return write_note(run, WAITING, f, &text, &size);
}

void network_waiting_drop(const char *run)
{
	drop_note(run, WAITING);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-machine - see net-machine.h. */
#include "net-machine.h"

#include <dirent.h>
#include <sys/stat.h>

#include "net-read.h"
#include "net-socket.h"

struct net_record net_machine_finish(struct net_machine *m)
{
	struct net_record now = m->now;

	for (size_t i = 0; i < m->now.n; i++) {
		net_socket_free(m->places[i].socket);
		close_fd(m->places[i].fd);
	}
	free(m->places);
	*m = (struct net_machine){};
	return now;
}

void net_machine_clear(struct net_machine *m)
{
	struct net_record now = net_machine_finish(m);

	net_record_clear(&now);
}

static int open_namespace(const char *folder, const char *name, bool make)
{
	int fd = net_namespace_open(folder, name);

	return fd == -ENOENT && make ? net_namespace_new(folder, name) : fd;
}

int net_machine_open(struct net_machine *m, const char *name, bool make)
{
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	_cleanup_close_ int fd = open_namespace(m->folder, name, make);
	struct net_namespace *ns;
	struct net_place *places;
	int r;

	if (fd < 0)
		return fd;
	r = net_socket_new(fd, &socket);
	if (r < 0)
		return r;
	places = reallocarray(m->places, m->now.n + 1, sizeof(*places));
	if (!places)
		return -ENOMEM;
	m->places = places;
	r = net_add_namespace(&m->now, name, &ns);
	if (r < 0)
		return r;
	places[m->now.n - 1] = (struct net_place){ TAKE_FD(fd), TAKE_PTR(socket) };
	return 0;
}

/* By name, so that two records of the same machine are the same. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_name(const struct dirent *entry)
{
	return net_name_valid(entry->d_name, NET_NAMESPACE_MAX);
}

int net_machine_open_all(struct net_machine *m)
{
	struct dirent **entries = NULL;
	int n = scandir(m->folder, &entries, is_name, by_name);
	int r = net_machine_open(m, "", false);

	for (int i = 0; i < n; i++) {
		/* What is no namespace, or has gone meanwhile, is none of ours. */
		if (r >= 0 && net_machine_open(m, entries[i]->d_name, false) == -ENOMEM)
			r = -ENOMEM;
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Numbers of namespaces are true in one namespace only: each is asked for those of all others. */
static int find_lower(struct net_machine *m, size_t place, struct net_link *link)
{
	const struct net_link *lower;

	for (size_t i = 0; i < m->now.n; i++) {
		if (i == place ||
		    net_socket_nsid(m->places[place].socket, m->places[i].fd) != link->lower_nsid)
			continue;
		lower = net_find_index(&m->now.namespaces[i], link->lower_index);
		if (!lower)
			return 0;
		memcpy(link->lower.name, lower->name, sizeof(link->lower.name));
		return free_and_strdup(&link->lower.namespace, m->now.namespaces[i].name);
	}
	return 0;
}

int net_machine_read(struct net_machine *m)
{
	int r = 0;

	for (size_t i = 0; i < m->now.n && r >= 0; i++)
		r = net_read_namespace(m->places[i].socket, &m->now.namespaces[i]);
	for (size_t i = 0; i < m->now.n && r >= 0; i++) {
		const struct net_namespace *ns = &m->now.namespaces[i];

		for (size_t j = 0; j < ns->n_links && r >= 0; j++)
			if (ns->links[j]->lower_nsid >= 0 && ns->links[j]->lower_index)
				r = find_lower(m, i, ns->links[j]);
	}
	return r;
}

int net_machine_look(const char *folder, const char *namespace, const char *name,
		     struct net_link **ret)
{
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	_cleanup_close_ int fd = net_namespace_open(folder, namespace);
	int r = fd < 0 ? fd : net_socket_new(fd, &socket);

	return r < 0 ? r : net_read_link(socket, 0, name, ret);
}

static bool is_same(int fd, const char *folder, const char *name)
{
	_cleanup_close_ int other = net_namespace_open(folder, name);
	struct stat a, b;

	return other >= 0 && fstat(fd, &a) >= 0 && fstat(other, &b) >= 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int net_machine_name(const char *folder, int fd, char **ret)
{
	_cleanup_free_ char *name = is_same(fd, folder, "") ? strdup("") : NULL;
	struct dirent **entries = NULL;
	int n = name ? 0 : scandir(folder, &entries, is_name, by_name);

	for (int i = 0; i < n; i++) {
		if (!name && is_same(fd, folder, entries[i]->d_name))
			name = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (!name)
		return -ENOENT;
	*ret = TAKE_PTR(name);
	return 0;
}

int net_machine_find(const struct net_machine *m, const char *name)
{
	for (size_t i = 0; i < m->now.n; i++)
		if (streq(m->now.namespaces[i].name, name))
			return (int)i;
	return -ENOENT;
}

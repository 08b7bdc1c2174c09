/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-machine - see net-machine.h. */
#include "net-machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "net-read.h"
#include "net-socket.h"

/* Open files that entering a namespace and a socket in it take. */
#define RESERVE 8

void net_unread_clear(struct net_unread_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (struct net_unread_list){};
}

static void close_place(struct net_place *place)
{
	net_socket_free(TAKE_PTR(place->socket));
	place->fd = close_fd(place->fd);
}

struct net_record net_machine_finish(struct net_machine *m)
{
	struct net_record now = m->now;

	for (size_t i = 0; i < m->n_places; i++)
		close_place(&m->places[i]);
	free(m->places);
	net_unread_clear(&m->unread);
	*m = (struct net_machine){};
	return now;
}

void net_machine_clear(struct net_machine *m)
{
	struct net_record now = net_machine_finish(m);

	net_record_clear(&now);
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Takes @fd. */
static int add_place(struct net_machine *m, const char *name, int fd)
{
	struct net_place *places = reallocarray(m->places, m->now.n + 1, sizeof(*places));
	_cleanup_close_ int owned = fd;
	struct net_namespace *ns;
	int r;

	if (!places)
		return -ENOMEM;
	m->places = places;
	r = net_add_namespace(&m->now, name, &ns);
	if (r >= 0)
		places[m->n_places++] = (struct net_place){ .fd = TAKE_FD(owned) };
	return r;
}

static int need_socket(struct net_machine *m, size_t i)
{
	return m->places[i].socket ? 0
				   : net_socket_new(m->host, m->places[i].fd, &m->places[i].socket);
}

int net_machine_open(struct net_machine *m, const char *name, bool make)
{
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	_cleanup_close_ int fd = host_namespace(m->host, name, make);
	int r;

	if (fd < 0)
		return fd;
	if ((r = net_socket_new(m->host, fd, &socket)) < 0 ||
	    (r = add_place(m, name, TAKE_FD(fd))) < 0)
		return r;
	m->places[m->n_places - 1].socket = TAKE_PTR(socket);
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

static int leave_unread(struct net_machine *m, const char *name, int error)
{
	struct net_unread_list *list = &m->unread;
	struct net_unread *items = reallocarray(list->items, list->n + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	list->items = items;
	items[list->n] = (struct net_unread){ strdup(name), error };
	return items[list->n++].name ? 0 : -ENOMEM;
}

/* What is no namespace, or has gone meanwhile, is none of ours. */
static int open_one(struct net_machine *m, const char *name)
{
	int fd = host_namespace(m->host, name, false), r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : add_place(m, name, fd);
	return r < 0 && r != -ENOMEM ? leave_unread(m, name, r) : r;
}

/* Where there are more than there may be open files, those that are open must still be read. */
static void reserve(struct net_machine *m, int fds[static RESERVE], bool open)
{
	for (size_t i = 0; i < RESERVE; i++)
		if (open)
			fds[i] = fcntl(m->places[0].fd, F_DUPFD_CLOEXEC, 3);
		else
			close_fd(fds[i]);
}

static int open_all(struct net_machine *m)
{
	struct dirent **entries = NULL;
	int n = scandir(m->host->places.namespaces, &entries, is_name, by_name), fds[RESERVE];
	int r = n < 0 && errno != ENOENT ? -errno : net_machine_open(m, "", false);

	if (r >= 0)
		reserve(m, fds, true);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = open_one(m, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	if (m->n_places)
		reserve(m, fds, false);
	return r;
}

/* --- reading ---------------------------------------------------------------------------------- */

/*
 * Numbers of namespaces are true in one namespace only: each is asked for those of all others, until the
 * one is found that is wanted. @ids has what was found so far, 0 for nothing yet.
 */
static int find_nsid(struct net_machine *m, size_t place, int *ids, int wanted, size_t *ret)
{
	int r = need_socket(m, place);

	for (size_t i = 0; i < m->now.n && r >= 0; i++) {
		if (i == place)
			continue;
		if (!ids[i])
			ids[i] = net_socket_nsid(m->places[place].socket, m->places[i].fd) + 2;
		if (ids[i] != wanted + 2)
			continue;
		*ret = i;
		return 1;
	}
	return r;
}

static int find_lower(struct net_machine *m, size_t place, int *ids, struct net_link *link)
{
	const struct net_link *lower;
	size_t other = 0;
	int r = find_nsid(m, place, ids, link->lower_nsid, &other);

	if (r <= 0)
		return r;
	lower = net_find_index(&m->now.namespaces[other], link->lower_index);
	if (!lower)
		return 0;
	memcpy(link->lower.name, lower->name, sizeof(link->lower.name));
	return free_and_strdup(&link->lower.namespace, m->now.namespaces[other].name);
}

static int find_lowers(struct net_machine *m, size_t place)
{
	const struct net_namespace *ns = &m->now.namespaces[place];
	_cleanup_free_ int *ids = calloc(m->now.n + 1, sizeof(*ids));
	int r = ids ? 0 : -ENOMEM;

	for (size_t i = 0; i < ns->n_links && r >= 0; i++)
		if (ns->links[i]->lower_nsid >= 0 && ns->links[i]->lower_index)
			r = find_lower(m, place, ids, ns->links[i]);
	return r;
}

int net_machine_read(struct net_machine *m)
{
	int r = 0;

	for (size_t i = 0; i < m->now.n && r >= 0; i++)
		if ((r = net_read_links(m->places[i].socket, &m->now.namespaces[i])) >= 0)
			r = net_read_carried(m->places[i].socket, &m->now.namespaces[i]);
	for (size_t i = 0; i < m->now.n && r >= 0; i++)
		r = find_lowers(m, i);
	return r;
}

/* --- choosing --------------------------------------------------------------------------------- */

/* libnl has not as many sockets as there may be namespaces, so one is open at a time. */
static void close_socket(struct net_machine *m, size_t i)
{
	net_socket_free(TAKE_PTR(m->places[i].socket));
}

/* Only its own must be read. */
static int read_links_of(struct net_machine *m, size_t i)
{
	struct net_namespace *ns = &m->now.namespaces[i];
	int r = need_socket(m, i);

	if (r >= 0)
		r = net_read_links(m->places[i].socket, ns);
	close_socket(m, i);
	if (r >= 0 || r == -ENOMEM || !*ns->name)
		return r;
	net_namespace_empty(ns);
	return leave_unread(m, ns->name, r);
}

/* The places of those that are left, in their order. */
static int follow(struct net_machine *m, char *const *names)
{
	struct net_place *places = calloc(m->now.n + 1, sizeof(*places));
	size_t kept = 0;

	if (!places)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_places; i++)
		if (kept < m->now.n && streq(m->now.namespaces[kept].name, names[i]))
			places[kept++] = m->places[i];
		else
			close_place(&m->places[i]);
	free(m->places);
	m->places = places;
	m->n_places = kept;
	return 0;
}

static int choose_and_follow(struct net_machine *m, net_choose_t choose, void *userdata)
{
	_cleanup_(strv_freep) char **names = calloc(m->n_places + 1, sizeof(*names));
	int r = names ? 0 : -ENOMEM;

	for (size_t i = 0; i < m->n_places && r >= 0; i++)
		if (!(names[i] = strdup(m->now.namespaces[i].name)))
			r = -ENOMEM;
	if (r >= 0)
		r = choose(&m->now, userdata);
	if (r >= 0)
		r = follow(m, names);
	return r;
}

int net_machine_choose(struct net_machine *m, net_choose_t choose, void *userdata)
{
	int r = open_all(m);

	for (size_t i = 0; i < m->now.n && r >= 0; i++)
		r = read_links_of(m, i);
	for (size_t i = 0; i < m->now.n && r >= 0; i++) {
		r = find_lowers(m, i);
		close_socket(m, i);
	}
	if (r >= 0)
		r = choose_and_follow(m, choose, userdata);
	for (size_t i = 0; i < m->now.n && r >= 0; i++) {
		r = need_socket(m, i);
		if (r >= 0)
			r = net_read_carried(m->places[i].socket, &m->now.namespaces[i]);
		close_socket(m, i);
	}
	return r;
}

/* --- one of them ------------------------------------------------------------------------------ */

int net_machine_look(struct host *host, const char *namespace, const char *name,
		     struct net_link **ret)
{
	_cleanup_(net_socket_freep) struct net_socket *socket = NULL;
	_cleanup_close_ int fd = host_namespace(host, namespace, false);
	int r = fd < 0 ? fd : net_socket_new(host, fd, &socket);

	return r < 0 ? r : net_read_link(socket, 0, name, ret);
}

static bool is_same(int fd, struct host *host, const char *name)
{
	_cleanup_close_ int other = host_namespace(host, name, false);
	struct stat a, b;

	return other >= 0 && fstat(fd, &a) >= 0 && fstat(other, &b) >= 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int net_machine_name(struct host *host, int fd, char **ret)
{
	_cleanup_free_ char *name = is_same(fd, host, "") ? strdup("") : NULL;
	struct dirent **entries = NULL;
	int n = name ? 0 : scandir(host->places.namespaces, &entries, is_name, by_name);

	for (int i = 0; i < n; i++) {
		if (!name && is_same(fd, host, entries[i]->d_name))
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

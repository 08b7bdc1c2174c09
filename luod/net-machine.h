/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-machine - the network namespaces of this machine, each with a socket, and what is in them now
 * as a record. Place i of @places is that of namespace i of @now.
 *
 * What is recorded is a machine that has been read; what is replayed changes one.
 */
#ifndef LUOD_NET_MACHINE_H
#define LUOD_NET_MACHINE_H

#include "host.h"
#include "net.h"

struct net_place {
	int fd;
	struct net_socket *socket; /* NULL: none is open at the moment */
};

/* A namespace that is there and could not be entered or read, and why. */
struct net_unread {
	char *name;
	int error;
};

struct net_unread_list {
	struct net_unread *items;
	size_t n;
};

void net_unread_clear(struct net_unread_list *list);

struct net_machine {
	struct host *host; /* the caller's */
	struct net_record now;
	struct net_place *places;
	size_t n_places; /* as many as there are in @now, but while it is being chosen from */
	struct net_unread_list unread; /* by net_machine_choose() */
};

void net_machine_clear(struct net_machine *m);

/*
 * Opens one namespace ("": this process's), which is not read yet. -ENOENT: there is none, and it
 * was not to be made.
 */
int net_machine_open(struct net_machine *m, const char *name, bool make);

/* Reads, again, what is there. Links that lie on one of another namespace are told so. */
int net_machine_read(struct net_machine *m);

/*
 * Opens its own namespace and every named one, reads the links of all, has @choose take those out of
 * @links that nobody wants, and reads what the others carry. One that cannot be entered, or has more in
 * it than luod looks at, is in @unread: whoever wanted something of it has to say so. What is left must
 * be read.
 */
typedef int (*net_choose_t)(struct net_record *links, void *userdata);
int net_machine_choose(struct net_machine *m, net_choose_t choose, void *userdata);

/* One link as net_read_link() tells of it, of a namespace that need not be open. -ENODEV, -ENOENT. */
int net_machine_look(struct host *host, const char *namespace, const char *name,
		     struct net_link **ret);

/* The name of the namespace @fd: "" for this process's own. -ENOENT: it has none. */
int net_machine_name(struct host *host, int fd, char **ret);

/* The record of what was read, which the caller clears; the machine is closed. */
struct net_record net_machine_finish(struct net_machine *m);

/* The index of a namespace that was opened, or -ENOENT. */
int net_machine_find(const struct net_machine *m, const char *name);

#endif

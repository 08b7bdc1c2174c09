/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-index - finds links of a namespace by number and by name, where there are many: a host with
 * thousands of guests has as many links, and each of its addresses, neighbours, routes and ports names one.
 *
 * It follows what is added by itself. Whoever takes links out, changes their order or gives one another
 * name calls net_index_drop(), and it is made anew when somebody asks. A few links have none: then a
 * scan is quicker. Out of memory there is none, either, and things are found more slowly.
 */
#ifndef LUOD_NET_INDEX_H
#define LUOD_NET_INDEX_H

#include "net.h"

/* The link with number @number, or (0) that is called @name, alternatively, too; NULL. */
struct net_link *net_index_find(const struct net_namespace *ns, unsigned int number,
				const char *name);

#endif

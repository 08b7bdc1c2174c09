/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-select - which links of a machine a record tells of: those that somebody named, and those
 * without which they would carry nothing.
 *
 * Names are separated by blanks and may have wildcards (fnmatch(3)); "NAMESPACE/NAME" is a link of a
 * named network namespace. A word that begins with a colon, as no link's name does, stands for links
 * that somebody else names. A link takes along what it lies on, its master, all ports of that, and the
 * other end of a veth pair; a route goes along when all links do that it leads over.
 */
#ifndef LUOD_NET_SELECT_H
#define LUOD_NET_SELECT_H

#include "net.h"

#define NET_SELECT_SESSIONS ":sessions" /* what sessions declared */
#define NET_SELECT_NONE	    ":none"

/* Whether it is a list of names; "" is one of none. @words: also of those that begin with a colon. */
bool net_select_valid(const char *names, bool words);

/* Is that word among @names? */
bool net_select_has(const char *names, const char *word);
/* Is there a name among them, not only words? */
bool net_select_has_names(const char *names);

/* Is one of @names for links of the namespace @ns? */
bool net_select_fits_namespace(const char *names, const char *ns);

/* Does one of @names fit the link that is called "NAME" or "NAMESPACE/NAME"? */
bool net_select_fits(const char *names, const char *text);

/* The link of that exact name, which may be an alternative one; NULL. */
struct net_link *net_find_named(const struct net_record *r, const char *text);

/*
 * Takes everything else out of @r; a namespace of which nothing is left, too. @exact are more names,
 * without wildcards, and a NULL behind the last; or NULL. -ENOMEM.
 */
int net_select_with(struct net_record *r, const char *names, const char *const *exact);
int net_select(struct net_record *r, const char *names);

#endif

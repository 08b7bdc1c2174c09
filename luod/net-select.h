/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-select - which links of a machine a record tells of: those that somebody named, and those
 * without which they would carry nothing.
 *
 * Names are separated by blanks and may have wildcards (fnmatch(3)); "NAMESPACE/NAME" is a link of a
 * named network namespace. A link takes along what it lies on, its master, all ports of that, and the
 * other end of a veth pair; a route goes along when all links do that it leads over.
 */
#ifndef LUOD_NET_SELECT_H
#define LUOD_NET_SELECT_H

#include "net.h"

/* Whether it is a list of names; "" is one of none. */
bool net_select_valid(const char *names);

/* Takes everything else out of @r; a namespace of which nothing is left, too. -ENOMEM. */
int net_select(struct net_record *r, const char *names);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns - network namespaces, this process's own and named ones: files of a folder (/run/netns) that
 * namespaces are bound to.
 *
 * What is made in a namespace belongs to it for good. So one is entered only to make something there,
 * and left before the call returns.
 */
#ifndef LUOD_NETNS_H
#define LUOD_NETNS_H

#include "util.h"

/*
 * An fd of the namespace @name of folder @folder, which the caller owns; "" is this process's own.
 * -ENOENT: there is none, or only a file to which none is bound any more; -EINVAL: this is no name. netns_new() makes it, or answers -EEXIST.
 */
int netns_open(const char *folder, const char *name);
int netns_new(const char *folder, const char *name);

/* Calls @run inside of namespace @fd; negative errno of the way there, or what @run returned. */
int netns_call(int fd, int (*run)(void *userdata), void *userdata);

/*
 * A bound socket of netlink, of @protocol, in the namespace that this process is in; the caller owns
 * it. -EPROTONOSUPPORT: the kernel does not have it.
 */
int netns_netlink(int protocol);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-watch - tells that links may have come, or have got another name, in this process's network
 * namespace, where hardware turns up. Nothing is kept of what the kernel tells: who wants to know more
 * reads the network.
 */
#ifndef LUOD_NET_WATCH_H
#define LUOD_NET_WATCH_H

#include "util.h"

struct net_watch;

int net_watch_new(struct net_watch **ret);
void net_watch_free(struct net_watch *w);
DEFINE_CLEANUP(struct net_watch *, net_watch_free)

/* To be polled for reading; it stays the watch's. */
int net_watch_fd(const struct net_watch *w);

/* Reads all there is, without waiting. True: a link is new, or may be. */
bool net_watch_read(struct net_watch *w);

#endif

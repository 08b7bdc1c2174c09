/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-late - what of the network comes later than luod.
 *
 * A card whose driver is a module, or whose virtual functions are made by somebody else, is there only
 * when udev has found it, and /dev/net/tun only when somebody has made that. What failed for want of it,
 * and nothing else, is replayed when the kernel tells of a new link or /dev of the node: what a guest's
 * owner has changed since then, or taken away, stays so. Rates that wait for a carrier are tried again by
 * the clock.
 *
 * What waits stands in a file of /run/luod, for a luod that is started again. It waits until it is there,
 * or the next update begins.
 */
#ifndef LUOD_NETWORK_LATE_H
#define LUOD_NETWORK_LATE_H

#include "manager.h"
#include "net-replay.h"

/* What @report, of the first replay, leaves to wait for. Also marks in the timeline what it came to. */
void network_late_begin(struct manager *m, const struct net_report *report);
/* What the luod before this one waited for. */
void network_late_resume(struct manager *m);
/* Nobody waits any more. */
void network_late_end(struct manager *m);

struct network_late;
void network_late_free(struct network_late *late);

#endif

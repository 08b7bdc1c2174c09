/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-sriov - the virtual functions of a card, by sysfs: how many there are, and when their drivers get
 * them. A card is named by its device, "pci/0000:03:00.0", because a link of another namespace is not in
 * our /sys/class/net.
 *
 * A driver asks for its function's hardware address when it gets it, and many cards then stick to what
 * they have said. So drivers wait until the functions are set up, unless the host has them wait anyway.
 */
#ifndef LUOD_NET_SRIOV_H
#define LUOD_NET_SRIOV_H

#include "util.h"

/* Makes @n. *ret_held: their drivers wait for net_sriov_probe(). */
int net_sriov_make(const char *parent, unsigned int n, bool *ret_held);
/* Gives all of them to their drivers, as they are from now on. */
int net_sriov_probe(const char *parent);
/* Takes them away; @held as above. */
int net_sriov_unmake(const char *parent, bool held);

#endif

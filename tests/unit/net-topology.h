/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-topology - random networks, made by ip(8) in the namespaces of net-world: bridges, pairs, TAPs,
 * macvtaps, VLANs and bonds, one below the other, with settings, addresses, routes and neighbours.
 *
 * The same seed makes the same network on every machine whose kernel has the same kinds of links.
 */
#ifndef TESTS_NET_TOPOLOGY_H
#define TESTS_NET_TOPOLOGY_H

#include <stdint.h>

/* Once, in namespaces: tries what this kernel can make, and says what it cannot. */
void net_topology_probe(void);

/* From now on chance goes by this one; any number will do. */
void net_topology_seed(uint64_t seed);

/* One of 0 to @n - 1. */
unsigned int net_topology_chance(unsigned int n);

/* A new network, in place of all there was. NET_SEED in the environment: shows the lines. */
void net_topology_make(void);

#endif

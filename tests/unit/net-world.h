/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-world - network namespaces to play in: a user namespace if need be, a mount namespace with a
 * /run/netns of its own, and as many network namespaces as a test wants, one after the other. What is
 * in them is made by ip(8), so that luod is not its own witness.
 */
#ifndef TESTS_NET_WORLD_H
#define TESTS_NET_WORLD_H

#include <jansson.h>
#include <stdbool.h>

#include "luod/net.h"

/* Once, at first. NULL, or why it is not possible here. */
const char *net_world_enter(void);

/* In a child: a mount namespace with a /run of its own, so that names are its own. */
int net_world_apart(void);

/* A network namespace without anything; the one before, and every named one, is gone. */
void net_world_fresh(void);

/* Makes a named one. */
void net_world_add(const char *name);

/* Lines for `ip -batch`, in a named namespace or ("") here; what fails is passed over. Likewise for
 * bridge(8) and tc(8), and for `ip -6`, because a line of a batch cannot say its family. Returns
 * whether all went well. */
bool net_world_ip(const char *namespace, const char *lines);
bool net_world_ip6(const char *namespace, const char *lines);
bool net_world_bridge(const char *namespace, const char *lines);
bool net_world_tc(const char *namespace, const char *lines);

/* Whether links of that kind can be made here. */
bool net_world_has(const char *lines);

/* All that there is, as luod reads it when it chooses everything; aborts when it cannot. */
struct net_record net_world_read(void);

/* What ip(8) says of all there is in a namespace, without what differs each time. */
json_t *net_world_witness(const char *namespace);

#endif

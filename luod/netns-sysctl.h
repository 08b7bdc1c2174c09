/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns-sysctl - the sysctls of a network namespace as a whole that are worth telling when they are
 * otherwise than a kernel begins with: files below /proc/sys/net, which show the namespace of whoever opens
 * them. luod asks for these, and luod-host opens no other.
 */
#ifndef LUOD_NETNS_SYSCTL_H
#define LUOD_NETNS_SYSCTL_H

#include "util.h"

/* The name of one, and in *ret_usual what a kernel begins with; NULL behind the last. */
const char *netns_sysctl(size_t i, int *ret_usual);

/* Is it one of them? */
bool netns_sysctl_known(const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-fresh - what a test does first that plays with networks (net-world.h): an empty one, or a skip. */
#ifndef TESTS_NET_FRESH_H
#define TESTS_NET_FRESH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/host.h"
#include "net-world.h"

static struct host host _unused_ = HOST_BY_ITSELF;
static const char *impossible; /* why it is not possible here, or NULL */

static inline int enter(void **state _unused_)
{
	impossible = net_world_enter();
	return 0;
}

static inline void need_networks(void)
{
	if (!impossible)
		return;
	printf("# SKIP not possible here: %s\n", impossible);
	skip();
}

static inline void fresh(const char *lines)
{
	need_networks();
	net_world_fresh();
	assert_true(net_world_ip("", lines));
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-check - what a check says of the links of a fresh namespace. */
#ifndef TESTS_NET_CHECK_H
#define TESTS_NET_CHECK_H

#include "assert-text.h"
#include "luod/net-left-out-private.h"
#include "luod/net-prove.h"
#include "luod/net-select.h"
#include "luod/preflight.h"
#include "net-fresh.h"

#define PROC   "/run/proc"
#define SYSCTL "/run/sysctl"

static inline struct net_left_out find(const char *links)
{
	struct net_record r = net_world_read();
	struct host here = host;
	_cleanup_free_ char *error = NULL;
	struct net_left_out left;

	here.places.proc = PROC;
	here.places.sysctl = SYSCTL;
	assert_int_equal(net_select(&r, links), 0);
	assert_int_equal(net_prove(&r, &error), 0);
	assert_int_equal(net_left_out_find(&r, &here, &left), 0);
	net_record_clear(&r);
	return left;
}

/* "code object: sentence", one on each line, as a check says it of these links. */
static inline char *check(const char *links)
{
	struct preflight_network network = { .asked = true, .n_links = 1, .left = find(links) };
	struct preflight_context c = { .network = &network };
	struct findings findings;
	char *text = strdup("");

	assert_int_equal(preflight_run(&c, &findings), 0);
	for (size_t i = 0; i < findings.n; i++) {
		const struct finding *f = &findings.items[i];
		char *longer = strncmp(f->code, "network", 7) == 0
				       ? strprintf("%s%s %s %s: %s\n", text,
						   severity_to_string(f->severity), f->code,
						   f->object, f->message)
				       : NULL;

		if (!longer)
			continue;
		free(text);
		text = longer;
	}
	findings_free(&findings);
	net_left_out_clear(&network.left);
	return text;
}

#endif

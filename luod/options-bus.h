/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options-bus - reads the a{sv} that ends most methods by a table of keys. A key that is not in
 * the table, one that comes twice or has another type is refused by name: a misspelt option that
 * is silently ignored would be found out only after the jump.
 */
#ifndef LUOD_OPTIONS_BUS_H
#define LUOD_OPTIONS_BUS_H

#include <systemd/sd-bus.h>

#include "util.h"

struct option_spec {
	const char *key;
	char type;     /* 's', 't', 'b' (int) or 'h' (fd, borrowed from the message) */
	size_t offset; /* of const char *, uint64_t or int in the result */
	int (*from_string)(const char *word); /* 's' only: store the enum as int instead */
};

/* Errors are set as org.luod1.Error.InvalidOption. The result is changed only for keys present. */
int options_read(sd_bus_message *m, const struct option_spec *specs, size_t n_specs, void *ret,
		 sd_bus_error *error);

#define LUOD_ERROR(name) "org.luod1.Error." name

#endif

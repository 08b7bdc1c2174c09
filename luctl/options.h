/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options - from an argument vector to a verb and its options; the tables of both are here. */
#ifndef LUCTL_OPTIONS_H
#define LUCTL_OPTIONS_H

#include "luctl/luctl.h"

struct luctl_verb {
	const char *name;
	int (*run)(struct luctl *luctl, char **argv);
	unsigned int min_args, max_args;
	const char *synopsis; /* what follows the name */
	const char *help;
};

/*
 * Parses @argv into @luctl->options and finds the verb (status when none is given). The arguments
 * of the verb are *@ret_args, inside of @argv, which is permuted. Returns LUCTL_OK, or LUCTL_USAGE
 * after having said why. --help and --version are verbs for the caller.
 */
int luctl_options_parse(struct luctl *luctl, int argc, char **argv,
			const struct luctl_verb **ret_verb, char ***ret_args);
void luctl_options_clear(struct luctl_options *options);

#endif

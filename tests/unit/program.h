/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program - a program run to its end without a shell between: what a test gives it, and what it says. */
#ifndef TESTS_PROGRAM_H
#define TESTS_PROGRAM_H

/*
 * Runs @arguments, the first of which is looked for in $PATH; it reads @input (NULL: nothing), and what it
 * complains of is lost. Returns its exit status, -ENOENT if there is no such program, -EINTR if a signal
 * has killed it. @ret_output, unless NULL, is what it printed, also when it failed; the caller frees it.
 */
int program_run(const char *const arguments[], const char *input, char **ret_output);

/* The same for arguments in one line, with spaces between that are not part of any. */
int program_run_line(const char *line, const char *input, char **ret_output);

#define PROGRAM(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif

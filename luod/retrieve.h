/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retrieve - takes a file out of a kernel session that came through a jump, and knows when to give up. */
#ifndef LUOD_RETRIEVE_H
#define LUOD_RETRIEVE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * kdev_luo_session_retrieve_fd(). The kernel tries a file once, and repeats ever after what came of it. But it
 * takes a number for the fd before that: when there is none (EMFILE, ENOMEM), nothing has become of the file,
 * which may still come. On failure *ret_final says which of the two it is. The caller owns *ret_fd.
 */
int retrieve_file(int session, uint64_t token, int *ret_fd, bool *ret_final);

#endif

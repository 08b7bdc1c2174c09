/* SPDX-License-Identifier: GPL-2.0-or-later */
/* retrieve - see retrieve.h. */
#include "retrieve.h"

#include <unistd.h>

#include "kdev-luo.h"
#include "util.h"

/* An error counts once it is repeated while there certainly is a number: of a duplicate that is closed again. */
int retrieve_file(int session, uint64_t token, int *ret_fd, bool *ret_final)
{
	int first = kdev_luo_session_retrieve_fd(session, token, ret_fd), number, r;

	*ret_final = false;
	if (first >= 0)
		return 0;
	number = fd_dup(session);
	if (number < 0)
		return first;
	close(number);
	r = kdev_luo_session_retrieve_fd(session, token, ret_fd);
	*ret_final = r == first;
	return r;
}

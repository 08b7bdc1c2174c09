/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-kernel - the ioctls on a kernel session that a client in delegation needs. The numbers and
 * structures are those of include/uapi/linux/liveupdate.h. Finishing the session is luod's.
 */
#include <linux/liveupdate.h>
#include <sys/ioctl.h>

#include "lu-private.h"

int lu_kernel_preserve(int session_fd, int fd, uint64_t token)
{
	struct liveupdate_session_preserve_fd args = {
		.size = sizeof(args),
		.fd = fd,
		.token = token,
	};

	return ioctl(session_fd, LIVEUPDATE_SESSION_PRESERVE_FD, &args) < 0 ? -errno : 0;
}

int lu_kernel_retrieve(int session_fd, uint64_t token, int *ret_fd)
{
	struct liveupdate_session_retrieve_fd args = {
		.size = sizeof(args),
		.fd = -1,
		.token = token,
	};

	if (ioctl(session_fd, LIVEUPDATE_SESSION_RETRIEVE_FD, &args) < 0)
		return -errno;
	*ret_fd = args.fd;
	return 0;
}

int lu_kernel_unpreserve(int session_fd, uint64_t token)
{
	struct liveupdate_session_unpreserve_fd args = { .size = sizeof(args), .token = token };

	return ioctl(session_fd, LIVEUPDATE_SESSION_UNPRESERVE_FD, &args) < 0 ? -errno : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet.h"

union control {
	char buffer[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

int packet_send(int socket, const void *data, size_t size, int fd, int flags)
{
	union control control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
					      .cmsg_level = SOL_SOCKET,
					      .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The first fd, or -EBADF. */
static int take_fd(struct msghdr *message)
{
	int taken = -EBADF;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		const int *fds = (const int *)(const void *)CMSG_DATA(c);
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (taken < 0)
				taken = fds[i];
			else
				close_fd(fds[i]);
		}
	}
	return taken;
}

ssize_t packet_receive(int socket, void *data, size_t size, int flags, int *ret_fd)
{
	union control control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	n = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	fd = take_fd(&message);
	if (n == 0)
		return -ECONNRESET;
	if (message.msg_flags & MSG_TRUNC)
		return -EPROTO;
	if (message.msg_flags & MSG_CTRUNC && fd < 0)
		return -EMFILE;
	*ret_fd = TAKE_FD(fd);
	return n;
}

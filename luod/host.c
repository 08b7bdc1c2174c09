/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host - see host.h. */
#include "host.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "packet.h"

/*
 * Freezing waits for disks. Nothing else waits for anything, but luod-host itself may only just be started,
 * with everything else of a boot, and a network that is not restored for that is a guest's downtime.
 */
#define FREEZE_MSEC 60000
#define DEED_MSEC   20000

void host_close(struct host *h)
{
	h->fd = close_fd(h->fd);
}

static int connect_host(struct host *h)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;

	if (h->fd >= 0)
		return 0;
	if (strlen(h->socket) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, h->socket, strlen(h->socket));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const void *)&address, sizeof(address)) < 0)
		return -errno;
	h->fd = TAKE_FD(fd);
	return 0;
}

void host_wake(struct host *h)
{
	if (h->socket)
		connect_host(h);
}

static int receive(int socket, int msec, struct host_reply *ret, int *ret_fd)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;
	int r;

	do
		r = poll(&p, 1, msec);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = packet_receive(socket, ret, sizeof(*ret), 0, &fd);
	if (n < 0)
		return (int)n;
	if (n != sizeof(*ret) || ret->size != sizeof(*ret) || ret->result > 0)
		return -EPROTO;
	ret->text[sizeof(ret->text) - 1] = '\0';
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int exchange_once(struct host *h, const struct host_request *request, int fd,
			 struct host_reply *ret, int *ret_fd)
{
	int r = connect_host(h);

	if (r >= 0)
		r = packet_send(h->fd, request, sizeof(*request), fd, 0);
	if (r >= 0)
		r = receive(h->fd, request->op == HOST_FREEZE ? FREEZE_MSEC : DEED_MSEC, ret,
			    ret_fd);
	/* An answer that comes later must not be taken for the next one's. */
	if (r < 0)
		host_close(h);
	return r;
}

#define REQUEST(...)                                                   \
	(struct host_request)                                          \
	{                                                              \
		.size = sizeof(struct host_request), .op = __VA_ARGS__ \
	}

/* The result, and an fd that the caller owns where there is one. */
static int call(struct host *h, const struct host_request *request, int fd, struct host_reply *ret,
		int *ret_fd)
{
	int r;

	if (!h->socket) {
		host_do(request, &h->places, fd, ret, ret_fd);
		return ret->result;
	}
	r = exchange_once(h, request, fd, ret, ret_fd);
	/* It may just be an old connection. */
	if (r == -EPIPE || r == -ECONNRESET)
		r = exchange_once(h, request, fd, ret, ret_fd);
	return r < 0 ? r : ret->result;
}

static int call_for_fd(struct host *h, struct host_request request, const char *name, int fd)
{
	_cleanup_close_ int got = -EBADF;
	struct host_reply reply = {};
	int r;

	if (strlen(name) >= sizeof(request.name))
		return -ENAMETOOLONG;
	memcpy(request.name, name, strlen(name));
	r = call(h, &request, fd, &reply, &got);
	if (r < 0)
		return r;
	return got < 0 ? -EPROTO : TAKE_FD(got);
}

int host_freeze(struct host *h, char **ret_path)
{
	_cleanup_close_ int unexpected = -EBADF;
	struct host_reply reply = {};
	int r = call(h, &REQUEST(HOST_FREEZE), -EBADF, &reply, &unexpected);

	if (r < 0 && *reply.text)
		*ret_path = strdup(reply.text);
	return r;
}

int host_thaw(struct host *h)
{
	_cleanup_close_ int unexpected = -EBADF;
	struct host_reply reply = {};

	return call(h, &REQUEST(HOST_THAW), -EBADF, &reply, &unexpected);
}

/* By the host's mounts: ip(8) makes its folder one that tells no other mount namespace of those in it. */
int host_namespace(struct host *h, const char *name, bool make)
{
	int fd = call_for_fd(h, REQUEST(HOST_NAMESPACE), name, -EBADF);

	return fd == -ENOENT && make ? call_for_fd(h, REQUEST(HOST_NAMESPACE_NEW), name, -EBADF)
				     : fd;
}

int host_netlink(struct host *h, int fd, int protocol)
{
	return call_for_fd(h, REQUEST(HOST_NETLINK, .protocol = (uint32_t)protocol), "", fd);
}

int host_tun(struct host *h, int fd)
{
	return call_for_fd(h, REQUEST(HOST_TUN), "", fd);
}

int host_proc_net(struct host *h, int fd, const char *name)
{
	return call_for_fd(h, REQUEST(HOST_PROC_NET), name, fd);
}

int host_sysctl(struct host *h, int fd, const char *name)
{
	return call_for_fd(h, REQUEST(HOST_SYSCTL), name, fd);
}

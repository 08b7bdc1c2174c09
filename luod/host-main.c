/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luod-host - does for luod what must be done in the host's own mount namespace and with
 * CAP_SYS_ADMIN: file systems are frozen, named network namespaces made and entered. So luod, which
 * reads what clients, the previous kernel and kernel images say, needs neither.
 *
 * systemd listens, on a socket that only root can open. One client is served at a time, which is
 * luod; what it has frozen is thawed when its connection ends.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "host-do.h"
#include "host.h"
#include "log.h"
#include "packet.h"

static const struct host_places places = HOST_PLACES;

/* One request; not positive at the end of the connection. */
static int serve_one(int client, bool *frozen)
{
	struct host_request request = {};
	_cleanup_close_ int fd = -EBADF, answer = -EBADF;
	struct host_reply reply;
	ssize_t n = packet_receive(client, &request, sizeof(request), 0, &fd);

	if (n < 0 && n != -EMFILE)
		return (int)n;
	if (n != sizeof(request))
		request.size = 0;
	host_do(&request, &places, fd, &reply, &answer);
	if (n == -EMFILE)
		reply.result = (int)n;
	if (request.op == HOST_FREEZE && reply.result >= 0)
		*frozen = true;
	else if (request.op == HOST_THAW)
		*frozen = false;
	return packet_send(client, &reply, sizeof(reply), answer, 0) < 0 ? 0 : 1;
}

static void serve(int client)
{
	struct host_request thaw = { .size = sizeof(thaw), .op = HOST_THAW };
	struct host_reply reply;
	bool frozen = false;
	int unexpected;

	while (serve_one(client, &frozen) > 0)
		;
	if (frozen)
		host_do(&thaw, &places, -EBADF, &reply, &unexpected);
}

int main(void)
{
	if (sd_listen_fds(true) != 1) {
		log_error("No socket: luod-host is started by systemd (luod-host.socket)");
		return EXIT_FAILURE;
	}
	umask(022);
	sd_notify(0, "READY=1");
	for (;;) {
		_cleanup_close_ int client = accept4(SD_LISTEN_FDS_START, NULL, NULL, SOCK_CLOEXEC);

		if (client >= 0) {
			serve(client);
		} else if (errno != EINTR && errno != ECONNABORTED) {
			log_error_errno(-errno, "Cannot accept a connection: %m");
			return EXIT_FAILURE;
		}
	}
}

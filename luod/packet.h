/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet - one message of a SOCK_SEQPACKET socket, with at most one fd: what luod and its keeper
 * say to each other in.
 */
#ifndef LUOD_PACKET_H
#define LUOD_PACKET_H

#include <sys/socket.h>

#include "util.h"

/* Sends @size bytes and, if it is not negative, a copy of @fd. 0, or what sendmsg() says. Who has
 * hung up raises no SIGPIPE. */
int packet_send(int socket, const void *data, size_t size, int fd, int flags);

/*
 * Receives at most @size bytes and returns how many there were. The caller owns *ret_fd, or it is
 * -EBADF; further fds are closed. -ECONNRESET: the other side has hung up. -EPROTO: there was more
 * than fits; the connection is as good as before, and the next packet is another. -EMFILE: an fd came along
 * and there was no number for it; the packet is gone.
 */
ssize_t packet_receive(int socket, void *data, size_t size, int flags, int *ret_fd);

#endif

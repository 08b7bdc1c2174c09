/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-socket - rtnetlink, in the network namespace that the socket was made in: requests and their
 * answers. Requests wait for their answer, at most a few seconds, which no kernel takes: nobody but
 * the kernel answers on such a socket.
 */
#ifndef LUOD_NET_SOCKET_H
#define LUOD_NET_SOCKET_H

#include "util.h"

struct host;
struct nl_msg;
struct net_socket;

/* A socket in namespace @fd, which is only borrowed. */
int net_socket_new(struct host *host, int fd, struct net_socket **ret);
/* Likewise, of another protocol of netlink; -EPROTONOSUPPORT: the kernel does not have it. */
int net_socket_new_of(struct host *host, int protocol, int fd, struct net_socket **ret);
void net_socket_free(struct net_socket *s);
DEFINE_CLEANUP(struct net_socket *, net_socket_free)

/*
 * Sends @msg and waits for the answer; both own nothing and leave @msg to the caller.
 * net_socket_change() has it acknowledged: 0, or the kernel's error. net_socket_dump() asks for all
 * there is and net_socket_get() for one thing; @on_message gets every message of the answer; when that returns an error, the rest is passed over
 * and the error returned. A dump that somebody changed meanwhile is -EINTR, and worth another try.
 * What the kernel says beside its error is net_socket_complaint(), until the next request; or "".
 */
typedef int (*net_message_t)(struct nl_msg *msg, void *userdata);
int net_socket_change(struct net_socket *s, struct nl_msg *msg);
int net_socket_dump(struct net_socket *s, struct nl_msg *msg, net_message_t on_message,
		    void *userdata);
int net_socket_get(struct net_socket *s, struct nl_msg *msg, net_message_t on_message,
		   void *userdata);
const char *net_socket_complaint(const struct net_socket *s);

/* The number of namespace @fd in the namespace of the socket, or -1 when it has none there. */
int net_socket_nsid(struct net_socket *s, int fd);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-proto - what luod and luod-host say to each other.
 *
 * One AF_UNIX SOCK_SEQPACKET connection, root to root. Each message is one packet: a struct
 * host_request, answered with one struct host_reply. At most one fd travels with each. Both programs
 * are of one version but for the moment of an upgrade: a size that is not known is -EPROTO.
 */
#ifndef LUOD_HOST_PROTO_H
#define LUOD_HOST_PROTO_H

#include <stdint.h>

#define HOST_NAME_SIZE 256
#define HOST_TEXT_SIZE 1024

enum host_op {
	/*
	 * Freezes every file system on a block device, until HOST_THAW or the end of the connection: a
	 * luod that dies leaves nothing frozen. .text of a failure is where.
	 */
	HOST_FREEZE = 1,
	HOST_THAW,

	/*
	 * The fd of the named network namespace .name, which the second one makes. -ENOENT: there is
	 * none; -EEXIST: there is one.
	 */
	HOST_NAMESPACE,
	HOST_NAMESPACE_NEW,

	/*
	 * In the network namespace that is attached: a socket of netlink, of protocol .protocol; a queue
	 * of /dev/net/tun; file .name of /proc/net, or of /proc/sys/net, open for reading.
	 * -EPROTONOSUPPORT, -EINVAL: the protocol, or the file, is none that luod asks for.
	 */
	HOST_NETLINK,
	HOST_TUN,
	HOST_PROC_NET,
	HOST_SYSCTL,
};

struct host_request {
	uint32_t size;
	uint32_t op;
	uint32_t protocol;	   /* NETLINK_* */
	char name[HOST_NAME_SIZE]; /* terminated */
};

struct host_reply {
	uint32_t size;
	int32_t result; /* 0 or a negative errno */
	char text[HOST_TEXT_SIZE];
};

#endif

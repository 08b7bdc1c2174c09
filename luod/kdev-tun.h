/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-tun - TUN and TAP links, which the kernel makes by ioctls on /dev/net/tun instead of
 * rtnetlink: in the network namespace of whoever opens the device. And their queues: an fd of that
 * device is one, and whoever has it, has the guest's end of the link.
 */
#ifndef LUOD_KDEV_TUN_H
#define LUOD_KDEV_TUN_H

#include <net/if.h>

#include "util.h"

struct kdev_tun {
	const char *name;
	bool tap; /* frames; otherwise packets */
	bool packet_information, vnet_header, multi_queue;
	bool has_owner, has_group;
	uid_t owner;
	gid_t group;
};

/* A queue of no link yet, non-blocking, in the network namespace of the caller, who owns the fd. */
int kdev_tun_open(void);

/*
 * Makes the link of a queue of none, and has it stay when that is closed, which is left to the caller.
 * Negative errno, and then there is none: -EBUSY: the name is in use.
 */
int kdev_tun_make(int fd, const struct kdev_tun *tun);

/* --- a queue ---------------------------------------------------------------------------------- */

struct kdev_tun_queue {
	char name[IFNAMSIZ]; /* of its link */
	uint16_t flags;	     /* IFF_*, those that TUNSETIFF takes */
	bool persistent;     /* the link stays without it */
	bool disabled;	     /* one of several, switched off (IFF_DETACH_QUEUE) */
	bool non_blocking;
	bool little_endian, big_endian; /* the virtio header, whatever the host is */
	uint32_t header;		/* bytes of the virtio header; 0: none */
	uint32_t send_buffer;		/* bytes */
	uint32_t offloads;		/* TUN_F_* */
};

/*
 * Is it a file of /dev/net/tun that is open for reading and writing? By its number, because an
 * ioctl on a stranger's file may mean anything. Negative errno: it is no fd.
 */
int kdev_tun_fd_is_queue(int fd);

/* The network namespace of its link, which the caller closes. -EBADFD: it has no link (any more). */
int kdev_tun_namespace(int fd, int *ret_fd);

/*
 * What there is to know of it but for IFF_NO_PI, which rtnetlink tells of the link. @socket is any
 * socket of the namespace of that. -EBADFD likewise.
 */
int kdev_tun_describe(int fd, int socket, struct kdev_tun_queue *ret);

/*
 * Makes @fd, which is of no link yet, one more queue of that link, with these settings. @fd and
 * @socket, any socket, are of the namespace of the link, which somebody else makes persistent before:
 * kdev_tun_settle() has it be as @queue says, once the fd is safe. -EBUSY: somebody has the only
 * queue. -EINVAL: a link of another kind. -ENODEV: the link has gone meanwhile.
 */
int kdev_tun_reattach(const struct kdev_tun_queue *queue, int fd, int socket);
int kdev_tun_settle(const struct kdev_tun_queue *queue, int fd);

#endif

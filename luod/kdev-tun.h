/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-tun - TUN and TAP links, which the kernel makes by ioctls on /dev/net/tun instead of
 * rtnetlink: in the network namespace of whoever opens the device.
 */
#ifndef LUOD_KDEV_TUN_H
#define LUOD_KDEV_TUN_H

#include "util.h"

struct kdev_tun {
	const char *name;
	bool tap; /* frames; otherwise packets */
	bool packet_information, vnet_header, multi_queue;
	bool has_owner, has_group;
	uid_t owner;
	gid_t group;
};

/*
 * Makes the link and has it stay without anybody who has it open. Negative errno, and then there is
 * none: -EBUSY: the name is in use.
 */
int kdev_tun_make(const struct kdev_tun *tun);

/* Opens a queue of a link that is there. *ret_fd is the caller's. */
int kdev_tun_attach(const struct kdev_tun *tun, int *ret_fd);

#endif

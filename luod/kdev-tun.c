/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdev-tun - see kdev-tun.h. */
#include "kdev-tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

int kdev_tun_open(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int attach(int fd, const struct kdev_tun *tun)
{
	struct ifreq request = {};

	if (strlen(tun->name) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	memcpy(request.ifr_name, tun->name, strlen(tun->name));
	request.ifr_flags =
		(short)((tun->tap ? IFF_TAP : IFF_TUN) | (tun->packet_information ? 0 : IFF_NO_PI) |
			(tun->vnet_header ? IFF_VNET_HDR : 0) |
			(tun->multi_queue ? IFF_MULTI_QUEUE : 0) | IFF_TUN_EXCL);
	return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
}

/* Closing the fd of one that was not made to stay makes it go away. */
int kdev_tun_make(int fd, const struct kdev_tun *tun)
{
	int r = attach(fd, tun);

	if (r < 0)
		return r;
	if (tun->has_owner && ioctl(fd, TUNSETOWNER, (unsigned long)tun->owner) < 0)
		return -errno;
	if (tun->has_group && ioctl(fd, TUNSETGROUP, (unsigned long)tun->group) < 0)
		return -errno;
	return ioctl(fd, TUNSETPERSIST, 1UL) < 0 ? -errno : 0;
}

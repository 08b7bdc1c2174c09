/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-tun-queue - the queues of TUN and TAP links, see kdev-tun.h. The kernel tells everything of a
 * queue by an ioctl that is the inverse of the one that sets it, but for the offloads: those are
 * features of the link, which ethtool's ioctls tell by name.
 */
#include "kdev-tun.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define TUN_MAJOR    10 /* of "misc" */
#define TUN_MINOR    200
#define FEATURES_MAX 256
#define BLOCKS_MAX   (FEATURES_MAX / 32)

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* What TUNSETIFF takes: the rest of a queue's flags is said otherwise. */
#define MADE_WITH \
	(IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE | IFF_NAPI | IFF_NAPI_FRAGS)

int kdev_tun_fd_is_queue(int fd)
{
	int r = fd_is_read_write(fd);
	struct stat st;

	if (r < 0 || fstat(fd, &st) < 0)
		return r < 0 ? r : -errno;
	return S_ISCHR(st.st_mode) && st.st_rdev == makedev(TUN_MAJOR, TUN_MINOR) && r;
}

int kdev_tun_namespace(int fd, int *ret_fd)
{
	int ns = ioctl(fd, TUNGETDEVNETNS);

	if (ns < 0)
		return -errno;
	*ret_fd = ns;
	return 0;
}

/* --- offloads --------------------------------------------------------------------------------- */

/* Which features of the link a bit of TUNSETOFFLOAD switches on; two bits may share one. */
static const struct {
	const char *feature;
	uint32_t bits;
} offloads[] = {
	{ "tx-checksum-ip-generic", TUN_F_CSUM },
	{ "tx-tcp-segmentation", TUN_F_TSO4 },
	{ "tx-tcp6-segmentation", TUN_F_TSO6 },
	{ "tx-tcp-ecn-segmentation", TUN_F_TSO_ECN },
	{ "tx-udp-segmentation", TUN_F_USO4 | TUN_F_USO6 },
};

static int ask(int socket, const char *name, void *command)
{
	struct ifreq request = { .ifr_data = command };

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	return ioctl(socket, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static int count_features(int socket, const char *name, uint32_t *ret)
{
	_cleanup_free_ struct ethtool_sset_info *info = calloc(1, sizeof(*info) + sizeof(uint32_t));
	int r;

	if (!info)
		return -ENOMEM;
	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ULL << ETH_SS_FEATURES;
	r = ask(socket, name, info);
	if (r < 0)
		return r;
	if (info->data[0] > FEATURES_MAX)
		return -E2BIG;
	*ret = info->data[0];
	return 0;
}

static uint32_t bits_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(offloads); i++)
		if (strncmp(offloads[i].feature, name, ETH_GSTRING_LEN) == 0)
			return offloads[i].bits;
	return 0;
}

static int read_offloads(int socket, const char *name, uint32_t *ret)
{
	_cleanup_free_ struct ethtool_gfeatures *features =
		calloc(1, sizeof(*features) + BLOCKS_MAX * sizeof(features->features[0]));
	_cleanup_free_ struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)FEATURES_MAX * ETH_GSTRING_LEN);
	uint32_t n, bits = 0;
	int r = features && names ? count_features(socket, name, &n) : -ENOMEM;

	if (r < 0)
		return r;
	features->cmd = ETHTOOL_GFEATURES;
	features->size = BLOCKS_MAX;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	if ((r = ask(socket, name, names)) < 0 || (r = ask(socket, name, features)) < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		if (features->features[i / 32].active & 1U << i % 32)
			bits |= bits_of((const char *)names->data + (size_t)i * ETH_GSTRING_LEN);
	*ret = bits;
	return 0;
}

/* --- describing ------------------------------------------------------------------------------- */

static bool get_flag(int fd, unsigned long request)
{
	int value = 0;

	return ioctl(fd, request, &value) >= 0 && value;
}

static uint32_t get_size(int fd, unsigned long request)
{
	int value = 0;

	return ioctl(fd, request, &value) < 0 || value < 0 ? 0 : (uint32_t)value;
}

int kdev_tun_describe(int fd, int socket, struct kdev_tun_queue *ret)
{
	struct kdev_tun_queue q = {};
	struct ifreq request = {};
	uint16_t flags;
	int r;

	if (ioctl(fd, TUNGETIFF, &request) < 0)
		return -errno;
	memcpy(q.name, request.ifr_name, sizeof(q.name) - 1);
	flags = (uint16_t)request.ifr_flags;
	/* IFF_NO_PI has the same bit here as IFF_NOFILTER, which is what the kernel means. */
	q.flags = flags & MADE_WITH & ~IFF_NO_PI;
	q.persistent = flags & IFF_PERSIST;
	q.disabled = flags & IFF_DETACH_QUEUE;
	q.non_blocking = fcntl(fd, F_GETFL) & O_NONBLOCK;
	q.header = flags & IFF_VNET_HDR ? get_size(fd, TUNGETVNETHDRSZ) : 0;
	q.send_buffer = get_size(fd, TUNGETSNDBUF);
	q.little_endian = get_flag(fd, TUNGETVNETLE);
	q.big_endian = get_flag(fd, TUNGETVNETBE);
	r = read_offloads(socket, q.name, &q.offloads);
	if (r < 0)
		return r;
	*ret = q;
	return 0;
}

/* --- making one like it ----------------------------------------------------------------------- */

static int set_size(int fd, unsigned long request, uint32_t size)
{
	int value = (int)size;

	return size && ioctl(fd, request, &value) < 0 ? -errno : 0;
}

static int set_flag(int fd, unsigned long request, bool on)
{
	int value = 1;

	return on && ioctl(fd, request, &value) < 0 ? -errno : 0;
}

static int set_all(const struct kdev_tun_queue *q, int fd)
{
	struct ifreq off = { .ifr_flags = IFF_DETACH_QUEUE };
	int r;

	if ((r = set_size(fd, TUNSETVNETHDRSZ, q->header)) < 0 ||
	    (r = set_flag(fd, TUNSETVNETLE, q->little_endian)) < 0 ||
	    (r = set_flag(fd, TUNSETVNETBE, q->big_endian)) < 0 ||
	    (r = set_size(fd, TUNSETSNDBUF, q->send_buffer)) < 0)
		return r;
	if (ioctl(fd, TUNSETOFFLOAD, (unsigned long)q->offloads) < 0)
		return -errno;
	if (q->disabled && ioctl(fd, TUNSETQUEUE, &off) < 0)
		return -errno;
	return 0;
}

static int index_of(int socket, const char *name)
{
	struct ifreq request = {};

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	return ioctl(socket, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

/* By its name a link would be made anew, if there were none: what is attached to was there before. */
static int attach_to(const struct kdev_tun_queue *q, int fd, int socket)
{
	struct ifreq request = { .ifr_flags = (short)(q->flags & MADE_WITH) };
	int before = index_of(socket, q->name);

	if (before < 0)
		return before;
	memcpy(request.ifr_name, q->name, sizeof(request.ifr_name));
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return -errno;
	return index_of(socket, q->name) == before ? 0 : -ENODEV;
}

static int set_blocking(const struct kdev_tun_queue *q, int fd)
{
	int flags = fcntl(fd, F_GETFL) & ~O_NONBLOCK;

	return fcntl(fd, F_SETFL, flags | (q->non_blocking ? O_NONBLOCK : 0)) < 0 ? -errno : 0;
}

int kdev_tun_reattach(const struct kdev_tun_queue *queue, int fd, int socket)
{
	int r;

	if ((r = attach_to(queue, fd, socket)) < 0 || (r = set_all(queue, fd)) < 0)
		return r;
	return set_blocking(queue, fd);
}

int kdev_tun_settle(const struct kdev_tun_queue *queue, int fd)
{
	return ioctl(fd, TUNSETPERSIST, queue->persistent ? 1UL : 0UL) < 0 ? -errno : 0;
}

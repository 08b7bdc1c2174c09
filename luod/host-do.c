/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-do - see host-do.h. */
#include "host-do.h"

#include <fcntl.h>
#include <linux/netlink.h>

#include "freeze.h"
#include "kdev-tun.h"
#include "netns.h"
#include "netns-sysctl.h"

struct deed {
	const struct host_request *request;
	const struct host_places *places;
	int fd;
	struct host_reply *reply;
};

/* Each returns an fd for the reply, -EBADF for none, or writes what went wrong into the reply. */
static int done(const struct deed *d, int r)
{
	d->reply->result = r < 0 ? r : 0;
	return r < 0 ? -EBADF : r;
}

static int freeze(const struct deed *d)
{
	_cleanup_free_ char *path = NULL;
	int r = filesystems_freeze(&path);

	snprintf(d->reply->text, sizeof(d->reply->text), "%.*s",
		 FIT(strempty(path), HOST_TEXT_SIZE - 1));
	done(d, r);
	return -EBADF;
}

static int thaw(const struct deed *d _unused_)
{
	filesystems_thaw();
	return -EBADF;
}

static int open_namespace(const struct deed *d)
{
	return done(d, netns_open(d->places->namespaces, d->request->name));
}

static int make_namespace(const struct deed *d)
{
	return done(d, netns_new(d->places->namespaces, d->request->name));
}

static int make_netlink(void *userdata)
{
	const struct deed *d = userdata;

	switch (d->request->protocol) {
	case NETLINK_ROUTE:
	case NETLINK_GENERIC:
	case NETLINK_NETFILTER:
		return netns_netlink((int)d->request->protocol);
	default:
		return -EPROTONOSUPPORT;
	}
}

static int open_tun(void *userdata _unused_)
{
	return kdev_tun_open();
}

static int open_proc(void *userdata)
{
	static const char *const names[] = { "ip_tables_names", "ip6_tables_names",
					     "arp_tables_names" };
	const struct deed *d = userdata;
	_cleanup_free_ char *path = strprintf("%s/%s", d->places->proc, d->request->name);
	int fd = -1;

	if (!path)
		return -ENOMEM;
	errno = EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], d->request->name))
			fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_sysctl(void *userdata)
{
	const struct deed *d = userdata;
	_cleanup_free_ char *path = strprintf("%s/%s", d->places->sysctl, d->request->name);
	int fd;

	if (!path || !netns_sysctl_known(d->request->name))
		return path ? -EINVAL : -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int there_netlink(const struct deed *d)
{
	return done(d, netns_call(d->fd, make_netlink, (void *)d));
}

static int there_tun(const struct deed *d)
{
	return done(d, netns_call(d->fd, open_tun, NULL));
}

static int there_proc(const struct deed *d)
{
	return done(d, netns_call(d->fd, open_proc, (void *)d));
}

static int there_sysctl(const struct deed *d)
{
	return done(d, netns_call(d->fd, open_sysctl, (void *)d));
}

static int (*const deeds[])(const struct deed *d) = {
	[HOST_FREEZE] = freeze,
	[HOST_THAW] = thaw,
	[HOST_NAMESPACE] = open_namespace,
	[HOST_NAMESPACE_NEW] = make_namespace,
	[HOST_NETLINK] = there_netlink,
	[HOST_TUN] = there_tun,
	[HOST_PROC_NET] = there_proc,
	[HOST_SYSCTL] = there_sysctl,
};

void host_do(const struct host_request *request, const struct host_places *places, int fd,
	     struct host_reply *ret, int *ret_fd)
{
	const struct deed d = { request, places, fd, ret };

	*ret = (struct host_reply){ .size = sizeof(*ret) };
	*ret_fd = -EBADF;
	if (request->size != sizeof(*request) ||
	    !memchr(request->name, '\0', sizeof(request->name)))
		ret->result = -EPROTO;
	else if (request->op >= ARRAY_SIZE(deeds) || !deeds[request->op])
		ret->result = -EOPNOTSUPP;
	else
		*ret_fd = deeds[request->op](&d);
}

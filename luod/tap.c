/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap - see tap.h. */
#include "tap.h"

#include <linux/if_tun.h>
#include <linux/netlink.h>

#include "net-machine.h"
#include "session-link.h"

struct tap *tap_free(struct tap *tap)
{
	if (!tap)
		return NULL;
	free(tap->link);
	free(tap->why);
	free(tap);
	return NULL;
}

/* --- before the jump -------------------------------------------------------------------------- */

static uint32_t setting(const struct net_link *link, const char *name)
{
	return (uint32_t)net_setting_named(NET_SET_TUN, &link->own, name, TAP_NOBODY);
}

static int look(struct tap *tap, int fd, struct host *host)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	_cleanup_free_ char *namespace = NULL;
	_cleanup_close_ int ns = -EBADF;
	_cleanup_close_ int there = -EBADF;
	int r;

	if ((r = kdev_tun_namespace(fd, &ns)) < 0 ||
	    (r = net_machine_name(host, ns, &namespace)) < 0 ||
	    (r = there = host_netlink(host, ns, NETLINK_ROUTE)) < 0 ||
	    (r = kdev_tun_describe(fd, there, &tap->queue)) < 0 ||
	    (r = net_machine_look(host, namespace, tap->queue.name, &link)) < 0)
		return r;
	if (!net_setting_named(NET_SET_TUN, &link->own, "packet-information", 0))
		tap->queue.flags |= IFF_NO_PI;
	tap->owner = setting(link, "owner");
	tap->group = setting(link, "group");
	tap->link = strprintf("%s%s%s", namespace, *namespace ? "/" : "", tap->queue.name);
	return tap->link ? 0 : -ENOMEM;
}

int tap_look(int fd, struct host *host, struct tap **ret)
{
	_cleanup_(tap_freep) struct tap *tap = calloc(1, sizeof(*tap));
	int r = tap ? look(tap, fd, host) : -ENOMEM;

	if (r >= 0)
		*ret = TAKE_PTR(tap);
	return r;
}

/* --- after the jump --------------------------------------------------------------------------- */

static bool is_that_link(const struct tap *tap, const struct net_link *link)
{
	bool several = tap->queue.flags & IFF_MULTI_QUEUE;

	return link->kind == NET_KIND_TUN &&
	       setting(link, "type") == (tap->queue.flags & (IFF_TUN | IFF_TAP)) &&
	       net_setting_named(NET_SET_TUN, &link->own, "multi-queue", 0) == several &&
	       setting(link, "owner") == tap->owner && setting(link, "group") == tap->group;
}

static char *explain(const struct tap *tap, int error)
{
	const char *kind = tap->queue.flags & IFF_TAP ? "tap" : "tun";

	switch (error) {
	case -ENODEV:
	case -ENOENT:
		return strprintf("link '%s' is not there, the journal of luod says why; make it "
				 "(ip tuntap add dev %s mode %s%s) and ask again",
				 tap->link, tap->queue.name, kind,
				 tap->queue.flags & IFF_MULTI_QUEUE ? " multi_queue" : "");
	case -EEXIST:
		return strprintf(
			"link '%s' is there and not the one that it was: of another kind, or "
			"made for another user or group; remove it, make the one that was "
			"there before and ask again",
			tap->link);
	case -EBUSY:
		return strprintf("somebody else has link '%s' open; end that and ask again",
				 tap->link);
	default:
		return strprintf("link '%s' cannot be opened: %s", tap->link, strerror(-error));
	}
}

static int open_again(struct tap *tap, struct host *host, int *ret_fd)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	_cleanup_free_ char *namespace = NULL;
	_cleanup_close_ int ns = -EBADF, fd = -EBADF, there = -EBADF;
	const char *name;
	int r;

	if ((r = session_link_parse(tap->link, &namespace, &name)) < 0 ||
	    (r = net_machine_look(host, namespace, name, &link)) < 0)
		return r;
	if (!is_that_link(tap, link))
		return -EEXIST;
	if ((r = ns = host_namespace(host, namespace, false)) < 0 ||
	    (r = there = host_netlink(host, ns, NETLINK_ROUTE)) < 0 ||
	    (r = fd = host_tun(host, ns)) < 0 ||
	    (r = kdev_tun_reattach(&tap->queue, fd, there)) < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int tap_reattach(struct tap *tap, struct host *host, int *ret_fd)
{
	int r = open_again(tap, host, ret_fd);

	free(tap->why);
	tap->why = r < 0 ? explain(tap, r) : NULL;
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap - see tap.h. */
#include "tap.h"

#include <linux/if_tun.h>

#include "net-machine.h"
#include "net-socket.h"
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

/* What is done in the namespace of the link. */
struct visit {
	int fd;
	struct kdev_tun_queue *queue;
	int *ret_fd;
};

static int describe(void *userdata)
{
	struct visit *v = userdata;

	return kdev_tun_describe(v->fd, v->queue);
}

static int reattach(void *userdata)
{
	struct visit *v = userdata;

	return kdev_tun_reattach(v->queue, v->ret_fd);
}

/* --- before the jump -------------------------------------------------------------------------- */

static uint32_t setting(const struct net_link *link, const char *name)
{
	return (uint32_t)net_setting_named(NET_SET_TUN, &link->own, name, TAP_NOBODY);
}

static int look(struct tap *tap, int fd, const char *folder)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	_cleanup_free_ char *namespace = NULL;
	_cleanup_close_ int ns = -EBADF;
	struct visit v = { .fd = fd, .queue = &tap->queue };
	int r;

	if ((r = kdev_tun_namespace(fd, &ns)) < 0 ||
	    (r = net_machine_name(folder, ns, &namespace)) < 0 ||
	    (r = net_namespace_call(ns, describe, &v)) < 0 ||
	    (r = net_machine_look(folder, namespace, tap->queue.name, &link)) < 0)
		return r;
	if (!net_setting_named(NET_SET_TUN, &link->own, "packet-information", 0))
		tap->queue.flags |= IFF_NO_PI;
	tap->owner = setting(link, "owner");
	tap->group = setting(link, "group");
	tap->link = strprintf("%s%s%s", namespace, *namespace ? "/" : "", tap->queue.name);
	return tap->link ? 0 : -ENOMEM;
}

int tap_look(int fd, const char *folder, struct tap **ret)
{
	_cleanup_(tap_freep) struct tap *tap = calloc(1, sizeof(*tap));
	int r = tap ? look(tap, fd, folder) : -ENOMEM;

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

static int open_again(struct tap *tap, const char *folder, int *ret_fd)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	_cleanup_free_ char *namespace = NULL;
	_cleanup_close_ int ns = -EBADF;
	struct visit v = { .queue = &tap->queue, .ret_fd = ret_fd };
	const char *name;
	int r;

	if ((r = session_link_parse(tap->link, &namespace, &name)) < 0 ||
	    (r = net_machine_look(folder, namespace, name, &link)) < 0)
		return r;
	if (!is_that_link(tap, link))
		return -EEXIST;
	r = ns = net_namespace_open(folder, namespace);
	return r < 0 ? r : net_namespace_call(ns, reattach, &v);
}

int tap_reattach(struct tap *tap, const char *folder, int *ret_fd)
{
	int r = open_again(tap, folder, ret_fd);

	free(tap->why);
	tap->why = r < 0 ? explain(tap, r) : NULL;
	return r;
}

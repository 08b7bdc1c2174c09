/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-apply-make - a link that is not there; see net-apply.h. */
#include "net-apply-private.h"

#include <linux/if_tun.h>

#include "kdev-tun.h"
#include "net-plan.h"
#include "net-read.h"
#include "net-text.h"

/* One that was not to stay without its owner stays nevertheless: nobody else holds it now. */
static int make_tun(struct apply *a)
{
	const struct net_link *l = a->wanted;
	const struct net_gate *gate = a->gate;
	struct kdev_tun tun = {
		.name = l->name,
		.tap = net_setting_named(NET_SET_TUN, &l->own, "type", IFF_TAP) == IFF_TAP,
		.packet_information =
			net_setting_named(NET_SET_TUN, &l->own, "packet-information", 0),
		.vnet_header = net_setting_named(NET_SET_TUN, &l->own, "vnet-header", 0),
		.multi_queue = net_setting_named(NET_SET_TUN, &l->own, "multi-queue", 0),
		.owner = (uid_t)net_setting_named(NET_SET_TUN, &l->own, "owner", UINT32_MAX),
		.group = (gid_t)net_setting_named(NET_SET_TUN, &l->own, "group", UINT32_MAX),
	};
	int r = gate && gate->may_change ? gate->may_change(gate->userdata) : 0;
	_cleanup_close_ int fd = -EBADF;

	tun.has_owner = tun.owner != (uid_t)UINT32_MAX;
	tun.has_group = tun.group != (gid_t)UINT32_MAX;
	if (r >= 0)
		r = fd = host_tun(a->machine->host, a->machine->places[a->place].fd);
	if (r >= 0)
		r = kdev_tun_make(fd, &tun);
	/* Its node in /dev is not made yet, or its driver not loaded. */
	a->deed->absent = r == -ENOENT || r == -ENODEV || r == -ENXIO;
	if (r < 0)
		return apply_fail(a, r, "making it: %s", strerror(-r));
	a->deed->changes++;
	return 0;
}

/* Its lower link, and the namespace from which that is seen. */
static int find_lower(struct apply *a, size_t *ret_place, unsigned int *ret_index)
{
	const struct net_ref *ref = &a->wanted->lower;
	const struct net_link *wanted, *lower = NULL;
	int place = ref->namespace ? net_machine_find(a->machine, ref->namespace) : (int)a->place;
	size_t namespace;

	wanted = net_plan_lower(a->wish->record, a->wish->namespace, a->wanted, &namespace);
	if (place >= 0)
		lower = wanted ? net_find_same(&a->machine->now.namespaces[place], wanted)
			       : net_find_link(&a->machine->now.namespaces[place], ref->name);
	if (!lower)
		return apply_absent(a, "'%s', on which it lies, is not there",
				    *ref->name ? ref->name : "a link of another namespace");
	*ret_place = (size_t)place;
	*ret_index = lower->index;
	return 0;
}

/* Asked for in the namespace of what it lies on; from there it goes where it belongs. */
static int request(struct apply *a)
{
	struct net_request_new new = { .link = a->wanted, .fd = -EBADF, .peer_fd = -EBADF };
	size_t place = a->place, home = a->place;
	int r = 0, peer;

	if (a->wanted->kind == NET_KIND_VETH) {
		if (!a->wish->peer)
			return apply_fail(a, -ENODEV, "its other end is not in the record");
		peer = net_machine_find(a->machine,
					a->wish->record->namespaces[a->wish->peer_namespace].name);
		if (peer < 0)
			return apply_fail(a, peer, "the namespace of its other end is not there");
		new.peer = a->wish->peer;
		new.peer_fd = a->machine->places[peer].fd;
	} else if (net_kind_has_lower(a->wanted->kind)) {
		r = find_lower(a, &place, &new.lower_index);
	}
	if (r < 0)
		return r;
	if (place != home)
		new.fd = a->machine->places[home].fd;
	a->place = place;
	r = apply_change(a, "making it", net_request_create(&new), NULL);
	a->place = home;
	return r;
}

/* Into the machine's memory, as it is now. */
static int learn(struct apply *a, size_t place, const struct net_link *wanted,
		 struct net_link **ret)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	int r = net_read_link(a->machine->places[place].socket, 0, wanted->name, &link);

	if (r < 0)
		return apply_fail(a, r, "looking at what was made: %s", strerror(-r));
	link->lower = (struct net_ref){};
	memcpy(link->lower.name, wanted->lower.name, sizeof(link->lower.name));
	if (wanted->lower.namespace &&
	    (r = free_and_strdup(&link->lower.namespace, wanted->lower.namespace)) < 0)
		return r;
	*ret = link;
	r = net_add_link(&a->machine->now.namespaces[place], link);
	if (r >= 0)
		TAKE_PTR(link);
	return r;
}

static int learn_peer(struct apply *a)
{
	const struct net_wish *wish = a->wish;
	int place =
		net_machine_find(a->machine, wish->record->namespaces[wish->peer_namespace].name);
	struct net_link *peer;

	return place < 0 ? place : learn(a, (size_t)place, wish->peer, &peer);
}

/* "pci/0000:03:00.0 02:00:00:00:00:01" */
static char *describe(const struct net_link *l)
{
	char mac[NET_MAC_TEXT_MAX];
	const char *blank = *l->parent && l->permanent.length ? " " : "";

	return strprintf("%s%s%s", l->parent, blank, net_mac_to_text(&l->permanent, mac));
}

static int say_not_there(struct apply *a)
{
	const struct net_link *other = net_find_link(apply_namespace(a), a->wanted->name);
	_cleanup_free_ char *is = other ? describe(other) : NULL, *was = describe(a->wanted);

	if (!is || !was)
		return apply_absent(a, "it is not there");
	return apply_absent(a,
			    "it is not there: its name is that of another device (%s, not %s), or "
			    "several could be it",
			    is, was);
}

int apply_make(struct apply *a)
{
	int r;

	if (a->wanted->kind == NET_KIND_OTHER)
		return apply_absent(a, "it is not there, and links of kind '%s' are not made",
				    a->wanted->kind_name);
	if (!net_kind_is_made(a->wanted->kind))
		return say_not_there(a);
	r = a->wanted->kind == NET_KIND_TUN ? make_tun(a) : request(a);
	if (r < 0)
		return r;
	a->deed->made = a->free = true;
	r = learn(a, a->place, a->wanted, &a->now);
	if (r >= 0 && a->wanted->kind == NET_KIND_VETH) {
		r = learn_peer(a);
		a->deed->peer_made = r >= 0;
	}
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-apply-link - settings of a link and of its place below a master; see net-apply.h. */
#include "net-apply-private.h"

#include "net-plan.h"
#include "net-read.h"

/* --- settings --------------------------------------------------------------------------------- */

/* The same rows as they are now: the way back. */
static struct net_settings as_now(const struct net_settings *rows, const struct net_settings *now)
{
	struct net_settings back = *now;

	back.have &= rows->have;
	return back;
}

static void take_over(struct net_settings *now, const struct net_settings *rows)
{
	for (size_t i = 0; i < NET_SETTINGS_MAX; i++)
		if (rows->have >> i & 1)
			now->value[i] = rows->value[i];
	now->have |= rows->have;
}

static void leave_settings(struct apply *a, enum net_set set, const struct net_settings *rows,
			   const struct net_settings *now)
{
	const struct net_attr *attr;
	uint64_t wanted, found;

	for (size_t i = 0; (attr = net_attr(set, i)); i++) {
		if (!net_setting(rows, i, &wanted))
			continue;
		if (net_setting(now, i, &found))
			apply_conflict(a, "%s is %llu, not %llu", attr->name,
				       (unsigned long long)found, (unsigned long long)wanted);
		else
			apply_conflict(a, "%s is not known here", attr->name);
	}
}

/* A bond gives its address and its MTU to its ports. */
static bool follows_bond(const struct net_link *l)
{
	return *l->master && l->port_kind == NET_KIND_BOND;
}

static struct net_settings missing_rows(enum net_set set, const struct net_settings *wanted,
					const struct net_settings *now)
{
	struct net_settings missing = net_settings_missing(set, wanted, now);
	struct net_settings fixed = net_settings_only(set, &missing, NET_CREATED);

	missing.have &= ~fixed.have;
	return missing;
}

static struct net_request_settings missing_settings(const struct apply *a)
{
	const struct net_link *wanted = a->wanted, *now = a->now;
	struct net_request_settings missing = {
		.kind = wanted->kind,
		.base = missing_rows(NET_SET_LINK, &wanted->base, &now->base),
		.own = missing_rows(net_kind_set(wanted->kind), &wanted->own, &now->own),
		.ipv4 = missing_rows(NET_SET_IPV4, &wanted->ipv4, &now->ipv4),
		.addrgen = wanted->addrgen == now->addrgen ? -1 : wanted->addrgen,
	};
	struct net_settings late = net_settings_only(NET_SET_LINK, &missing.base, NET_LATE);

	if (wanted->mac.length && !net_mac_equal(&wanted->mac, &now->mac))
		missing.mac = &wanted->mac;
	if (follows_bond(wanted)) {
		missing.base.have &= ~late.have;
		late.have = 0;
		missing.mac = NULL;
	}
	if (a->late)
		return (struct net_request_settings){
			.kind = wanted->kind,
			.base = late,
			.addrgen = -1,
		};
	return missing;
}

static bool settings_empty(const struct net_request_settings *s)
{
	return !s->base.have && !s->own.have && !s->ipv4.have && !s->mac && s->addrgen < 0;
}

static void leave_all_settings(struct apply *a, const struct net_request_settings *missing)
{
	leave_settings(a, NET_SET_LINK, &missing->base, &a->now->base);
	leave_settings(a, net_kind_set(missing->kind), &missing->own, &a->now->own);
	leave_settings(a, NET_SET_IPV4, &missing->ipv4, &a->now->ipv4);
	if (missing->mac)
		apply_conflict(a, "its hardware address is another one");
	if (missing->addrgen >= 0)
		apply_conflict(a, "it gives itself addresses otherwise");
}

/* What other links move is judged when those are there. */
static void leave_late_rows(struct net_request_settings *missing)
{
	struct net_settings late = net_settings_only(NET_SET_LINK, &missing->base, NET_LATE);

	missing->base.have &= ~late.have;
}

static int send_settings(struct apply *a, const struct net_request_settings *what)
{
	struct net_link *now = a->now;
	const struct net_request_settings back = {
		.kind = what->kind,
		.base = as_now(&what->base, &now->base),
		.own = as_now(&what->own, &now->own),
		.ipv4 = as_now(&what->ipv4, &now->ipv4),
		.mac = what->mac ? &now->mac : NULL,
		.addrgen = what->addrgen < 0 ? -1 : now->addrgen,
	};
	int r;

	if (settings_empty(what))
		return 0;
	r = apply_change(a, "its settings", net_request_settings(now->index, what),
			 net_request_settings(now->index, &back));
	if (r < 0)
		return r;
	take_over(&now->base, &what->base);
	take_over(&now->own, &what->own);
	take_over(&now->ipv4, &what->ipv4);
	if (what->mac)
		now->mac = *what->mac;
	if (what->addrgen >= 0)
		now->addrgen = what->addrgen;
	return 0;
}

int apply_settings(struct apply *a)
{
	struct net_request_settings first = missing_settings(a), second = { .kind = first.kind };
	struct net_settings unknown = first.ipv4;
	uint64_t pvid = net_setting_named(NET_SET_BRIDGE, &a->now->own, "vlan-default-pvid", 0);
	int r;

	if (settings_empty(&first))
		return 0;
	if (!a->free) {
		if (!a->late)
			leave_late_rows(&first);
		leave_all_settings(a, &first);
		return 0;
	}
	/* A request with one that this kernel does not know is refused as a whole. */
	unknown.have = first.ipv4.have & ~a->now->ipv4.have;
	leave_settings(a, NET_SET_IPV4, &unknown, &a->now->ipv4);
	first.ipv4.have &= a->now->ipv4.have;
	second.addrgen = -1;
	second.own = net_settings_only(net_kind_set(first.kind), &first.own, NET_SECOND);
	first.own.have &= ~second.own.have;
	if ((r = send_settings(a, &first)) < 0 || (r = send_settings(a, &second)) < 0)
		return r;
	/* The kernel moves the VLANs of a bridge to its new default. */
	if (a->now->kind == NET_KIND_BRIDGE && !a->deed->made &&
	    pvid != net_setting_named(NET_SET_BRIDGE, &a->now->own, "vlan-default-pvid", 0))
		r = apply_read_again(a);
	return r;
}

/* --- names ------------------------------------------------------------------------------------ */

int apply_altnames(struct apply *a)
{
	const struct net_link *wanted = a->wanted;
	int r = 0;

	for (size_t i = 0; i < wanted->n_altnames && r >= 0; i++) {
		const char *name = wanted->altnames[i];
		const struct net_link *bearer = net_find_link(apply_namespace(a), name);

		if (bearer == a->now)
			continue;
		if (bearer) {
			apply_conflict(a, "'%s' is a name of '%s'", name, bearer->name);
			continue;
		}
		r = apply_change(a, "an alternative name",
				 net_request_altname(a->now->index, name, true),
				 net_request_altname(a->now->index, name, false));
		if (r >= 0)
			r = net_add_altname(a->now, name);
		net_index_drop(apply_namespace(a));
	}
	return r;
}

/* --- its master ------------------------------------------------------------------------------- */

static struct net_link *find_master(struct apply *a)
{
	const struct net_namespace *record = &a->wish->record->namespaces[a->wish->namespace];
	const struct net_link *wanted = net_find_link(record, a->wanted->master);

	return wanted ? net_find_same(apply_namespace(a), wanted)
		      : net_find_link(apply_namespace(a), a->wanted->master);
}

/* What the kernel has made of a link that it has put below another. */
static int look_again(struct apply *a)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	struct net_link *now = a->now;
	int r = net_read_link(apply_socket(a), now->index, NULL, &link);

	if (r < 0)
		return apply_fail(a, r, "looking at it again: %s", strerror(-r));
	now->base = link->base;
	now->port = link->port;
	now->port_kind = link->port_kind;
	now->master_index = link->master_index;
	now->mac = link->mac;
	return 0;
}

static int move(struct apply *a, unsigned int master_index)
{
	int r = apply_change(a, "putting it below its master",
			     net_request_master(a->now->index, master_index),
			     net_request_master(a->now->index, a->now->master_index));

	a->attached = r >= 0;
	return r < 0 ? r : look_again(a);
}

int apply_find_master(struct apply *a)
{
	if (*a->wanted->master && !find_master(a))
		return apply_absent(a, "'%s', below which it is, is not there", a->wanted->master);
	return 0;
}

int apply_master(struct apply *a)
{
	const struct net_link *master = *a->wanted->master ? find_master(a) : NULL;
	unsigned int index = master ? master->index : 0;
	int r = apply_find_master(a);

	if (r < 0)
		return r;
	if (a->now->master_index == index)
		return 0;
	if (a->now->master_index && !a->free) {
		apply_conflict(a, "it is below another master");
		a->elsewhere = true;
		return 0;
	}
	return move(a, index);
}

int apply_port(struct apply *a)
{
	enum net_kind master = a->wanted->port_kind;
	struct net_settings missing, late, back;

	if (!*a->wanted->master || !net_kind_port_set(master) || a->elsewhere ||
	    a->now->port_kind != master)
		return 0;
	missing = net_settings_missing(net_kind_port_set(master), &a->wanted->port, &a->now->port);
	if (a->late)
		missing = net_settings_only(net_kind_port_set(master), &missing, NET_LATE);
	if (!missing.have)
		return 0;
	if (!a->free && !a->attached) {
		late = net_settings_only(net_kind_port_set(master), &missing, NET_LATE);
		if (!a->late)
			missing.have &= ~late.have;
		leave_settings(a, net_kind_port_set(master), &missing, &a->now->port);
		return 0;
	}
	back = as_now(&missing, &a->now->port);
	return apply_change(
		a, "its settings as a port", net_request_port(a->now->index, master, &missing),
		a->attached && !a->late ? NULL : net_request_port(a->now->index, master, &back));
}

/* --- VLANs ------------------------------------------------------------------------------------ */

/* What a bridge, or a port of one, has when it is new. */
static int default_vlans(struct apply *a)
{
	const struct net_link *bridge =
		a->now->kind == NET_KIND_BRIDGE
			? a->now
			: net_find_index(apply_namespace(a), a->now->master_index);
	uint64_t pvid =
		bridge ? net_setting_named(NET_SET_BRIDGE, &bridge->own, "vlan-default-pvid", 0)
		       : 0;

	free(TAKE_PTR(a->now->vlans));
	return pvid ? net_set_vlan(a->now, (unsigned int)pvid,
				   NET_VLAN_MEMBER | NET_VLAN_PVID | NET_VLAN_UNTAGGED)
		    : 0;
}

static bool any_vlan(const uint8_t *from, const uint8_t *to, bool changed)
{
	for (unsigned int i = 0; to && i < NET_VLANS; i++)
		if (to[i] && (!from || (changed ? from[i] && from[i] != to[i] : from[i] != to[i])))
			return true;
	return false;
}

/* Those that are to be, then (of a link that is ours to change) away with the others. */
static int change_vlans(struct apply *a)
{
	const uint8_t *now = a->now->vlans, *wanted = a->wanted->vlans;
	unsigned int index = a->now->index;
	bool bridge = a->now->kind == NET_KIND_BRIDGE;
	int r = 0;

	if (any_vlan(now, wanted, false))
		r = apply_change(a, "its VLANs",
				 net_request_vlans(index, bridge, now, wanted, true),
				 net_request_vlans(index, bridge, wanted, now, false));
	if (r >= 0 && any_vlan(wanted, now, false) && (a->free || a->attached))
		r = apply_change(a, "its VLANs",
				 net_request_vlans(index, bridge, now, wanted, false),
				 net_request_vlans(index, bridge, wanted, now, true));
	return r;
}

int apply_vlans(struct apply *a)
{
	int r = 0;

	if ((a->wanted->kind != NET_KIND_BRIDGE && a->wanted->port_kind != NET_KIND_BRIDGE) ||
	    a->elsewhere)
		return 0;
	if (a->deed->made || a->attached)
		r = default_vlans(a);
	if (r < 0)
		return r;
	if (!a->free && !a->attached && any_vlan(a->now->vlans, a->wanted->vlans, true)) {
		apply_conflict(a, "its VLANs are tagged otherwise");
		return 0;
	}
	return change_vlans(a);
}

/* --- up, and what belongs to it --------------------------------------------------------------- */

int apply_flags(struct apply *a)
{
	uint32_t mask = (a->wanted->flags ^ a->now->flags) & NET_FLAGS;
	int r;

	if (!mask)
		return 0;
	if (!a->free) {
		apply_conflict(a, "%s", mask & IFF_UP ? "it is up" : "its flags are other ones");
		return 0;
	}
	r = apply_change(a, "its flags", net_request_flags(a->now->index, a->wanted->flags, mask),
			 net_request_flags(a->now->index, a->now->flags, mask));
	if (r >= 0)
		a->now->flags = a->wanted->flags;
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-apply-vf - virtual functions of a physical one; see net-apply.h.
 *
 * They are hardware, which nobody but its driver has touched since the jump: settings that are
 * otherwise are set, whoever has brought the link up. How many there are is changed only from none,
 * because it cannot be changed below those that use them.
 */
#include "net-apply-private.h"

#include "net-read.h"
#include "net-sriov.h"

int apply_vf_count(struct apply *a)
{
	const struct net_gate *gate = a->gate;
	unsigned int wanted = a->wanted->n_vfs_on;
	int r;

	if (!wanted || wanted == a->now->n_vfs_on)
		return 0;
	if (a->now->n_vfs_on) {
		apply_conflict(a, "it has %u virtual functions, not %u", a->now->n_vfs_on, wanted);
		return 0;
	}
	r = gate && gate->may_change ? gate->may_change(gate->userdata) : 0;
	if (r >= 0)
		r = net_sriov_make(a->now->parent, wanted, &a->vfs_held);
	if (r < 0)
		return apply_fail(a, r, "its virtual functions: %s", strerror(-r));
	a->deed->changes++;
	a->vfs_made = a->now->n_vfs_on = wanted;
	return 0;
}

/* From here on they have links of their own, which the record may tell of. */
int apply_vf_drivers(struct apply *a)
{
	int r = 0;

	if (!a->vfs_made)
		return 0;
	if (a->vfs_held)
		r = net_sriov_probe(a->now->parent);
	if (r < 0)
		return apply_fail(a, r, "its virtual functions' drivers: %s", strerror(-r));
	r = apply_read_again(a);
	return r < 0 ? apply_fail(a, r, "reading the network again: %s", strerror(-r)) : 0;
}

int apply_vf_undo(struct apply *a)
{
	const struct net_link *pf = a->now ? a->now : a->wanted;

	return a->vfs_made ? net_sriov_unmake(pf->parent, a->vfs_held) : 0;
}

static const struct net_vf *find_vf(const struct net_link *l, uint32_t index)
{
	for (size_t i = 0; i < l->n_vfs; i++)
		if (l->vfs[i].index == index)
			return &l->vfs[i];
	return NULL;
}

/* What is otherwise, of what both know. */
static uint32_t other_settings(const struct net_vf *wanted, const struct net_vf *now)
{
	uint32_t other = 0;

	if (wanted->vlan != now->vlan || wanted->qos != now->qos ||
	    wanted->vlan_protocol != now->vlan_protocol)
		other |= NET_VF_VLAN;
	if (wanted->min_rate != now->min_rate || wanted->max_rate != now->max_rate)
		other |= NET_VF_RATE;
	if (wanted->spoof_check != now->spoof_check)
		other |= NET_VF_SPOOF_CHECK;
	if (wanted->trust != now->trust)
		other |= NET_VF_TRUST;
	if (wanted->link_state != now->link_state)
		other |= NET_VF_LINK_STATE;
	return other & wanted->have;
}

static int apply_vf(struct apply *a, const struct net_vf *wanted, const struct net_vf *now)
{
	static const uint8_t none[6];
	uint32_t other = other_settings(wanted, now) & ~(uint32_t)NET_VF_RATE;
	/* A function without an address gets one by itself: none is nothing to ask for. */
	bool mac = memcmp(wanted->mac, now->mac, sizeof(now->mac)) != 0 &&
		   memcmp(wanted->mac, none, sizeof(none)) != 0;
	unsigned int index = a->now->index;

	if (!other && !mac)
		return 0;
	return apply_change(a, "a virtual function", net_request_vf(index, wanted, other, mac),
			    a->vfs_made ? NULL : net_request_vf(index, now, other, mac));
}

int apply_vfs(struct apply *a)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	int r = 0;

	if (!a->wanted->n_vfs)
		return 0;
	r = net_read_link(apply_socket(a), a->now->index, NULL, &link);
	if (r < 0)
		return apply_fail(a, r, "its virtual functions: %s", strerror(-r));
	for (size_t i = 0; i < a->wanted->n_vfs && r >= 0; i++) {
		const struct net_vf *now = find_vf(link, a->wanted->vfs[i].index);

		if (now)
			r = apply_vf(a, &a->wanted->vfs[i], now);
		else
			apply_conflict(a, "virtual function %u is not there",
				       a->wanted->vfs[i].index);
	}
	return r;
}

/* Once more, or for the first time: a card that refuses may do so only because it has no carrier. */
static int apply_rate(struct apply *a, const struct net_vf *wanted, const struct net_vf *now)
{
	const struct net_gate *gate = a->gate;
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = gate && gate->may_change ? gate->may_change(gate->userdata) : 0;

	if (!(other_settings(wanted, now) & NET_VF_RATE))
		return 0;
	msg = net_request_vf(a->now->index, wanted, NET_VF_RATE, false);
	if (!msg)
		return -ENOMEM;
	if (r >= 0)
		r = net_socket_change(apply_socket(a), msg);
	if (r >= 0) {
		a->deed->changes++;
		return 0;
	}
	free(a->deed->later);
	a->deed->later =
		strprintf("the rate of virtual function %u: %s", wanted->index, strerror(-r));
	return a->deed->later ? 0 : -ENOMEM;
}

/* A rate is no reason to do without the link. */
int apply_vf_rates(struct apply *a)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	int r = 0;

	if (!a->wanted->n_vfs)
		return 0;
	r = net_read_link(apply_socket(a), a->now->index, NULL, &link);
	for (size_t i = 0; i < a->wanted->n_vfs && r >= 0; i++) {
		const struct net_vf *now = find_vf(link, a->wanted->vfs[i].index);

		if (now)
			r = apply_rate(a, &a->wanted->vfs[i], now);
	}
	return r;
}

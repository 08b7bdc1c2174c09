/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-apply - the order of things, and the way back; see net-apply.h. */
#include <stdarg.h>

#include "net-apply-private.h"

#include "net-plan.h"
#include "net-read.h"

/*
 * In this order: what needs the link to be down, what needs its master, and up; last what
 * needs it up (drivers of virtual functions find their card so), what the kernel
 * forgets when a link goes up or down, and what may need a carrier.
 */
static int (*const steps[])(struct apply *a) = {
	apply_vf_count, apply_settings,	  apply_altnames,   apply_master,
	apply_port,	apply_vlans,	  apply_vfs,	    apply_addresses,
	apply_flags,	apply_vf_drivers, apply_neighbours, apply_vf_rates,
};

struct net_namespace *apply_namespace(const struct apply *a)
{
	return &a->machine->now.namespaces[a->place];
}

struct net_socket *apply_socket(const struct apply *a)
{
	return a->machine->places[a->place].socket;
}

void net_deed_clear(struct net_deed *deed)
{
	free(deed->conflict);
	free(deed->later);
	free(deed->error);
	*deed = (struct net_deed){};
}

static int _printf_(3, 0) fail(struct apply *a, int error, const char *format, va_list ap)
{
	if (!a->deed->error && vasprintf(&a->deed->error, format, ap) < 0)
		a->deed->error = NULL;
	return error;
}

int apply_fail(struct apply *a, int error, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error = fail(a, error, format, ap);
	va_end(ap);
	return error;
}

int apply_absent(struct apply *a, const char *format, ...)
{
	va_list ap;
	int error;

	a->deed->absent = true;
	va_start(ap, format);
	error = fail(a, -ENODEV, format, ap);
	va_end(ap);
	return error;
}

void apply_conflict(struct apply *a, const char *format, ...)
{
	_cleanup_free_ char *text = NULL, *before = a->deed->conflict;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	a->deed->conflict = strprintf("%s%s%s", strempty(before), before ? ", " : "",
				      text ? text : "out of memory");
}

/* --- changing --------------------------------------------------------------------------------- */

static int send_change(struct apply *a, const char *what, struct nl_msg *msg, int tolerated)
{
	const struct net_gate *gate = a->gate;
	int r = gate && gate->may_change ? gate->may_change(gate->userdata) : 0;
	const char *complaint;

	if (r < 0)
		return apply_fail(a, r, "%s: %s", what, strerror(-r));
	r = net_socket_change(apply_socket(a), msg);
	if (r < 0 && r == tolerated)
		return 0;
	complaint = net_socket_complaint(apply_socket(a));
	if (r < 0)
		return apply_fail(a, r, "%s: %s%s%s%s", what, strerror(-r), *complaint ? " (" : "",
				  complaint, *complaint ? ")" : "");
	a->deed->changes++;
	return 1;
}

static int change(struct apply *a, const char *what, struct nl_msg *msg, struct nl_msg *inverse,
		  int tolerated)
{
	_cleanup_msg_ struct nl_msg *there = msg, *back = inverse;
	_cleanup_free_ struct undo *undo = calloc(1, sizeof(*undo));
	int r = there && undo ? send_change(a, what, there, tolerated)
			      : apply_fail(a, -ENOMEM, "out of memory");

	if (r > 0 && back && undo) {
		*undo = (struct undo){ a->undo, what, TAKE_PTR(back) };
		a->undo = TAKE_PTR(undo);
	}
	return r < 0 ? r : 0;
}

int apply_change(struct apply *a, const char *what, struct nl_msg *msg, struct nl_msg *inverse)
{
	return change(a, what, msg, inverse, 0);
}

int apply_add(struct apply *a, const char *what, struct nl_msg *msg, struct nl_msg *inverse)
{
	return change(a, what, msg, inverse, -EEXIST);
}

int apply_remove(struct apply *a, const char *what, struct nl_msg *msg)
{
	return change(a, what, msg, NULL, -ENOENT);
}

static void forget_undo(struct apply *a)
{
	struct undo *undo;

	while ((undo = a->undo)) {
		a->undo = undo->next;
		nlmsg_free(undo->msg);
		free(undo);
	}
}

int apply_read_again(struct apply *a)
{
	int r = net_machine_read(a->machine);

	a->now = r < 0 ? NULL : net_find_same(apply_namespace(a), a->wanted);
	return r < 0 ? r : a->now ? 0 : -ENODEV;
}

/* What was done and is still so belongs to why the link failed: nobody else will look for it. */
static void say_left(struct apply *a, const char *what, int error)
{
	_cleanup_free_ char *before = a->deed->error;

	a->deed->error = strprintf("%s%s%s: %s", strempty(before),
				   a->deed->stuck ? ", " : "; and this could not be undone: ", what,
				   strerror(-error));
	a->deed->stuck = true;
}

/* One that was made may not be known yet. */
static int made_index(struct apply *a, unsigned int *ret)
{
	const struct net_link *known = net_find_link(apply_namespace(a), a->wanted->name);
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	int r = known ? 0 : net_read_link(apply_socket(a), 0, a->wanted->name, &link);

	if (r < 0)
		return r;
	*ret = known ? known->index : link->index;
	return 0;
}

static int unmake(struct apply *a)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	unsigned int index = 0;
	int r = made_index(a, &index);

	if (r >= 0) {
		msg = net_request_delete(index);
		r = msg ? net_socket_change(apply_socket(a), msg) : -ENOMEM;
	}
	/* Somebody else may have taken it away. */
	if (r < 0 && r != -ENODEV)
		return r;
	apply_forget(a->machine, a->place, net_find_link(apply_namespace(a), a->wanted->name));
	a->deed->made = false;
	return 0;
}

/* What is in the way of one step back is in the way of that step only. */
static void step_back(struct apply *a)
{
	int r;

	for (struct undo *undo = a->undo; undo; undo = undo->next) {
		r = net_socket_change(apply_socket(a), undo->msg);
		if (r < 0)
			say_left(a, undo->what, r);
	}
	r = apply_vf_undo(a);
	if (r < 0)
		say_left(a, "its virtual functions", r);
}

/* The bond that has it as a port since now. */
static const struct net_link *new_bond(const struct apply *a)
{
	const struct net_link *master =
		a->attached && a->now ? net_find_index(apply_namespace(a), a->now->master_index)
				      : NULL;

	return master && master->kind == NET_KIND_BOND ? master : NULL;
}

/* The kernel gives a bond that loses its last port another address. */
static int restore_address(struct apply *a, const struct net_link *bond)
{
	const struct net_request_settings back = {
		.kind = bond->kind,
		.mac = &bond->mac,
		.addrgen = -1,
	};
	_cleanup_(net_link_freep) struct net_link *is = NULL;
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = net_read_link(apply_socket(a), bond->index, NULL, &is);

	if (r < 0 || net_mac_equal(&is->mac, &bond->mac))
		return r;
	msg = net_request_settings(bond->index, &back);
	return msg ? net_socket_change(apply_socket(a), msg) : -ENOMEM;
}

static void roll_back(struct apply *a, int error)
{
	bool made = a->deed->made, changed = a->undo || a->vfs_made;
	const struct net_link *bond = new_bond(a);
	int r = 0;

	if (!a->deed->error)
		apply_fail(a, error, "%s", strerror(-error));
	if (made)
		r = unmake(a);
	else if (changed)
		step_back(a);
	if (r < 0)
		say_left(a, "that it was made", r);
	r = bond ? restore_address(a, bond) : 0;
	if (r < 0)
		say_left(a, "the address of its bond", r);
	r = !made && changed ? apply_read_again(a) : 0;
	if (r < 0)
		say_left(a, "what there is now is not known", r);
	a->deed->changes = 0;
}

void apply_forget(struct net_machine *machine, size_t place, struct net_link *link)
{
	struct net_namespace *ns = &machine->now.namespaces[place];

	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i] == link) {
			ns->links[i] = ns->links[--ns->n_links];
			net_index_drop(ns);
			net_link_free(link);
			return;
		}
}

/* --- what is there already -------------------------------------------------------------------- */

static bool same_lower(const struct apply *a)
{
	const struct net_ref *x = &a->wanted->lower, *y = &a->now->lower;
	const struct net_link *lower;
	size_t place;

	if (!net_kind_has_lower(a->wanted->kind))
		return true;
	if (!streq(strempty(x->namespace), strempty(y->namespace)))
		return false;
	if (streq(x->name, y->name))
		return true;
	/* Hardware gets its name late in the replay: until then it may have another one. */
	lower = net_plan_lower(a->wish->record, a->wish->namespace, a->wanted, &place);
	return lower && !x->namespace && net_find_same(apply_namespace(a), lower) &&
	       net_find_same(apply_namespace(a), lower)->index == a->now->lower_index;
}

/* What a link is, it is for life. */
static int check_same(struct apply *a)
{
	struct net_settings own =
		net_settings_missing(net_kind_set(a->wanted->kind), &a->wanted->own, &a->now->own);
	enum net_set set = net_kind_set(a->wanted->kind);
	struct net_settings created = net_settings_only(set, &own, NET_CREATED),
			    loose = net_settings_only(set, &own, NET_LOOSE);

	if (a->wanted->kind != a->now->kind)
		return apply_fail(a, -EEXIST, "there is a link of that name, which is a %s",
				  a->now->kind == NET_KIND_OTHER
					  ? a->now->kind_name
					  : net_kind_to_string(a->now->kind));
	if (!same_lower(a))
		return apply_fail(a, -EEXIST, "there is one of that name on '%s'",
				  a->now->lower.name);
	if (created.have & ~loose.have)
		return apply_fail(a, -EEXIST, "there is one of that name that was made otherwise");
	return 0;
}

static bool is_called(const struct apply *a, const char *text)
{
	const char *ns = apply_namespace(a)->name, *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0;

	return strlen(ns) == n && memcmp(ns, text, n) == 0 &&
	       streq(a->now->name, slash ? slash + 1 : text);
}

/* Of a replay that was broken off. */
static bool was_begun(const struct apply *a)
{
	char *const *others = a->gate ? a->gate->others : NULL;

	for (size_t i = 0; others && others[i]; i++)
		if (is_called(a, others[i]))
			return false;
	return others != NULL;
}

static int find_or_make(struct apply *a)
{
	int r;

	a->now = net_find_same(apply_namespace(a), a->wanted);
	if (!a->now) {
		r = apply_find_master(a);
		return r < 0 ? r : apply_make(a);
	}
	if (a->wish->made) {
		a->deed->made = a->free = true;
		return 0;
	}
	a->deed->begun = was_begun(a);
	a->free = a->deed->begun || !(a->now->flags & IFF_UP);
	return check_same(a);
}

static int begin(struct apply *a, struct net_machine *machine, const struct net_wish *wish,
		 const struct net_gate *gate, struct net_deed *deed)
{
	int place = net_machine_find(machine, wish->record->namespaces[wish->namespace].name);

	*a = (struct apply){ .machine = machine,
			     .wish = wish,
			     .wanted = wish->link,
			     .gate = gate,
			     .deed = deed,
			     .place = (size_t)place };
	return place < 0 ? apply_fail(a, place, "its namespace is not there") : 0;
}

int net_apply(struct net_machine *machine, const struct net_wish *wish, const struct net_gate *gate,
	      struct net_deed *ret)
{
	struct apply a;
	int r = begin(&a, machine, wish, gate, ret);

	if (r < 0)
		return r;
	r = find_or_make(&a);
	ret->ours = a.free;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r >= 0; i++)
		r = steps[i](&a);
	if (r < 0)
		roll_back(&a, r);
	forget_undo(&a);
	return r;
}

int net_apply_rates(struct net_machine *machine, const struct net_wish *wish,
		    const struct net_gate *gate, struct net_deed *ret)
{
	struct apply a;
	int r = begin(&a, machine, wish, gate, ret);

	if (r < 0)
		return r;
	a.now = net_find_same(apply_namespace(&a), wish->link);
	return a.now ? apply_vf_rates(&a) : -ENODEV;
}

/* Both tables' rows that follow other links, once more. */
int net_apply_late(struct net_machine *machine, const struct net_wish *wish, bool ours,
		   const struct net_gate *gate, struct net_deed *deed)
{
	struct apply a;
	int r = begin(&a, machine, wish, gate, deed);

	if (r < 0)
		return r;
	a.now = net_find_same(apply_namespace(&a), wish->link);
	a.free = a.attached = ours;
	a.late = true;
	r = a.now ? apply_settings(&a) : -ENODEV;
	if (r >= 0)
		r = apply_port(&a);
	if (r < 0)
		roll_back(&a, r);
	forget_undo(&a);
	return r;
}

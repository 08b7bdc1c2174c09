/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight-network - the network that goes along: what is around it and does not.
 *
 * What stops an update is a link that a session has said it needs, and that it would lose; nothing
 * else of it does: guests have their memory and their devices without it. A row for each
 * kind of what is left out says it in one sentence, which is the same for all of that kind.
 */
#include "preflight-check.h"

static const struct preflight_network *asked_for(const struct preflight_context *c)
{
	return c->network && c->network->asked ? c->network : NULL;
}

CHECK(check_unreadable)
{
	const struct preflight_network *n = asked_for(c);

	if (n && n->error)
		report(self, ret, SEVERITY_ERROR, "network",
		       "The network, of which Links= in lu.conf wants a part handed over, cannot be "
		       "recorded: %s. An update would end there. See the journal of luod, or say "
		       "Links=:none.",
		       n->error);
}

CHECK(check_namespace)
{
	const struct preflight_network *n = asked_for(c);

	for (size_t i = 0; n && i < n->unread.n; i++) {
		_cleanup_free_ char *object = strprintf("network %s", n->unread.items[i].name);

		report(self, ret, SEVERITY_WARNING, object ? object : "network",
		       "Network namespace '%s' cannot be looked into: %s. If a link that goes along "
		       "has its other end there, or lies on one there, it is not made again.",
		       n->unread.items[i].name, strerror(-n->unread.items[i].error));
	}
}

CHECK(check_no_link)
{
	const struct preflight_network *n = asked_for(c);

	if (n && !n->error && !n->n_links)
		report(self, ret, SEVERITY_WARNING, "network",
		       "There is no link that Links= in lu.conf fits or that a session has declared: guests "
		       "would come back before their links do. Correct it, or say Links=:none.");
}

CHECK(check_session_link)
{
	const struct preflight_network *n = asked_for(c);

	for (size_t i = 0; n && i < n->n_needs; i++) {
		const struct preflight_need *need = &n->needs[i];

		report(self, ret,
		       need->is_there && need->required ? SEVERITY_ERROR : SEVERITY_WARNING,
		       need->session,
		       "Session %s needs the link '%s', which does not go along: %s. Give the guest "
		       "another one, or let its owner declare what it has.",
		       need->session, need->link, need->why);
	}
}

/* --- what is left out ------------------------------------------------------------------------- */

/* As Links= says it: a link of the host by its name, others as NAMESPACE/NAME. */
static char *object_of(const struct net_left *left)
{
	const char *ns = left->namespace;

	if (left->link)
		return strprintf("%s%s%s", ns, *ns ? "/" : "", left->link);
	return strprintf("network%s%s", *ns ? " " : "", ns);
}

/* "'tap0'", "'tap0' and 3 other links". */
static char *links_of(const struct net_left *left)
{
	if (left->n == 1)
		return strprintf("'%s'", strempty(left->link));
	return strprintf("'%s' and %u other link%s", strempty(left->link), left->n - 1,
			 left->n == 2 ? "" : "s");
}

/* A sentence's subject: the host, or a namespace. */
static char *place_of(const struct net_left *left)
{
	return *left->namespace ? strprintf("Network namespace '%s'", left->namespace)
				: strdup("The host");
}

static char *say_netfilter(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s has rules of netfilter in table '%s'. They do not go along: until "
		"whoever has loaded them does it again (nftables.service, firewalld, "
		"libvirt), packets of guests pass without them. See that it does so when it "
		"starts.",
		place, left->what);
}

static char *say_xtables(const struct net_left *left, const char *place, const char *links)
{
	return strprintf("%s has the table '%s' of iptables, in which there may be rules. They do "
			 "not go along: until whoever has loaded them does it again, packets of "
			 "guests pass without them. See that it does so when it starts.",
			 place, left->what);
}

static char *say_rule(const struct net_left *left, const char *place, const char *links)
{
	return strprintf("%s has %u rule%s of policy routing (ip rule), which do not go along. Let "
			 "the network's configuration make them when the machine starts.",
			 place, left->n, left->n == 1 ? "" : "s");
}

static char *say_nexthop(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s has %u next hop%s as objects of their own (ip nexthop). Routes by way of "
		"them go along, as routes that say it themselves. What is to change them "
		"together needs the objects: let the network's configuration make them "
		"when the machine starts.",
		place, left->n, left->n == 1 ? "" : "s");
}

static char *say_qdisc(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s: the queueing discipline '%s' (tc), with its classes and filters, does "
		"not go along; the link has the kernel's default after the jump. Let "
		"whoever has set it, libvirt for example, set it again.",
		links, left->what);
}

static char *say_link(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s: links of kind '%s' are not made again, nor what hangs on them. When the "
		"network's configuration makes it in the next kernel, 'luctl net replay' "
		"adds what is missing.",
		links, left->what);
}

static char *say_lower(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s (%s) hangs on a link in a network namespace that has no name below "
		"/run/netns, of a container for example. It is not made again: let whoever has "
		"made it do so, or name the namespace (ip netns attach).",
		links, left->what);
}

static char *say_setting(const struct net_left *left, const char *place, const char *links)
{
	return strprintf("%s has %s, which does not go along. Let the network's configuration set "
			 "it when the machine starts.",
			 links, left->what);
}

static char *say_sysctl(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s: %s, which is not what a kernel begins with. It does not go along: see "
		"that whoever has set it does so %s.",
		left->link ? links : place, left->what,
		*left->namespace ? "in a namespace that luod has made, too"
				 : "when the machine starts (sysctl.d)");
}

static char *say_route(const struct net_left *left, const char *place, const char *links)
{
	return strprintf("%s has %u route%s %s, which %s not go along. Let the network's "
			 "configuration make %s when the machine starts.",
			 place, left->n, left->n == 1 ? "" : "s", left->what,
			 left->n == 1 ? "does" : "do", left->n == 1 ? "it" : "them");
}

static char *say_part(const struct net_left *left, const char *place, const char *links)
{
	return strprintf("%s has %u route%s with %s, without which %s along. Let the network's "
			 "configuration set it when the machine starts.",
			 place, left->n, left->n == 1 ? "" : "s", left->what,
			 left->n == 1 ? "it goes" : "they go");
}

static char *say_driver(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s has the private flag '%s' of its driver on. It does not go along: the next "
		"kernel's driver has it as it comes. If somebody has set it (ethtool "
		"--set-priv-flags), let the network's configuration do so when the machine "
		"starts.",
		links, left->what);
}

static char *say_name(const struct net_left *left, const char *place, const char *links)
{
	return strprintf(
		"%s has %u link%s whose name%s blanks, slashes, colons or bytes that are no "
		"text in it. What a record cannot name does not go along, nor what hangs "
		"on it: rename it (ip link set dev ... name ...).",
		place, left->n, left->n == 1 ? "" : "s", left->n == 1 ? " has" : "s have");
}

typedef char *(*say_t)(const struct net_left *left, const char *place, const char *links);

static const say_t words[NET_LEFT_MAX] = {
	[NET_LEFT_NETFILTER] = say_netfilter, [NET_LEFT_XTABLES] = say_xtables,
	[NET_LEFT_RULE] = say_rule,	      [NET_LEFT_NEXTHOP] = say_nexthop,
	[NET_LEFT_QDISC] = say_qdisc,	      [NET_LEFT_LINK] = say_link,
	[NET_LEFT_LOWER] = say_lower,	      [NET_LEFT_SETTING] = say_setting,
	[NET_LEFT_SYSCTL] = say_sysctl,	      [NET_LEFT_ROUTE] = say_route,
	[NET_LEFT_PART] = say_part,	      [NET_LEFT_NAME] = say_name,
	[NET_LEFT_DRIVER] = say_driver,
};

static void report_left(const struct check *self, const struct net_left *left,
			enum severity severity, struct findings *ret)
{
	_cleanup_free_ char *object = object_of(left), *place = place_of(left);
	_cleanup_free_ char *links = links_of(left), *sentence = NULL;

	if (object && place && links)
		sentence = words[left->kind](left, place, links);
	if (sentence)
		report(self, ret, severity, object, "%s", sentence);
	else
		ret->out_of_memory = true;
}

static void report_kinds(const struct check *self, const struct preflight_context *c,
			 struct findings *ret, uint32_t kinds)
{
	const struct preflight_network *n = asked_for(c);

	for (size_t i = 0; n && i < n->left.n; i++)
		if (kinds >> n->left.items[i].kind & 1)
			report_left(self, &n->left.items[i], self->code.severity, ret);
}

/* The host's come from files that are read again; who would say it in a namespace that luod makes? */
CHECK(check_sysctl)
{
	const struct preflight_network *n = asked_for(c);

	for (size_t i = 0; n && i < n->left.n; i++) {
		const struct net_left *left = &n->left.items[i];

		if (left->kind == NET_LEFT_SYSCTL)
			report_left(self, left,
				    *left->namespace ? self->code.severity : SEVERITY_INFO, ret);
	}
}

#define LEFT_OUT(name, kinds)                      \
	CHECK(name)                                \
	{                                          \
		report_kinds(self, c, ret, kinds); \
	}

LEFT_OUT(check_netfilter, 1U << NET_LEFT_NETFILTER | 1U << NET_LEFT_XTABLES)
LEFT_OUT(check_routing, 1U << NET_LEFT_RULE | 1U << NET_LEFT_NEXTHOP)
LEFT_OUT(check_qdisc, 1U << NET_LEFT_QDISC)
LEFT_OUT(check_link, 1U << NET_LEFT_LINK | 1U << NET_LEFT_NAME)
LEFT_OUT(check_lower, 1U << NET_LEFT_LOWER)
LEFT_OUT(check_setting, 1U << NET_LEFT_SETTING)
LEFT_OUT(check_route, 1U << NET_LEFT_ROUTE | 1U << NET_LEFT_PART)
LEFT_OUT(check_driver, 1U << NET_LEFT_DRIVER)

static const struct check checks[] = {
	{ { "network-unreadable", SEVERITY_ERROR, "The network cannot be recorded." },
	  check_unreadable },
	{ { "network-namespace", SEVERITY_WARNING, "A network namespace cannot be looked into." },
	  check_namespace },
	{ { "network-no-link", SEVERITY_WARNING, "There is no link of those that are named." },
	  check_no_link },
	{ { "network-session-link", SEVERITY_ERROR,
	    "A link that a session needs cannot be made again, or is not there. A warning for "
	    "best-effort sessions, and when it is not there now." },
	  check_session_link },
	{ { "network-netfilter", SEVERITY_WARNING,
	    "Rules of netfilter are there, which do not go along." },
	  check_netfilter },
	{ { "network-routing", SEVERITY_WARNING,
	    "Rules of policy routing, or next hops as objects, do not go along." },
	  check_routing },
	{ { "network-qdisc", SEVERITY_WARNING,
	    "A link has a queueing discipline, which does not go along." },
	  check_qdisc },
	{ { "network-link-kind", SEVERITY_WARNING, "A link is of a kind that is not made again." },
	  check_link },
	{ { "network-link-lower", SEVERITY_WARNING,
	    "A link hangs on one of a namespace without a name." },
	  check_lower },
	{ { "network-setting", SEVERITY_WARNING,
	    "A link has something set that does not go along." },
	  check_setting },
	{ { "network-sysctl", SEVERITY_WARNING,
	    "A sysctl of the network is set, which does not go along; an info outside of named "
	    "namespaces." },
	  check_sysctl },
	{ { "network-route", SEVERITY_WARNING, "A route, or a part of one, does not go along." },
	  check_route },
	{ { "network-driver", SEVERITY_INFO,
	    "A link has a private flag of its driver on, which does not go along." },
	  check_driver },
};

const struct check_table preflight_network = { checks, ARRAY_SIZE(checks) };

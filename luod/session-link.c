/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session-link - see session-link.h. */
#include "session-link.h"

#include "net-select.h"
#include "tap.h"

int session_link_parse(const char *text, char **ret_namespace, const char **ret_name)
{
	const char *slash = strchr(text, '/'), *name = slash ? slash + 1 : text;
	_cleanup_free_ char *namespace = slash ? strndup(text, (size_t)(slash - text)) : strdup("");

	if (!namespace)
		return -ENOMEM;
	if ((slash && !net_name_valid(namespace, NET_NAMESPACE_MAX)) ||
	    !net_name_valid(name, NET_ALTNAME_MAX))
		return -EINVAL;
	*ret_namespace = TAKE_PTR(namespace);
	*ret_name = name;
	return 0;
}

static bool belongs_to(const struct net_link *link, uid_t uid)
{
	const uint64_t none = UINT64_MAX;

	return link && link->kind == NET_KIND_TUN &&
	       net_setting_named(NET_SET_TUN, &link->own, "owner", none) == uid;
}

bool session_link_permitted(const struct session *s, const char *patterns, const char *text,
			    const struct net_link *link)
{
	return s->uid == 0 || belongs_to(link, s->uid) || net_select_fits(patterns, text);
}

static size_t count_links(const struct session *s)
{
	size_t n = 0;

	while (s->links && s->links[n])
		n++;
	return n;
}

/* In an update those that have a part in it; before one, those that would have. */
static bool goes_along(const struct session *s)
{
	return s->state == SESSION_IDLE || session_in_update(s);
}

static size_t count_taps(const struct session *s)
{
	const struct resource *resource;
	size_t n = 0;

	TAILQ_FOREACH(resource, &s->resources, entry)
		n += resource->tap != NULL;
	return n;
}

static size_t count_all(const struct session_list *sessions)
{
	const struct session *s;
	size_t n = 0;

	TAILQ_FOREACH(s, sessions, entry)
		if (goes_along(s))
			n += count_links(s) + count_taps(s);
	return n;
}

bool session_links_any(const struct session_list *sessions)
{
	return count_all(sessions) > 0;
}

/* NULL when it goes along. Whether there is a link that is not his, nobody learns by naming it. */
static const char *why_not(const struct session *s, const char *patterns, const char *text,
			   const struct net_record *record)
{
	const struct net_link *link = net_find_named(record, text);

	if (session_link_permitted(s, patterns, text, link))
		return link ? NULL : "there is no such link";
	return "there is no link of that name that the session may name: it is gone or belongs to "
	       "somebody else now, and SessionLinks= of lu.conf does not fit it";
}

int session_links_choose(const struct session_list *sessions, const char *patterns,
			 const struct net_record *record, session_link_missing_t missing,
			 void *userdata, const char ***ret)
{
	const char **list = calloc(count_all(sessions) + 1, sizeof(*list)), *why;
	const struct resource *resource;
	const struct session *s;
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	TAILQ_FOREACH(s, sessions, entry) {
		if (!goes_along(s))
			continue;
		for (size_t i = 0; s->links && s->links[i]; i++) {
			why = why_not(s, patterns, s->links[i], record);
			if (!why)
				list[n++] = s->links[i];
			else if (missing)
				missing(s, s->links[i], why, userdata);
		}
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->tap)
				list[n++] = resource->tap->link;
	}
	*ret = list;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-link-bus - the methods of org.luod1.Session about links of the host. Who may name what:
 * session-link.h; what a queue in custody is: tap.h.
 */
#include "session-link.h"

#include "limits.h"
#include "net-machine.h"
#include "session-bus.h"
#include "tap.h"

/* In one sentence, whether there is a link of that name or not: it is not his to know. */
static int refuse(const struct session *s, const char *text, sd_bus_error *error)
{
	return sd_bus_error_setf(
		error, SD_BUS_ERROR_ACCESS_DENIED,
		"Link '%s' is not for session '%s' of uid %u to name: SessionLinks= of lu.conf does "
		"not fit it, and there is no TAP link of that name which was made for that uid (ip tuntap "
		"add ... user).",
		text, s->name, s->uid);
}

static int require_name(const struct session *s, const char *text, sd_bus_error *error)
{
	_cleanup_(net_link_freep) struct net_link *link = NULL;
	_cleanup_free_ char *namespace = NULL;
	const char *name;
	int r = session_link_parse(text, &namespace, &name);

	if (r == -EINVAL)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
					 "'%.*s' is neither the name of a link nor NAMESPACE/NAME.",
					 FIT(text, 64));
	if (r < 0 || session_link_permitted(s, s->manager->conf.session_links, text, NULL))
		return r;
	/* Whatever keeps luod from looking, it has not seen that the link is his. */
	net_machine_look(&s->manager->host, namespace, name, &link);
	return session_link_permitted(s, s->manager->conf.session_links, text, link)
		       ? 0
		       : refuse(s, text, error);
}

static int require_room(const struct session *s, size_t n, sd_bus_error *error)
{
	size_t all = n, of_uid = n;
	const struct session *other;

	TAILQ_FOREACH(other, &s->manager->sessions, entry) {
		if (other == s)
			continue;
		all += strv_length(other->links);
		of_uid += other->uid == s->uid ? strv_length(other->links) : 0;
	}
	if (n <= LIMIT_SESSION_LINKS && of_uid <= LIMIT_LINKS_PER_UID &&
	    all <= LIMIT_OF(s->uid, LIMIT_LINKS))
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("QuotaExceeded"),
				 "A session has at most %d links, those of uid %u together %d, and "
				 "all together %d.",
				 LIMIT_SESSION_LINKS, s->uid, LIMIT_LINKS_PER_UID,
				 LIMIT_OF(s->uid, LIMIT_LINKS));
}

static int require_links(struct session *s, char *const *links, sd_bus_error *error)
{
	int r = require_room(s, strv_length(links), error);

	for (size_t i = 0; r >= 0 && links && links[i]; i++)
		r = require_name(s, links[i], error);
	return r;
}

int method_set_links(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(strv_freep) char **links = NULL;
	struct session *s = userdata;
	int r;

	if ((r = sd_bus_message_read_strv(m, &links)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_idle(s, error)) < 0 || (r = require_links(s, links, error)) < 0)
		return r;
	session_set_links(s, links && *links ? TAKE_PTR(links) : NULL);
	session_emit(s->manager, s, "Links");
	manager_save(s->manager);
	return sd_bus_reply_method_return(m, NULL);
}

/* --- queues ----------------------------------------------------------------------------------- */

static int require_tap(struct session *s, int fd, struct tap **ret, sd_bus_error *error)
{
	const struct session *holder;
	int r = kdev_tun_fd_is_queue(fd);

	if (r < 0)
		return r;
	if (r == 0)
		return session_not_preservable(
			"it is no queue of a TUN or TAP link; open /dev/net/tun "
			"(O_RDWR)",
			NULL, error);
	holder = session_holder_of(s->manager, RESOURCE_TAP, fd);
	if (holder)
		return session_not_preservable("it is attached already", holder, error);
	r = tap_look(fd, &s->manager->host, ret);
	switch (r) {
	case -EBADFD:
	case -ENODEV:
		return session_not_preservable("it has no link; give it one by TUNSETIFF first",
					       NULL, error);
	case -ENOENT:
		return session_not_preservable("its link is in a network namespace without a name, "
					       "which cannot be made again; give it one ('ip netns "
					       "attach NAME PID')",
					       NULL, error);
	}
	return r;
}

int method_attach_tap(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(tap_freep) struct tap *tap = NULL;
	_cleanup_close_ int copy = -EBADF;
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	int fd, r;

	if ((r = sd_bus_message_read(m, "sh", &label, &fd)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = session_require_giving(s, m, error)) < 0 ||
	    (r = session_require_place(s, label, error)) < 0 ||
	    (r = require_tap(s, fd, &tap, error)) < 0 || (r = copy = fd_dup(fd)) < 0 ||
	    (r = session_take_custody(s, label, RESOURCE_TAP, 0, &copy, &resource, error)) < 0)
		return r;
	resource->tap = TAKE_PTR(tap);
	session_resources_changed(s);
	custody_store(s, resource);
	return sd_bus_reply_method_return(m, "t", resource->token);
}

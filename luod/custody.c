/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * custody - the fds that owners gave to luod: kept in luod's own fd store in PID 1 under
 * "<kernel session>#<token>", so that a luod that is killed gets them back when it is started
 * again. That store is not carried over a kexec: what crosses is in the kernel session.
 */
#include <systemd/sd-daemon.h>

#include "kdev-luo.h"
#include "log.h"
#include "manager.h"

#define STORE_NAME_MAX 128

static void store_name(char name[static STORE_NAME_MAX], const struct session *s, uint64_t token)
{
	snprintf(name, STORE_NAME_MAX, "%s#%llu", s->kernel_name, (unsigned long long)token);
}

void custody_store_fd(const char *name, int fd)
{
	_cleanup_free_ char *message = strprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	int r = message ? sd_pid_notify_with_fds(0, 0, message, &fd, 1) : -ENOMEM;

	if (r < 0)
		log_warning_errno(r, "Cannot put '%s' into the fd store: %m", name);
}

void custody_forget_fd(const char *name)
{
	int r = sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);

	if (r < 0)
		log_warning_errno(r, "Cannot take '%s' out of the fd store: %m", name);
}

void custody_store(struct session *s, struct resource *resource)
{
	char name[STORE_NAME_MAX];

	store_name(name, s, resource->token);
	custody_store_fd(name, resource->fd);
}

void custody_forget(struct session *s, struct resource *resource)
{
	char name[STORE_NAME_MAX];

	if (resource->fd < 0)
		return;
	store_name(name, s, resource->token);
	custody_forget_fd(name);
}

static struct resource *find_owner(struct manager *m, const char *name)
{
	struct resource *resource;
	char candidate[STORE_NAME_MAX];
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry) {
			store_name(candidate, s, resource->token);
			if (s->mode == SESSION_CUSTODY && streq(candidate, name))
				return resource;
		}
	return NULL;
}

void custody_adopt(struct manager *m, char **names, int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct resource *resource;

		if (fds[i] < 0)
			continue;
		resource = find_owner(m, names[i]);
		if (resource && resource->fd < 0) {
			resource->fd = fds[i];
		} else {
			log_warning("Nobody owns '%s' of the fd store, closing it", names[i]);
			custody_forget_fd(names[i]);
			close(fds[i]);
		}
		fds[i] = -EBADF;
	}
}

int custody_fd(struct session *s, struct resource *resource)
{
	int r;

	if (resource->fd >= 0)
		return resource->fd;
	if (s->kernel_fd < 0)
		return -ENODATA;
	r = kdev_luo_session_retrieve_fd(s->kernel_fd, resource->token, &resource->fd);
	if (r < 0)
		return r;
	custody_store(s, resource);
	return resource->fd;
}

void custody_drop_lost(struct manager *m)
{
	struct resource *resource, *next;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (s->mode != SESSION_CUSTODY || s->kernel_fd >= 0)
			continue;
		for (resource = TAILQ_FIRST(&s->resources); resource; resource = next) {
			next = TAILQ_NEXT(resource, entry);
			if (resource->fd >= 0)
				continue;
			log_error("'%s' of session %u/%s did not come back from the fd store; its "
				  "owner must attach it again",
				  resource->label, s->uid, s->name);
			session_remove_resource(s, resource);
		}
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-resource-bus - the methods of org.luod1.Session about what a session carries over: memory,
 * what an owner preserves itself, and what is asked for any kind. Devices: session-device-bus.c.
 */
#include <sys/stat.h>

#include "limits.h"
#include "memfd.h"
#include "session-bus.h"
#include "tap.h"
#include "vfio.h"

int session_require_label(struct session *s, const char *label, sd_bus_error *error)
{
	if (session_label_valid(label))
		return 0;
	return sd_bus_error_setf(
		error, LUOD_ERROR("InvalidArgument"),
		"A label has 1 to %d printable ASCII characters without '#' and ':' "
		"(session '%s').",
		SESSION_LABEL_MAX, s->name);
}

static unsigned int count_resources(const struct manager *m)
{
	const struct session *s;
	unsigned int n = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		n += s->n_resources;
	return n;
}

static int require_room(struct session *s, sd_bus_error *error)
{
	if (s->n_resources >= s->manager->conf.max_resources_per_session)
		return sd_bus_error_setf(
			error, LUOD_ERROR("QuotaExceeded"),
			"Session '%s' has %u resources already (MaxResourcesPerSession= in "
			"lu.conf).",
			s->name, s->n_resources);
	if (count_resources(s->manager) >= LIMIT_OF(s->uid, LIMIT_RESOURCES))
		return sd_bus_error_setf(
			error, LUOD_ERROR("QuotaExceeded"),
			"All sessions together have %d resources already, and luod hands over no "
			"more%s.",
			LIMIT_OF(s->uid, LIMIT_RESOURCES), s->uid == 0 ? "" : " but for root");
	return 0;
}

static uint64_t bytes_of_user(const struct manager *m, uid_t uid)
{
	const struct session *s;
	uint64_t bytes = 0;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->uid == uid &&
		    __builtin_add_overflow(bytes, session_preserved_bytes(s), &bytes))
			return UINT64_MAX;
	return bytes;
}

int session_require_bytes(struct session *s, uint64_t bytes, uint64_t before, sd_bus_error *error)
{
	uint64_t most = s->manager->conf.max_bytes_per_user, sum;

	if (most == UINT64_MAX)
		return 0;
	sum = bytes_of_user(s->manager, s->uid) - before;
	if (!__builtin_add_overflow(sum, bytes, &sum) && sum <= most)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("QuotaExceeded"),
				 "Uid %u would have more than %llu bytes in its sessions "
				 "(MaxBytesPerUser= in lu.conf).",
				 s->uid, (unsigned long long)most);
}

static int require_store(struct session *s, sd_bus_error *error)
{
	if (custody_has_room(s->manager))
		return 0;
	return sd_bus_error_set(error, LUOD_ERROR("QuotaExceeded"),
				"luod holds as many files as its fd store takes "
				"(FileDescriptorStoreMax= of luod.service).");
}

int session_require_place(struct session *s, const char *label, sd_bus_error *error)
{
	int r;

	if ((r = session_require_label(s, label, error)) < 0 || (r = require_room(s, error)) < 0)
		return r;
	return require_store(s, error);
}

int session_require_giving(struct session *s, sd_bus_message *m, sd_bus_error *error)
{
	int r;

	if ((r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_CUSTODY, error)) < 0)
		return r;
	return session_require_idle(s, error);
}

int session_resource_exists(struct session *s, const char *label, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("ResourceExists"),
				 "Session '%s' has the label '%s' or its token already.", s->name,
				 label);
}

/* The kernel preserves a file once; the second owner would only find out during the update. */
static const struct session *held_by(struct manager *m, int fd)
{
	struct resource *resource;
	struct stat a, b;
	struct session *s;

	if (fstat(fd, &a) < 0)
		return NULL;
	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->fd >= 0 && fstat(resource->fd, &b) == 0 &&
			    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
				return s;
	return NULL;
}

const struct session *session_holder_of(struct manager *m, enum resource_kind kind, int fd)
{
	const struct resource *resource;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->kind == kind && resource->fd >= 0 &&
			    fd_is_same_file(resource->fd, fd))
				return s;
	return NULL;
}

int session_not_preservable(const char *why, const struct session *holder, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("NotPreservable"),
				 "This file cannot be preserved: %s%s%s.", why,
				 holder ? ", to session " : "", holder ? holder->name : "");
}

static int require_preservable(struct session *s, int fd, struct memfd_info *ret,
			       sd_bus_error *error)
{
	const struct session *holder;
	const char *why = NULL;
	int r, read_write;

	if ((r = memfd_inspect(fd, ret)) < 0 || (r = read_write = fd_is_read_write(fd)) < 0)
		return r;
	holder = held_by(s->manager, fd);
	if (ret->kind == MEMFD_OTHER)
		why = "it is not a memfd; use memfd_create(2)";
	else if (ret->kind == MEMFD_HUGETLB)
		why = "it is made of huge pages (MFD_HUGETLB), which the kernel does not preserve";
	else if (ret->bytes == 0)
		why = "it is empty; set its size first";
	else if (holder)
		why = "it is attached already";
	else if (!read_write)
		why = "it is not open for reading and writing, as it would be after the jump";
	return why ? session_not_preservable(why, holder, error) : 0;
}

int session_take_custody(struct session *s, const char *label, enum resource_kind kind,
			 uint64_t bytes, int *copy, struct resource **ret, sd_bus_error *error)
{
	int r = session_add_resource(s, label, kind, s->next_token, bytes, *copy, ret);

	if (r == -EEXIST)
		session_resource_exists(s, label, error);
	if (r < 0)
		return r;
	TAKE_FD(*copy);
	custody_number(s, *ret);
	return 0;
}

int method_attach_memory(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_close_ int copy = -EBADF;
	struct session *s = userdata;
	struct resource *resource;
	struct memfd_info info;
	const char *label;
	int fd, r;

	if ((r = sd_bus_message_read(m, "sh", &label, &fd)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = session_require_giving(s, m, error)) < 0 ||
	    (r = session_require_place(s, label, error)) < 0 ||
	    (r = require_preservable(s, fd, &info, error)) < 0 ||
	    (r = session_require_bytes(s, info.bytes, 0, error)) < 0)
		return r;
	copy = fd_dup(fd);
	if (copy < 0)
		return copy;
	r = session_take_custody(s, label, RESOURCE_MEMORY, info.bytes, &copy, &resource, error);
	if (r < 0)
		return r;
	session_resources_changed(s);
	custody_store(s, resource);
	return sd_bus_reply_method_return(m, "t", resource->token);
}

int session_require_resource(struct session *s, const char *label, struct resource **ret,
			     sd_bus_error *error)
{
	*ret = session_find_resource(s, label);
	if (*ret)
		return 0;
	return sd_bus_error_setf(error, LUOD_ERROR("NoSuchResource"),
				 "Session '%s' has no resource '%.*s'.", s->name, FIT(label, 64));
}

/* An iommufd that a device needs stays until that goes. */
static int require_unused(struct session *s, const struct resource *resource, sd_bus_error *error)
{
	const struct resource *other;

	TAILQ_FOREACH(other, &s->resources, entry)
		if (other->iommufd && streq(other->iommufd, resource->label))
			return sd_bus_error_setf(
				error, LUOD_ERROR("InvalidArgument"),
				"The device '%s' is bound to '%s'; detach the device first.",
				other->label, resource->label);
	return 0;
}

/* What an owner preserves itself comes and goes while an update is prepared, and is gone after it. */
static int require_detachable(struct session *s, sd_bus_error *error)
{
	if (s->mode == SESSION_DELEGATION && s->state == SESSION_PREPARING)
		return 0;
	return session_require_idle(s, error);
}

int method_detach(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	int r;

	if ((r = sd_bus_message_read(m, "s", &label)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_resource(s, label, &resource, error)) < 0 ||
	    (r = require_detachable(s, error)) < 0 || (r = require_unused(s, resource, error)) < 0)
		return r;
	custody_forget(s, resource);
	session_remove_resource(s, resource);
	session_resources_changed(s);
	return sd_bus_reply_method_return(m, NULL);
}

static int not_given_back(const struct resource *resource, int why, sd_bus_error *error)
{
	if (resource->tap)
		return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
					 "Tap '%s' is not opened anew: %s.", resource->label,
					 strempty(resource->tap->why));
	if (resource->lost)
		return sd_bus_error_setf(
			error, LUOD_ERROR("Kernel"),
			"The kernel does not give '%s' (%s%s) back, and never will. %s is stopped "
			"when the session is done; then open it anew, as after a restart.",
			resource->label,
			resource->kind == RESOURCE_DMA_MEMORY ? "a DMA buffer of " : "",
			resource->device ? resource->device : "an iommufd",
			resource->kind == RESOURCE_DMA_MEMORY ? "The device" : "It");
	return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
				 "The kernel does not give '%s' back: %s.", resource->label,
				 strerror(-why));
}

int method_get_resource(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	int r;

	if ((r = sd_bus_message_read(m, "s", &label)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_CUSTODY, error)) < 0 ||
	    (r = session_require_resource(s, label, &resource, error)) < 0)
		return r;
	if (s->state == SESSION_UNCLAIMED || s->state == SESSION_LOST)
		return session_wrong_state(s, "Call ClaimSession first", error);
	r = custody_fd(s, resource);
	if (r < 0)
		return not_given_back(resource, r, error);
	return sd_bus_reply_method_return(m, "hstt", resource->fd,
					  resource_kind_to_string(resource->kind), resource->token,
					  resource->bytes);
}

int method_get_session_fd(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct session *s = userdata;
	int r;

	if ((r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_DELEGATION, error)) < 0)
		return r;
	if (s->kernel_fd < 0 || s->state == SESSION_UNCLAIMED)
		return session_wrong_state(s, "There is no kernel session to give out", error);
	return sd_bus_reply_method_return(m, "h", s->kernel_fd);
}

int session_declare(struct session *s, const char *label, enum resource_kind kind, uint64_t token,
		    uint64_t bytes, struct resource **ret, sd_bus_error *error)
{
	struct resource *old = session_find_resource(s, label);
	int r = session_require_bytes(s, bytes, old ? old->bytes : 0, error);

	if (r < 0)
		return r;
	if (old) {
		*ret = old;
		r = session_redeclare_resource(s, old, kind, token, bytes);
	} else {
		r = require_room(s, error);
		if (r < 0)
			return r;
		r = session_add_resource(s, label, kind, token, bytes, -EBADF, ret);
	}
	return r == -EEXIST ? session_resource_exists(s, label, error) : r;
}

int method_declare_resource(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *label, *kind_word;
	struct session *s = userdata;
	struct resource *resource;
	uint64_t token, bytes;
	int kind, r;

	if ((r = sd_bus_message_read(m, "sstt", &label, &kind_word, &token, &bytes)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_DELEGATION, error)) < 0 ||
	    (r = session_require_label(s, label, error)) < 0)
		return r;
	kind = resource_kind_from_string(kind_word);
	if (kind < 0 || kind == RESOURCE_TAP || token > INT64_MAX || bytes > INT64_MAX)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
					 "Resource '%s': the kind is not known or a number is too "
					 "large.",
					 label);
	if (s->state != SESSION_PREPARING)
		return session_wrong_state(s, "Resources are declared while an update is prepared",
					   error);
	r = session_declare(s, label, (enum resource_kind)kind, token, bytes, &resource, error);
	if (r < 0)
		return r;
	session_resources_changed(s);
	return sd_bus_reply_method_return(m, NULL);
}

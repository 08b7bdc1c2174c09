/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session - see session.h. */
#include "session.h"

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "tap.h"

static const char *const session_mode_table[] = {
	[SESSION_CUSTODY] = "custody",
	[SESSION_DELEGATION] = "delegation",
};
DEFINE_STRING_TABLE(session_mode, enum session_mode)

static const char *const session_policy_table[] = {
	[SESSION_REQUIRED] = "required",
	[SESSION_BEST_EFFORT] = "best-effort",
};
DEFINE_STRING_TABLE(session_policy, enum session_policy)

static const char *const claim_policy_table[] = {
	[CLAIM_BY_UNIT] = "unit",
	[CLAIM_BY_UID] = "uid",
};
DEFINE_STRING_TABLE(claim_policy, enum claim_policy)

static const char *const unclaimed_policy_table[] = {
	[UNCLAIMED_HOLD] = "hold",
	[UNCLAIMED_FINISH] = "finish",
};
DEFINE_STRING_TABLE(unclaimed_policy, enum unclaimed_policy)

static const char *const session_state_table[] = {
	[SESSION_IDLE] = "idle",
	[SESSION_PREPARING] = "preparing",
	[SESSION_READY] = "ready",
	[SESSION_VETOED] = "vetoed",
	[SESSION_LEFT_BEHIND] = "left-behind",
	[SESSION_UNCLAIMED] = "unclaimed",
	[SESSION_CLAIMED] = "claimed",
	[SESSION_RESUMED] = "resumed",
	[SESSION_LOST] = "lost",
};
DEFINE_STRING_TABLE(session_state, enum session_state)

static const char *const delivery_table[] = {
	[DELIVERY_NONE] = "",
	[DELIVERY_FDSTORE] = "fdstore",
	[DELIVERY_NAME] = "name",
};
DEFINE_STRING_TABLE(delivery, enum delivery)

static const char *const resource_kind_table[] = {
	[RESOURCE_MEMORY] = "memory",	      [RESOURCE_IOMMUFD] = "iommufd",
	[RESOURCE_DEVICE] = "device",	      [RESOURCE_TAP] = "tap",
	[RESOURCE_DMA_MEMORY] = "dma-memory",
};
DEFINE_STRING_TABLE(resource_kind, enum resource_kind)

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

bool session_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length <= SESSION_NAME_MAX && name[0] != '.' &&
	       strspn(name, NAME_CHARACTERS) == length;
}

size_t session_name_max(uid_t uid)
{
	size_t prefix = (size_t)snprintf(NULL, 0, SESSION_PREFIX "%u/", uid);
	size_t room = LIVEUPDATE_SESSION_NAME_LENGTH - 1 - prefix;

	return room < SESSION_NAME_MAX ? room : SESSION_NAME_MAX;
}

bool session_label_valid(const char *label)
{
	size_t length = strlen(label);

	if (length < 1 || length > SESSION_LABEL_MAX)
		return false;
	for (const char *p = label; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '#' || *p == ':')
			return false;
	return true;
}

static int session_path(uid_t uid, const char *name, char **ret)
{
	_cleanup_free_ char *label = strprintf("%u/%s", uid, name);

	if (!label)
		return -ENOMEM;
	return sd_bus_path_encode("/org/luod1/session", label, ret);
}

int session_new(const char *name, uid_t uid, const char *unit, struct session **ret)
{
	_cleanup_(session_freep) struct session *s = calloc(1, sizeof(*s));
	int n;

	if (!s)
		return -ENOMEM;
	TAILQ_INIT(&s->resources);
	s->kernel_fd = -EBADF;
	s->uid = uid;
	s->next_token = 1;
	s->claim_timeout_usec = USEC_INFINITY;
	s->name = strdup(name);
	s->unit = strdup(strempty(unit));
	if (!s->name || !s->unit)
		return -ENOMEM;
	n = snprintf(s->kernel_name, sizeof(s->kernel_name), SESSION_PREFIX "%u/%s", uid, name);
	if (n >= (int)sizeof(s->kernel_name))
		return -ENAMETOOLONG;
	if (session_path(uid, name, &s->path) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

int session_parse_kernel_name(const char *kernel_name, uid_t *ret_uid, const char **ret_name)
{
	unsigned long uid;
	char *end;

	if (strncmp(kernel_name, SESSION_PREFIX, strlen(SESSION_PREFIX)) != 0)
		return -EINVAL;
	kernel_name += strlen(SESSION_PREFIX);
	if (*kernel_name < '0' || *kernel_name > '9')
		return -EINVAL;
	/* One session, one name: this is how session_new() writes it. */
	if (kernel_name[0] == '0' && kernel_name[1] != '/')
		return -EINVAL;
	errno = 0;
	uid = strtoul(kernel_name, &end, 10);
	if (errno || *end != '/' || uid >= UINT32_MAX || !session_name_valid(end + 1))
		return -EINVAL;
	*ret_uid = (uid_t)uid;
	*ret_name = end + 1;
	return 0;
}

static void resource_free(struct resource *resource)
{
	free(resource->label);
	free(resource->device);
	free(resource->iommufd);
	dma_clear(&resource->dma);
	tap_free(resource->tap);
	close_fd(resource->fd);
	free(resource);
}

struct session *session_free(struct session *s)
{
	struct resource *resource;

	if (!s)
		return NULL;
	while ((resource = TAILQ_FIRST(&s->resources)))
		session_remove_resource(s, resource);
	sd_event_source_disable_unref(s->claim_timer);
	sd_bus_track_unref(s->owner_track);
	close_fd(s->kernel_fd);
	json_decref(s->unknown);
	session_set_links(s, NULL);
	free(s->name);
	free(s->unit);
	free(s->path);
	free(s->reason);
	free(s);
	return NULL;
}

struct resource *session_find_resource(struct session *s, const char *label)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (streq(resource->label, label))
			return resource;
	return NULL;
}

struct resource *session_find_device(struct session *s, const char *address)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->device && streq(resource->device, address))
			return resource;
	return NULL;
}

bool session_has_device(const struct session *s)
{
	const struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->kind == RESOURCE_DEVICE)
			return true;
	return false;
}

static struct resource *find_token(struct session *s, uint64_t token)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->token == token)
			return resource;
	return NULL;
}

static void use_token(struct session *s, struct resource *resource, uint64_t token)
{
	resource->token = token;
	if (token >= s->next_token)
		s->next_token = token + 1;
}

int session_add_resource(struct session *s, const char *label, enum resource_kind kind,
			 uint64_t token, uint64_t bytes, int fd, struct resource **ret)
{
	struct resource *resource;

	if (session_find_resource(s, label) || find_token(s, token))
		return -EEXIST;
	resource = calloc(1, sizeof(*resource));
	if (!resource)
		return -ENOMEM;
	resource->label = strdup(label);
	if (!resource->label) {
		free(resource);
		return -ENOMEM;
	}
	resource->kind = kind;
	resource->bytes = bytes;
	resource->fd = fd;
	use_token(s, resource, token);
	TAILQ_INSERT_TAIL(&s->resources, resource, entry);
	s->n_resources++;
	if (ret)
		*ret = resource;
	return 0;
}

int session_redeclare_resource(struct session *s, struct resource *resource,
			       enum resource_kind kind, uint64_t token, uint64_t bytes)
{
	struct resource *other = find_token(s, token);

	if (other && other != resource)
		return -EEXIST;
	resource->kind = kind;
	resource->bytes = bytes;
	resource->preserved = false;
	resource->fd = close_fd(resource->fd);
	free(resource->device);
	resource->device = NULL;
	use_token(s, resource, token);
	return 0;
}

void session_remove_resource(struct session *s, struct resource *resource)
{
	TAILQ_REMOVE(&s->resources, resource, entry);
	s->n_resources--;
	resource_free(resource);
}

uint64_t session_preserved_bytes(const struct session *s)
{
	const struct resource *resource;
	uint64_t bytes = 0;

	/* An owner may declare what it likes. */
	TAILQ_FOREACH(resource, &s->resources, entry)
		if (__builtin_add_overflow(bytes, resource->bytes, &bytes))
			return UINT64_MAX;
	return bytes;
}

bool session_in_update(const struct session *s)
{
	switch (s->state) {
	case SESSION_IDLE:
	case SESSION_LEFT_BEHIND:
	case SESSION_LOST:
		return false;
	case SESSION_PREPARING:
	case SESSION_READY:
	case SESSION_VETOED:
	case SESSION_UNCLAIMED:
	case SESSION_CLAIMED:
	case SESSION_RESUMED:
		return true;
	}
	return false;
}

bool session_claimed(const struct session *s)
{
	return s->state == SESSION_CLAIMED || s->state == SESSION_RESUMED;
}

bool session_jumps(const struct session *s)
{
	return session_in_update(s) || (s->state == SESSION_LEFT_BEHIND && s->held);
}

bool session_admits(const struct session *s, uid_t uid, const char *unit)
{
	if (uid != s->uid)
		return false;
	return s->claim_policy == CLAIM_BY_UID || (unit && streq(s->unit, unit));
}

void session_set_links(struct session *s, char **links)
{
	strv_free(s->links);
	s->links = links;
}

bool session_set_state(struct session *s, enum session_state state, const char *reason)
{
	bool same_reason = streq(strempty(s->reason), strempty(reason));

	if (s->state == state && same_reason)
		return false;
	s->state = state;
	if (!same_reason)
		free_and_strdup(&s->reason, reason); /* a text lost to ENOMEM is no loss */
	return true;
}

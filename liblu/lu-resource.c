/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-resource - what a session carries across the update, by custody (luod holds and preserves it)
 * or by delegation (the client preserves on the kernel session's fd, luod only writes it down).
 *
 * Fds of the caller are never kept here: D-Bus and the kernel take their own references.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "lu-private.h"

static void describe(const struct lu_session_resource *from, struct lu_resource *ret)
{
	*ret = (struct lu_resource){
		.size = sizeof(*ret),
		.token = from->token,
		.bytes = from->bytes,
		.label = from->label,
		.kind = from->kind,
	};
}

int lu_session_resource(struct lu_session *session, size_t index, struct lu_resource *ret)
{
	struct lu_resource known;

	if (ret->size < sizeof(known))
		return lu_fail(session->lu, -EINVAL, "struct lu_resource has no size");
	if (index >= session->n_resources)
		return 0;
	describe(&session->resources[index], &known);
	(void)lu_struct_out(ret, ret->size, sizeof(known), &known, sizeof(known));
	return 1;
}

int lu_session_attach(struct lu_session *session, sd_bus_message *m, const char *member,
		      uint64_t *ret_token)
{
	lu_cleanup(lu_messagep) sd_bus_message *reply = NULL;
	uint64_t token;
	int r;

	r = lu_call(session->lu, m, &reply);
	if (r < 0)
		return r;
	if (sd_bus_message_read(reply, "t", &token) < 0)
		return lu_fail(session->lu, -EPROTO, "%s: luod answered without a token", member);
	if (ret_token)
		*ret_token = token;
	return 0;
}

static int attach_file(struct lu_session *session, const char *member, const char *label, int fd,
		       uint64_t *ret_token)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL;
	int r;

	r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, member, &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "sha{sv}", label, fd, 0);
	if (r < 0)
		return lu_fail(session->lu, r, "%s: cannot make the call: %s", member,
			       lu_errno_text(r));
	return lu_session_attach(session, m, member, ret_token);
}

int lu_session_attach_memory(struct lu_session *session, const char *label, int fd,
			     uint64_t *ret_token)
{
	return attach_file(session, "AttachMemory", label, fd, ret_token);
}

int lu_session_attach_tap(struct lu_session *session, const char *label, int fd,
			  uint64_t *ret_token)
{
	return attach_file(session, "AttachTap", label, fd, ret_token);
}

int lu_session_attach_dma_memory(struct lu_session *session, const char *label, int fd,
				 uint64_t *ret_token)
{
	return attach_file(session, "AttachDmaMemory", label, fd, ret_token);
}

int lu_session_detach(struct lu_session *session, const char *label)
{
	return lu_session_call(session, "Detach", "s", label);
}

/* The fd in a message is the message's. */
static int own_fd(struct lu *lu, int fd, int *ret)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return lu_fail(lu, -errno, "Cannot duplicate what luod sent: %s",
			       lu_errno_text(errno));
	*ret = copy;
	return 0;
}

static int read_resource(struct lu *lu, sd_bus_message *reply, const char *label, int *ret_fd,
			 struct lu_resource *ret)
{
	struct lu_resource known = { .size = sizeof(known), .label = label };
	int fd, r;

	r = sd_bus_message_read(reply, "hstt", &fd, &known.kind, &known.token, &known.bytes);
	if (r < 0)
		return lu_fail(lu, -EPROTO, "GetResource: luod's answer cannot be read");
	r = own_fd(lu, fd, ret_fd);
	if (r < 0 || !ret)
		return r;
	(void)lu_struct_out(ret, ret->size, sizeof(known), &known, sizeof(known));
	return 0;
}

int lu_session_get_resource(struct lu_session *session, const char *label, int *ret_fd,
			    struct lu_resource *ret)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	struct lu *lu = session->lu;
	int r;

	if (ret && ret->size < sizeof(*ret))
		return lu_fail(lu, -EINVAL, "struct lu_resource has no size");
	r = lu_call_new(lu, session->path, LU_SESSION_INTERFACE, "GetResource", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", label);
	if (r < 0)
		return lu_fail(lu, r, "GetResource: cannot make the call: %s", lu_errno_text(r));
	r = lu_call(lu, m, &reply);
	if (r < 0)
		return r;
	r = read_resource(lu, reply, label, ret_fd, ret);
	if (r < 0)
		return r;
	/* Keeps the kind readable until the next answer takes its place. */
	sd_bus_message_unref(lu->borrowed);
	lu->borrowed = sd_bus_message_ref(reply);
	return 0;
}

int lu_session_get_fd(struct lu_session *session)
{
	lu_cleanup(lu_messagep) sd_bus_message *m = NULL, *reply = NULL;
	int fd, r;

	if (session->kernel_fd >= 0)
		return session->kernel_fd;
	r = lu_call_new(session->lu, session->path, LU_SESSION_INTERFACE, "GetSessionFD", &m);
	if (r < 0)
		return lu_fail(session->lu, r, "GetSessionFD: %s", lu_errno_text(r));
	r = lu_call(session->lu, m, &reply);
	if (r < 0)
		return r;
	if (sd_bus_message_read(reply, "h", &fd) < 0)
		return lu_fail(session->lu, -EPROTO, "GetSessionFD: luod answered without an fd");
	r = own_fd(session->lu, fd, &session->kernel_fd);
	return r < 0 ? r : session->kernel_fd;
}

static bool fd_is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

/* In the order in which the kernel wants them preserved: each may depend on those before. */
static const struct kind {
	const char *name; /* org.luod1's word */
	bool (*is)(int fd);
	bool of_device; /* luod has to know which one */
} kinds[] = {
	{ "memory", fd_is_memory, false },
	{ "dma-memory", lu_fd_is_dma_memory, true },
	{ "iommufd", lu_fd_is_iommufd, false },
	{ "device", lu_fd_is_device, true },
	{ "file", NULL, false },
};

static size_t kind_of(int fd)
{
	size_t i = 0;

	while (kinds[i].is && !kinds[i].is(fd))
		i++;
	return i;
}

static uint64_t bytes_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return (uint64_t)st.st_size;
	return lu_dma_memory_bytes(fd);
}

static int preserve(struct lu_session *session, const struct lu_preserve *p)
{
	int session_fd = lu_session_get_fd(session);
	int r;

	if (session_fd < 0)
		return session_fd;
	r = lu_kernel_preserve(session_fd, p->fd, p->token);
	if (r < 0)
		return lu_fail(session->lu, r, "The kernel does not preserve '%s': %s", p->label,
			       lu_errno_text(r));
	return 0;
}

static int declare(struct lu_session *session, const struct lu_preserve *p)
{
	const struct kind *kind = &kinds[kind_of(p->fd)];
	uint64_t bytes = bytes_of(p->fd);

	if (kind->of_device)
		return lu_session_declare_device(session, p->label, p->fd, p->token, bytes);
	return lu_session_declare(session, p->label, kind->name, p->token, bytes);
}

int lu_session_preserve(struct lu_session *session, const char *label, int fd, uint64_t token)
{
	const struct lu_preserve p = { .label = label, .fd = fd, .token = token };
	int r;

	r = preserve(session, &p);
	return r < 0 ? r : declare(session, &p);
}

/* The last first: what depends on another goes before it. */
static void unpreserve_all(struct lu_session *session, const struct lu_preserve **done, size_t n)
{
	while (n-- > 0)
		(void)lu_kernel_unpreserve(session->kernel_fd, done[n]->token);
}

int lu_session_preserve_all(struct lu_session *session, const struct lu_preserve *items, size_t n)
{
	lu_cleanup(lu_freep) const struct lu_preserve **done = calloc(n + 1, sizeof(*done));
	size_t n_done = 0;
	int r = 0;

	if (!done)
		return lu_fail(session->lu, -ENOMEM, "Out of memory");
	for (size_t k = 0; k < LU_ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < n; i++) {
			if (kind_of(items[i].fd) != k)
				continue;
			r = preserve(session, &items[i]);
			if (r < 0) {
				unpreserve_all(session, done, n_done);
				return r;
			}
			done[n_done++] = &items[i];
		}
	for (size_t i = 0; r >= 0 && i < n_done; i++)
		r = declare(session, done[i]);
	return r;
}

/* luod looks after what was declared, and would miss it. */
static int retract(struct lu_session *session, uint64_t token)
{
	int r = lu_session_fetch(session, true);

	for (size_t i = 0; r >= 0 && i < session->n_resources; i++)
		if (session->resources[i].token == token)
			return lu_session_call(session, "Detach", "s", session->resources[i].label);
	return r;
}

int lu_session_unpreserve(struct lu_session *session, uint64_t token)
{
	int session_fd = lu_session_get_fd(session);
	int r;

	if (session_fd < 0)
		return session_fd;
	r = lu_kernel_unpreserve(session_fd, token);
	if (r < 0)
		return lu_fail(session->lu, r, "The kernel does not unpreserve token %llu: %s",
			       (unsigned long long)token, lu_errno_text(r));
	return retract(session, token);
}

int lu_session_retrieve(struct lu_session *session, uint64_t token, int *ret_fd)
{
	int session_fd, r;

	session_fd = lu_session_get_fd(session);
	if (session_fd < 0)
		return session_fd;
	r = lu_kernel_retrieve(session_fd, token, ret_fd);
	if (r < 0)
		return lu_fail(session->lu, r, "The kernel does not give back token %llu: %s",
			       (unsigned long long)token, lu_errno_text(r));
	return 0;
}

int lu_session_declare(struct lu_session *session, const char *label, const char *kind,
		       uint64_t token, uint64_t bytes)
{
	return lu_session_call(session, "DeclareResource", "sstt", label, kind, token, bytes);
}

int lu_session_declare_device(struct lu_session *session, const char *label, int fd, uint64_t token,
			      uint64_t bytes)
{
	return lu_session_call(session, "DeclareDevice", "shtt", label, fd, token, bytes);
}

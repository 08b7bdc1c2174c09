/* SPDX-License-Identifier: GPL-2.0-or-later */
/* step-device - see step-device.h. */
#include "step-device.h"

#include "barrier.h"
#include "holder.h"
#include "kdev-luo.h"
#include "limits.h"
#include "log.h"
#include "step.h"

/* What the kernel's refusals mean (Documentation/userspace-api/liveupdate-dma.rst). */
static const struct {
	enum resource_kind kind;
	int error;
	const char *text;
} refusals[] = {
	{ RESOURCE_IOMMUFD, -EINVAL,
	  "no HWPT of it is marked, nothing is mapped in the IOAS of one, or memory was punched out "
	  "after it had been mapped" },
	{ RESOURCE_IOMMUFD, -ENOENT,
	  "it maps memory that is not attached to this session, a DMA buffer is not mapped any more, "
	  "or this kernel cannot preserve an iommufd" },
	{ RESOURCE_IOMMUFD, -EOPNOTSUPP,
	  "something is mapped that is no memfd, or one that was not sealed (F_SEAL_SEAL, F_SEAL_GROW "
	  "and F_SEAL_SHRINK) before it was mapped" },
	{ RESOURCE_DEVICE, -ENOENT,
	  "it is not bound to the iommufd that it was attached with, was opened through a group, has "
	  "another driver than vfio-pci, or this kernel cannot preserve a device" },
	{ RESOURCE_DEVICE, -EINVAL,
	  "it is not attached to a marked HWPT, not in power state D0, or not alone in its IOMMU "
	  "group" },
	{ RESOURCE_DEVICE, -EOPNOTSUPP,
	  "it is of a kind that cannot be preserved (a virtual function, or one that has some; a USB "
	  "controller; with ATS, PRI or PASIDs in use; with memory that its firmware wants mapped)" },
	{ RESOURCE_IOMMUFD, -EBUSY,
	  "it is preserved in another session, or came with an earlier update that is not finished" },
	{ RESOURCE_DEVICE, -EBUSY,
	  "it is preserved in another session, or came with an earlier update that is not finished" },
	{ RESOURCE_DMA_MEMORY, -EOPNOTSUPP,
	  "an IOMMU translates the addresses of its device (boot with iommu=pt), or its memory is of a "
	  "kind that the kernel cannot keep" },
	{ RESOURCE_DMA_MEMORY, -ENOENT, "this kernel cannot preserve a DMA buffer" },
	{ RESOURCE_DMA_MEMORY, -ENODEV, "pci-dmamem does not have its device any more" },
	{ RESOURCE_DMA_MEMORY, -EAGAIN,
	  "its device is being bound to a driver, or unbound, right now" },
	{ RESOURCE_DMA_MEMORY, -EBUSY,
	  "it is preserved in another session, or came with an earlier update that is not finished" },
};

static const char *meaning(enum resource_kind kind, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (refusals[i].kind == kind && refusals[i].error == error)
			return refusals[i].text;
	return strerror(-error);
}

static int leave_behind(struct manager *m, struct session *s, int error, const char *why)
{
	int r = barrier_leave_behind(m, s, error, why ? why : "out of memory");

	return r < 0 ? r : STEP_AGAIN;
}

/* --- before: what may have changed since the check --------------------------------------------- */

/* Whose unit alone has that device open, though it said that it has handed over what it has. */
static struct session *find_forgetful(struct manager *m, const struct device *d)
{
	struct session *s;

	if (d->session || d->n_users != 1)
		return NULL;
	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->mode == SESSION_DELEGATION && s->state == SESSION_READY &&
		    !isempty(s->unit) && streq(s->unit, d->users[0]))
			return s;
	return NULL;
}

static int leave_forgetful_behind(struct manager *m)
{
	for (size_t i = 0; i < m->inventory.n; i++) {
		const struct device *d = m->inventory.devices[i];
		struct session *s = find_forgetful(m, d);
		_cleanup_free_ char *why = NULL;
		int r;

		if (!s || (m->update.force && s->policy == SESSION_REQUIRED))
			continue; /* what is forced is judged below, as everything else */
		why = strprintf("its unit has device %s open and has not declared it "
				"(DeclareDevice)",
				d->facts.address);
		r = barrier_leave_behind(m, s, -ENODEV, why ? why : "out of memory");
		if (r < 0)
			return r;
		cover_devices(m);
	}
	return 0;
}

static int judge(struct manager *m, const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *f = &findings->items[i];

		if (f->severity != SEVERITY_ERROR)
			continue;
		if (!m->update.force) {
			m->update.cause = CAUSE_CHECK;
			return update_fail(m, -ECANCELED, "Since the check: %s", f->message);
		}
		log_warning("Since the check: %s Going on because the update is forced",
			    f->message);
	}
	return 0;
}

static bool any_device(const struct manager *m)
{
	const struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (session_has_device(s))
			return true;
	return m->inventory.n > 0;
}

int devices_check(struct manager *m)
{
	_cleanup_(holders_clear) struct holders holders = {};
	_cleanup_(findings_free) struct findings findings = {};
	int r;

	if (!any_device(m))
		return 0;
	if ((r = cover_look(m, &holders)) < 0 || (r = leave_forgetful_behind(m)) < 0 ||
	    (r = manager_check_devices(m, &findings)) < 0)
		return r;
	return judge(m, &findings);
}

/* --- interrupts -------------------------------------------------------------------------------- */

static int read_device(const struct manager *m, const struct resource *resource,
		       struct device_facts *ret)
{
	if (resource->kind != RESOURCE_DEVICE || !resource->device)
		return -ENODEV;
	return device_read(strempty(m->paths.root), resource->device, ret);
}

/* The kernel refuses the jump of all while one device has them on. */
static bool has_interrupts(const struct device_facts *f)
{
	return !streq(f->interrupts, "none");
}

static int refuse_interrupts(struct manager *m, struct session *s, const struct resource *resource)
{
	_cleanup_free_ char *why = NULL;
	struct device_facts f;
	int r = read_device(m, resource, &f);

	if (errno_is_shortage(r))
		return STEP_RETRY;
	if (r < 0 || !has_interrupts(&f))
		return STEP_DONE;
	why = strprintf("device '%s' at %s has interrupts on (%s); its VMM has to turn them off "
			"before it says Ready",
			resource->label, resource->device, f.interrupts);
	return leave_behind(m, s, -EBUSY, why);
}

/* Its node goes first, then whoever unbinds it waits until nobody has it open any more. */
static bool is_being_unbound(const struct device_facts *f)
{
	return isempty(f->node);
}

char *devices_blame(const struct manager *m)
{
	const struct resource *resource;
	const struct session *s;
	struct device_facts f;

	TAILQ_FOREACH(s, &m->sessions, entry)
		TAILQ_FOREACH(resource, &s->resources, entry) {
			if (s->state != SESSION_READY || read_device(m, resource, &f) < 0)
				continue;
			if (has_interrupts(&f))
				return strprintf(
					"device %s of session %u/%s has interrupts on (%s)",
					resource->device, s->uid, s->name, f.interrupts);
			if (is_being_unbound(&f))
				return strprintf("device %s of session %u/%s is being taken away "
						 "from its driver",
						 resource->device, s->uid, s->name);
		}
	return NULL;
}

/* --- custody ---------------------------------------------------------------------------------- */

static int mark(struct manager *m, struct session *s, struct resource *iommufd)
{
	_cleanup_free_ char *what = NULL, *why = NULL;
	int r;

	if (!iommufd->dma.n_hwpts) {
		why = strprintf("no HWPT of '%s' is named (AttachIommufd)", iommufd->label);
		return leave_behind(m, s, -EINVAL, why);
	}
	/* Of an update that was called off, if somebody still had the session then. */
	dma_unmark(&iommufd->dma, iommufd->fd);
	/* Written down first: a luod that is killed here has left some behind. */
	iommufd->dma.marked = true;
	manager_save(m);
	r = dma_mark(&iommufd->dma, iommufd->fd, &what);
	if (r >= 0)
		return STEP_DONE;
	why = strprintf("page tables of '%s' cannot be marked: %s", iommufd->label,
			what ? what : strerror(-r));
	return leave_behind(m, s, r, why);
}

static int not_preserved(struct manager *m, struct session *s, const struct resource *resource,
			 int error)
{
	_cleanup_free_ char *why = strprintf("the kernel does not preserve %s '%s'%s%s: %s (%s)",
					     resource_kind_to_string(resource->kind),
					     resource->label, resource->device ? " at " : "",
					     strempty(resource->device),
					     meaning(resource->kind, error), strerror(-error));

	return leave_behind(m, s, error, why);
}

static int preserve(struct manager *m, struct session *s, struct resource *resource)
{
	int r;

	update_progress(m);
	if (resource->kind == RESOURCE_IOMMUFD) {
		r = mark(m, s, resource);
		if (r != STEP_DONE)
			return r;
	}
	r = kdev_luo_session_preserve_fd(s->kernel_fd, resource->fd, resource->token);
	if (r >= 0) {
		resource->preserved = true;
		return STEP_AGAIN;
	}
	return not_preserved(m, s, resource, r);
}

/* The first one that is not in the kernel session yet, in the order that the kernel wants. */
static struct resource *next_of(struct session *s)
{
	static const enum resource_kind order[] = { RESOURCE_DMA_MEMORY, RESOURCE_IOMMUFD,
						    RESOURCE_DEVICE };
	struct resource *resource;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		TAILQ_FOREACH(resource, &s->resources, entry)
			if (resource->kind == order[i] && !resource->preserved)
				return resource;
	return NULL;
}

/* --- delegation ------------------------------------------------------------------------------- */

/*
 * The kernel tells nobody what is in a session. It does tell that a token is taken (-EEXIST), and that a
 * file is preserved already (-EBUSY). Otherwise it takes the file, which goes out again.
 */
static int try_to_preserve(const struct session *s, int fd, uint64_t token)
{
	int r = kdev_luo_session_preserve_fd(s->kernel_fd, fd, token);

	/* A kernel that cannot take it out drops it with the session, which does not go along now. */
	if (r >= 0)
		kdev_luo_session_unpreserve_fd(s->kernel_fd, token);
	return r;
}

static int token_is_taken(const struct session *s, uint64_t token)
{
	_cleanup_close_ int probe = memfd_new("luod-probe");
	int r;

	if (probe < 0)
		return probe;
	if (ftruncate(probe, 1) < 0)
		return -errno;
	r = try_to_preserve(s, probe, token);
	return r == -EEXIST ? 1 : r;
}

/* @fd: of a luod that was killed since it was declared, there is none. */
static int device_is_preserved(const struct session *s, int fd)
{
	uint64_t token = INT64_MAX;
	int r;

	if (fd < 0)
		return 1;
	do
		r = try_to_preserve(s, fd, token);
	while (r == -EEXIST && token-- > INT64_MAX - LIMIT_SESSION_RESOURCES);
	return r == -EBUSY ? 1 : r;
}

static int verify(struct manager *m, struct session *s, struct resource *resource)
{
	_cleanup_free_ char *why = NULL;
	int r = token_is_taken(s, resource->token);

	update_progress(m);
	if (r > 0) {
		r = device_is_preserved(s, resource->fd);
		resource->fd = close_fd(resource->fd);
	}
	if (r > 0) {
		resource->preserved = true;
		return STEP_AGAIN;
	}
	if (r == 0)
		why = strprintf("its owner declared '%s', but did not preserve it (token %llu)",
				resource->label, (unsigned long long)resource->token);
	else
		why = strprintf("it cannot be told whether '%s' is preserved: %s", resource->label,
				strerror(-r));
	return leave_behind(m, s, r < 0 ? r : -ENOENT, why);
}

static struct resource *next_declared(struct session *s)
{
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (!resource->preserved)
			return resource;
	return NULL;
}

/* --- the step --------------------------------------------------------------------------------- */

static void tell_owners(struct manager *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		if (s->state == SESSION_READY)
			bus_set_emit_signal(&m->buses, s->path, LUOD_SESSION_INTERFACE, "Preserved",
					    "s", m->update.info.id);
}

int devices_act(struct manager *m)
{
	struct resource *resource;
	struct session *s;
	int r;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		bool custody = s->mode == SESSION_CUSTODY;

		if (s->state != SESSION_READY)
			continue;
		resource = custody ? next_of(s) : next_declared(s);
		if (!resource)
			continue;
		r = refuse_interrupts(m, s, resource);
		if (r != STEP_DONE)
			return r;
		return custody ? preserve(m, s, resource) : verify(m, s, resource);
	}
	tell_owners(m);
	return STEP_DONE;
}

static void unpreserve(struct session *s, struct resource *resource)
{
	int r;

	if (!resource->preserved || s->kernel_fd < 0)
		return;
	r = kdev_luo_session_unpreserve_fd(s->kernel_fd, resource->token);
	if (r < 0)
		log_debug_errno(r, "'%s' goes with its kernel session: %m", resource->label);
	else
		resource->preserved = false;
}

static void unmark(const struct session *s, struct resource *resource)
{
	int r;

	if (resource->fd < 0 || !resource->dma.marked)
		return;
	r = dma_unmark(&resource->dma, resource->fd);
	if (r < 0)
		log_warning_errno(r,
				  "Cannot take the marks of '%s' of session %u/%s away yet: %m, "
				  "ignoring",
				  resource->label, s->uid, s->name);
}

/*
 * What owners preserved themselves, the last first, also what they had not got to say yet: one that
 * hangs, or keeps its fd of the kernel session, must not keep its devices from the next update.
 */
static void unpreserve_declared(struct session *s)
{
	struct resource *resource;

	TAILQ_FOREACH_REVERSE(resource, &s->resources, resource_list, entry) {
		resource->preserved = true;
		unpreserve(s, resource);
	}
}

/* As mark(), and undone. */
static int try_mark(struct manager *m, struct session *s, struct resource *iommufd)
{
	int r = mark(m, s, iommufd);

	if (r == STEP_DONE)
		unmark(s, iommufd);
	return r;
}

/* As preserve(), and undone: the owner goes on with its buffer as before. */
static int try_buffer(struct manager *m, struct session *s, struct resource *buffer)
{
	int r = kdev_luo_session_preserve_fd(s->kernel_fd, buffer->fd, buffer->token);

	if (r < 0)
		return not_preserved(m, s, buffer, r);
	buffer->preserved = true;
	unpreserve(s, buffer);
	return STEP_DONE;
}

/* What can be tried of one session; negative when the update fails for it. */
static int try_session(struct manager *m, struct session *s)
{
	struct resource *resource;
	int r = STEP_DONE;

	TAILQ_FOREACH(resource, &s->resources, entry) {
		if (resource->kind == RESOURCE_IOMMUFD)
			r = try_mark(m, s, resource);
		else if (resource->kind == RESOURCE_DMA_MEMORY)
			r = try_buffer(m, s, resource);
		if (r != STEP_DONE) /* it fails, or is left behind */
			return r < 0 ? r : 0;
	}
	return 0;
}

int devices_try(struct manager *m)
{
	struct session *s;
	int r;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (s->state != SESSION_PREPARING || s->mode != SESSION_CUSTODY)
			continue;
		r = try_session(m, s);
		if (r < 0)
			return r;
	}
	return 0;
}

void devices_release(struct session *s)
{
	static const enum resource_kind order[] = { RESOURCE_DEVICE, RESOURCE_IOMMUFD,
						    RESOURCE_DMA_MEMORY };
	struct resource *resource;

	if (s->mode == SESSION_DELEGATION) {
		unpreserve_declared(s);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		TAILQ_FOREACH_REVERSE(resource, &s->resources, resource_list, entry)
			if (resource->kind == order[i])
				unpreserve(s, resource);
	TAILQ_FOREACH(resource, &s->resources, entry)
		unmark(s, resource);
}

void devices_undo(struct manager *m)
{
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry)
		devices_release(s);
}

void devices_unmark_leftovers(struct manager *m)
{
	struct resource *resource;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		if (session_in_update(s))
			continue;
		TAILQ_FOREACH(resource, &s->resources, entry)
			unmark(s, resource);
	}
}

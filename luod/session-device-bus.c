/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-device-bus - the methods of org.luod1.Session about devices that go on doing DMA: given into
 * custody or declared before the jump, taken to new page tables after it.
 *
 * What a client sends is known by what it is (vfio.h) before anything is asked of it.
 */
#include "dma-memory.h"
#include "liblu.h"
#include "limits.h"
#include "manager.h"
#include "reattach.h"
#include "session-bus.h"
#include "vfio.h"

/*
 * Before a VMM counts on it: what cannot be taken into custody can be given back by the guest, and its
 * memory goes along. An update would say so only when the guest is paused.
 */
static int require_kernel(const struct session *s, sd_bus_error *error)
{
	if (s->manager->features.of[FEATURE_DEVICES].answer != ANSWER_NO)
		return 0;
	return sd_bus_error_setf(
		error, LUOD_ERROR("NotSupported"),
		"The running kernel hands over memory, but no devices (CONFIG_IOMMU_LIVEUPDATE=y and "
		"CONFIG_VFIO_PCI_LIVEUPDATE=y are missing).");
}

/* --- an iommufd in custody -------------------------------------------------------------------- */

static int bad_dma(int why, const char *what, sd_bus_error *error)
{
	switch (why) {
	case -E2BIG:
		return sd_bus_error_setf(error, LUOD_ERROR("QuotaExceeded"),
					 "An iommufd has at most %d HWPTs and %d DMA buffers here.",
					 LIMIT_IOMMUFD_HWPTS, LIMIT_IOMMUFD_BUFFERS);
	case -EEXIST:
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
					 "Two %s have the same token.", what);
	case -ERANGE:
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
					 "A number of the %s is out of range.", what);
	}
	return why;
}

static int read_hwpts(sd_bus_message *m, struct dma *dma, sd_bus_error *error)
{
	struct hwpt hwpt = {};
	int r = sd_bus_message_enter_container(m, 'a', "(ut)");

	while (r >= 0 && (r = sd_bus_message_read(m, "(ut)", &hwpt.id, &hwpt.token)) > 0)
		r = hwpt.id == 0 || hwpt.token > INT64_MAX ? -ERANGE : dma_add_hwpt(dma, &hwpt);
	return r < 0 ? bad_dma(r, "HWPTs", error) : sd_bus_message_exit_container(m);
}

static bool buffer_in_range(const struct dma_buffer *b)
{
	return b->ioas_id && b->length && b->iova <= INT64_MAX && b->length <= INT64_MAX &&
	       b->token <= INT64_MAX;
}

static int read_buffers(sd_bus_message *m, struct dma *dma, sd_bus_error *error)
{
	struct dma_buffer b = {};
	int r = sd_bus_message_enter_container(m, 'a', "(uttt)");

	while (r >= 0 &&
	       (r = sd_bus_message_read(m, "(uttt)", &b.ioas_id, &b.iova, &b.length, &b.token)) > 0)
		r = buffer_in_range(&b) ? dma_add_buffer(dma, &b) : -ERANGE;
	return r < 0 ? bad_dma(r, "DMA buffers", error) : sd_bus_message_exit_container(m);
}

static int require_dma_room(const struct session *s, const struct resource *old,
			    const struct dma *dma, sd_bus_error *error)
{
	int r = custody_dma_room(s->manager, s->uid, old, dma);

	if (r == -EDQUOT)
		return sd_bus_error_setf(
			error, LUOD_ERROR("QuotaExceeded"),
			"All sessions of uid %u together have at most %d HWPTs and %d DMA buffers.",
			s->uid, LIMIT_HWPTS_PER_UID, LIMIT_BUFFERS_PER_UID);
	if (r < 0)
		return sd_bus_error_setf(
			error, LUOD_ERROR("QuotaExceeded"),
			"All sessions together have at most %d HWPTs and %d DMA buffers%s.",
			LIMIT_OF(s->uid, LIMIT_HWPTS), LIMIT_OF(s->uid, LIMIT_BUFFERS),
			s->uid == 0 ? "" : "; the rest is root's");
	return 0;
}

static int require_iommufd(struct session *s, int fd, sd_bus_error *error)
{
	const struct session *holder;
	int r = vfio_fd_is_iommufd(s->manager->paths.root, fd);

	if (r < 0)
		return r;
	if (r == 0)
		return session_not_preservable("it is not an iommufd; open /dev/iommu (O_RDWR)",
					       NULL, error);
	holder = session_holder_of(s->manager, RESOURCE_IOMMUFD, fd);
	return holder ? session_not_preservable("it is attached already", holder, error) : 0;
}

/* The resource that this call is about anew, or NULL: an owner whose page tables have changed. */
static struct resource *attached_before(struct session *s, const char *label,
					enum resource_kind kind, int fd)
{
	struct resource *resource = session_find_resource(s, label);

	if (!resource || resource->kind != kind || resource->fd < 0)
		return NULL;
	return fd_is_same_file(resource->fd, fd) ? resource : NULL;
}

/* @old, or a new resource. */
static int custody_of(struct session *s, struct resource *old, const char *label,
		      enum resource_kind kind, int fd, struct resource **ret, sd_bus_error *error)
{
	_cleanup_close_ int copy = -EBADF;
	int r;

	if (old) {
		*ret = old;
		return 0;
	}
	r = session_require_place(s, label, error);
	if (r < 0)
		return r;
	copy = fd_dup(fd);
	return copy < 0 ? copy : session_take_custody(s, label, kind, 0, &copy, ret, error);
}

/* Nothing may have been called for naught: first written down, then stored, then answered. */
static int attached(sd_bus_message *m, struct session *s, struct resource *resource, bool is_new)
{
	session_resources_changed(s);
	if (is_new)
		custody_store(s, resource);
	return sd_bus_reply_method_return(m, "t", resource->token);
}

static int attach_iommufd(sd_bus_message *m, struct session *s, struct dma *dma,
			  sd_bus_error *error)
{
	struct resource *old, *resource;
	const char *label;
	int fd, r;

	if ((r = sd_bus_message_read(m, "sh", &label, &fd)) < 0 ||
	    (r = read_hwpts(m, dma, error)) < 0 || (r = read_buffers(m, dma, error)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = session_require_giving(s, m, error)) < 0 || (r = require_kernel(s, error)) < 0)
		return r;
	old = attached_before(s, label, RESOURCE_IOMMUFD, fd);
	if ((r = require_dma_room(s, old, dma, error)) < 0 ||
	    (!old && (r = require_iommufd(s, fd, error)) < 0) ||
	    (r = custody_of(s, old, label, RESOURCE_IOMMUFD, fd, &resource, error)) < 0)
		return r;
	dma_unmark(&resource->dma, resource->fd);
	dma_clear(&resource->dma);
	resource->dma = *dma;
	*dma = (struct dma){};
	return attached(m, s, resource, !old);
}

int method_attach_iommufd(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(dma_clear) struct dma dma = {};

	return attach_iommufd(m, userdata, &dma, error);
}

/* --- devices ---------------------------------------------------------------------------------- */

static const struct session *device_holder(struct manager *m, const char *address,
					   const struct resource *but)
{
	const struct resource *resource;
	struct session *s;

	TAILQ_FOREACH(s, &m->sessions, entry) {
		resource = session_find_device(s, address);
		if (resource && resource != but)
			return s;
	}
	return NULL;
}

/* @but: what may have the device already. The caller frees *ret_address. */
static int require_device(struct session *s, int fd, const struct resource *but, char **ret_address,
			  sd_bus_error *error)
{
	_cleanup_free_ char *address = NULL;
	const struct session *holder;
	int r = vfio_fd_address(s->manager->paths.root, fd, &address);

	if (r < 0)
		return r;
	if (r == 0)
		return session_not_preservable(
			"it is not the character device of a PCI device; open "
			"/dev/vfio/devices/vfioN (O_RDWR)",
			NULL, error);
	holder = device_holder(s->manager, address, but);
	if (holder)
		return session_not_preservable("that device is attached already", holder, error);
	*ret_address = TAKE_PTR(address);
	return 0;
}

static int require_kind(struct session *s, const char *label, enum resource_kind kind,
			struct resource **ret, sd_bus_error *error)
{
	int r = session_require_resource(s, label, ret, error);

	if (r < 0 || (*ret)->kind == kind)
		return r;
	return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
				 "'%s' is of the kind '%s'; this is for '%s'.", label,
				 resource_kind_to_string((*ret)->kind),
				 resource_kind_to_string(kind));
}

int method_attach_device(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_free_ char *address = NULL, *iommufd = NULL;
	struct resource *old, *resource, *tables;
	const char *label, *iommufd_label;
	struct session *s = userdata;
	int fd, r;

	if ((r = sd_bus_message_read(m, "shs", &label, &fd, &iommufd_label)) < 0 ||
	    (r = options_read(m, NULL, 0, NULL, error)) < 0 ||
	    (r = session_require_giving(s, m, error)) < 0 || (r = require_kernel(s, error)) < 0 ||
	    (r = require_kind(s, iommufd_label, RESOURCE_IOMMUFD, &tables, error)) < 0)
		return r;
	old = attached_before(s, label, RESOURCE_DEVICE, fd);
	iommufd = strdup(tables->label);
	if (!iommufd)
		return -ENOMEM;
	if ((r = require_device(s, fd, old, &address, error)) < 0 ||
	    (r = custody_of(s, old, label, RESOURCE_DEVICE, fd, &resource, error)) < 0)
		return r;
	free(resource->device);
	free(resource->iommufd);
	resource->device = TAKE_PTR(address);
	resource->iommufd = TAKE_PTR(iommufd);
	return attached(m, s, resource, !old);
}

/* What is declared by a fd of its own: a device, or a DMA buffer, which says how large it is. */
struct declared {
	enum resource_kind kind;
	char *address;
	uint64_t bytes;
};

static void declared_clear(struct declared *d)
{
	free(d->address);
}

static int require_declarable(struct session *s, const char *label, int fd, struct declared *d,
			      sd_bus_error *error)
{
	const struct session *holder = NULL;
	struct dma_memory memory;
	int r = dma_memory_inspect(fd, &memory);

	if (r < 0)
		return r;
	if (r == 0)
		return require_device(s, fd, session_find_resource(s, label), &d->address, error);
	if (!attached_before(s, label, RESOURCE_DMA_MEMORY, fd))
		holder = session_holder_of(s->manager, RESOURCE_DMA_MEMORY, fd);
	if (holder)
		return session_not_preservable("it is attached already", holder, error);
	d->kind = RESOURCE_DMA_MEMORY;
	d->bytes = memory.bytes;
	d->address = strdup(memory.device);
	return d->address ? 0 : -ENOMEM;
}

/* The fd says which device it is, and lets luod verify that it was preserved; then it is closed. */
int method_declare_device(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(declared_clear) struct declared d = { .kind = RESOURCE_DEVICE };
	_cleanup_close_ int copy = -EBADF;
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	uint64_t token;
	int fd, r;

	if ((r = sd_bus_message_read(m, "shtt", &label, &fd, &token, &d.bytes)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_DELEGATION, error)) < 0 ||
	    (r = session_require_label(s, label, error)) < 0)
		return r;
	if (token > INT64_MAX || d.bytes > INT64_MAX)
		return sd_bus_error_setf(error, LUOD_ERROR("InvalidArgument"),
					 "Device '%s': a number is too large.", label);
	if (s->state != SESSION_PREPARING)
		return session_wrong_state(s, "Devices are declared while an update is prepared",
					   error);
	if ((r = require_declarable(s, label, fd, &d, error)) < 0 || (r = copy = fd_dup(fd)) < 0 ||
	    (r = session_declare(s, label, d.kind, token, d.bytes, &resource, error)) < 0)
		return r;
	resource->device = TAKE_PTR(d.address); /* session_declare() has freed what was there */
	resource->fd = TAKE_FD(copy);
	session_resources_changed(s);
	return sd_bus_reply_method_return(m, NULL);
}

/* --- after the jump --------------------------------------------------------------------------- */

static int require_claimed(const struct session *s, sd_bus_error *error)
{
	return session_claimed(s)
		       ? 0
		       : session_wrong_state(s, "This is for after the jump and the claim", error);
}

static int no_areas(const char *label, int why, sd_bus_error *error)
{
	return sd_bus_error_setf(error, LUOD_ERROR("Kernel"),
				 "The kernel does not tell what was mapped for '%s': %s.", label,
				 strerror(-why));
}

int method_get_areas(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ struct lu_area *areas = NULL;
	struct session *s = userdata;
	struct resource *resource;
	const char *label;
	size_t n = 0;
	int r;

	if ((r = sd_bus_message_read(m, "s", &label)) < 0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_CUSTODY, error)) < 0 ||
	    (r = require_kind(s, label, RESOURCE_IOMMUFD, &resource, error)) < 0 ||
	    (r = require_claimed(s, error)) < 0)
		return r;
	r = custody_fd(s, resource);
	if (r >= 0)
		r = lu_iommufd_areas(r, &areas, &n);
	if (r < 0)
		return no_areas(label, r, error);
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "(tttttu)");
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = sd_bus_message_append(reply, "(tttttu)", areas[i].iova, areas[i].length,
					  areas[i].token, areas[i].offset, areas[i].hwpt_token,
					  areas[i].flags);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

struct reattach_options {
	uint64_t hwpt_token;
};

static const struct option_spec reattach_specs[] = {
	{ "hwpt-token", 't', offsetof(struct reattach_options, hwpt_token), NULL },
};

int method_reattach(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct reattach_options options = { .hwpt_token = REATTACH_ONLY_HWPT };
	_cleanup_free_ char *why = NULL;
	struct session *s = userdata;
	struct resource *resource;
	struct reattached ids;
	const char *label;
	int r;

	if ((r = sd_bus_message_read(m, "s", &label)) < 0 ||
	    (r = options_read(m, reattach_specs, ARRAY_SIZE(reattach_specs), &options, error)) <
		    0 ||
	    (r = session_require_owner(s, m, error)) < 0 ||
	    (r = session_require_mode(s, SESSION_CUSTODY, error)) < 0 ||
	    (r = require_kind(s, label, RESOURCE_DEVICE, &resource, error)) < 0 ||
	    (r = require_claimed(s, error)) < 0)
		return r;
	r = reattach_device(s, resource, options.hwpt_token, &ids, &why);
	manager_save(s->manager);
	if (r < 0)
		return sd_bus_error_setf(
			error,
			r == -ENOTUNIQ ? LUOD_ERROR("InvalidArgument") : LUOD_ERROR("Kernel"),
			"Device '%s' stays on the page tables of the previous kernel: %s.", label,
			why ? why : strerror(-r));
	return sd_bus_reply_method_return(m, "uuu", ids.device_id, ids.ioas_id, ids.hwpt_id);
}

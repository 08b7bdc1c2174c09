/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dma-world - a kernel with sessions, iommufds and devices for tests of luod: this program's own
 * ioctl() knows files by their inode (duplicates are the same file), keeps to the kernel's rules about
 * order and gates, and writes down what was done, in words: "mark 5=50", "preserve 2".
 *
 * In place of manager.c and the rest are stand-ins that write down what is said to them.
 */
#ifndef DMA_WORLD_H
#define DMA_WORLD_H

#include <linux/iommufd.h>
#include <linux/liveupdate.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "luod/barrier.h"
#include "luod/holder.h"
#include "luod/log.h"

#define DMA_MAX 16

enum dma_kind {
	DMA_MEMORY,
	DMA_SESSION,
	DMA_IOMMUFD,
	DMA_DEVICE,
	DMA_BUFFER, /* of pci-dmamem */
};

struct dma_file {
	ino_t inode;
	enum dma_kind kind;
	uint32_t device_id; /* as what a device is bound; 0: it is not */
};

struct dma_preserved {
	ino_t session, inode;
	uint64_t token;
};

static struct dma_world {
	struct manager m;
	char done[2048]; /* what the kernel did */
	char said[1024]; /* signals, and who was left behind and why */
	unsigned int saved;

	struct dma_file files[DMA_MAX];
	unsigned int n_files;
	struct dma_preserved preserved[DMA_MAX];
	unsigned int n_preserved;
	unsigned int n_marks;
	uint32_t next_id; /* of objects in iommufds */

	bool no_unpreserve;	/* as a kernel without the series */
	bool parked;		/* a device is on page tables of the previous kernel */
	unsigned long fail;	/* the next ioctl of this number */
	int fail_error;		/* fails with that */
	unsigned int fail_more; /* and so do as many after it */
	int incoming[DMA_MAX];	/* by token: what is retrieved; 0: nothing */
	struct iommu_lu_area areas[DMA_MAX];
	unsigned int n_areas;

	const char *interrupts;	 /* of every device, as sysfs has them; NULL: none are on */
	bool unbound;		 /* each of them is being unbound */
	const char *check_finds; /* an error of the check of devices, or NULL */
	unsigned int checks;
} w;

static void _printf_(2, 3) note(char *text, const char *format, ...)
{
	size_t size = text == w.done ? sizeof(w.done) : sizeof(w.said), used = strlen(text);
	va_list ap;

	if (used)
		used += (size_t)snprintf(text + used, size - used, ", ");
	va_start(ap, format);
	assert_true((size_t)vsnprintf(text + used, size - used, format, ap) < size - used);
	va_end(ap);
}

/* --- files ---------------------------------------------------------------------------------- */

static ino_t inode_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

/* What it is called does not matter: it has an inode of its own. */
static int file_new(enum dma_kind kind)
{
	int fd = memfd_new("dma");

	assert_true(fd >= 0 && w.n_files < DMA_MAX);
	w.files[w.n_files++] = (struct dma_file){ inode_of(fd), kind, 0 };
	return fd;
}

static struct dma_file *file_of(ino_t inode)
{
	for (unsigned int i = 0; i < w.n_files; i++)
		if (w.files[i].inode == inode)
			return &w.files[i];
	return NULL;
}

static enum dma_kind kind_of(ino_t inode)
{
	const struct dma_file *file = file_of(inode);

	return file ? file->kind : DMA_MEMORY;
}

static bool id_is_bound(uint32_t id)
{
	for (unsigned int i = 0; i < w.n_files; i++)
		if (w.files[i].device_id == id)
			return true;
	return false;
}

/* --- sessions ------------------------------------------------------------------------------- */

static int refuse(int error)
{
	errno = error;
	return -1;
}

static bool kind_is_preserved(enum dma_kind kind)
{
	for (unsigned int i = 0; i < w.n_preserved; i++)
		if (kind_of(w.preserved[i].inode) == kind)
			return true;
	return false;
}

static int on_preserve(ino_t session, const struct liveupdate_session_preserve_fd *a)
{
	ino_t inode = inode_of(a->fd);

	for (unsigned int i = 0; i < w.n_preserved; i++)
		if (w.preserved[i].session == session && w.preserved[i].token == a->token)
			return refuse(EEXIST);
	for (unsigned int i = 0; i < w.n_preserved; i++)
		if (w.preserved[i].inode == inode)
			return refuse(EBUSY);
	if (kind_of(inode) == DMA_IOMMUFD && !w.n_marks)
		return refuse(EINVAL);
	if (kind_of(inode) == DMA_DEVICE && !kind_is_preserved(DMA_IOMMUFD))
		return refuse(ENOENT);
	assert_true(w.n_preserved < DMA_MAX);
	w.preserved[w.n_preserved++] = (struct dma_preserved){ session, inode, a->token };
	note(w.done, "preserve %llu", (unsigned long long)a->token);
	return 0;
}

static int on_unpreserve(ino_t session, const struct liveupdate_session_unpreserve_fd *a)
{
	if (w.no_unpreserve)
		return refuse(ENOTTY);
	for (unsigned int i = 0; i < w.n_preserved; i++) {
		struct dma_preserved *p = &w.preserved[i];

		if (p->session != session || p->token != a->token)
			continue;
		if (kind_of(p->inode) == DMA_IOMMUFD && kind_is_preserved(DMA_DEVICE))
			return refuse(EBUSY);
		*p = w.preserved[--w.n_preserved];
		note(w.done, "unpreserve %llu", (unsigned long long)a->token);
		return 0;
	}
	return refuse(ENOENT);
}

static int on_retrieve(struct liveupdate_session_retrieve_fd *a)
{
	assert_true(a->token < DMA_MAX);
	if (!w.incoming[a->token])
		return refuse(ENODEV);
	a->fd = fd_dup(w.incoming[a->token]);
	note(w.done, "retrieve %llu", (unsigned long long)a->token);
	return 0;
}

/* --- iommufds and devices ------------------------------------------------------------------- */

static int on_mark(const struct iommu_hwpt_liveupdate_mark_preserve *a)
{
	bool clear = a->flags & IOMMU_HWPT_LIVEUPDATE_CLEAR;

	if (kind_is_preserved(DMA_IOMMUFD))
		return refuse(EBUSY);
	if (clear && !w.n_marks)
		return refuse(ENOENT);
	w.n_marks += clear ? -1U : 1U;
	if (clear)
		note(w.done, "unmark %u", a->hwpt_id);
	else
		note(w.done, "mark %u=%llu", a->hwpt_id, (unsigned long long)a->hwpt_token);
	return 0;
}

static int on_buffer(const struct iommu_ioas_preserve *a)
{
	if (kind_is_preserved(DMA_IOMMUFD))
		return refuse(EBUSY);
	if (a->flags & IOMMU_IOAS_PRESERVE_CLEAR)
		note(w.done, "forget %llu", (unsigned long long)a->token);
	else
		note(w.done, "buffer %llu", (unsigned long long)a->token);
	return 0;
}

static int on_info(struct iommu_lu_info *a)
{
	uint32_t room = a->num_areas;

	a->num_areas = w.n_areas;
	if (!w.n_areas)
		return refuse(ENODATA);
	if (room < w.n_areas)
		return refuse(EMSGSIZE);
	memcpy((void *)(uintptr_t)a->areas, w.areas, w.n_areas * sizeof(w.areas[0]));
	return 0;
}

static int on_iommufd(unsigned long request, void *args)
{
	struct iommu_ioas_alloc *ioas = args;
	struct iommu_hwpt_alloc *hwpt = args;
	struct iommu_ioas_map_file *map = args;

	switch (request) {
	case IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE:
		return on_mark(args);
	case IOMMU_IOAS_PRESERVE:
		return on_buffer(args);
	case IOMMU_LU_INFO:
		return on_info(args);
	case IOMMU_IOAS_ALLOC:
		ioas->out_ioas_id = ++w.next_id;
		note(w.done, "ioas %u", w.next_id);
		return 0;
	case IOMMU_IOAS_MAP_FILE:
		assert_int_equal(kind_of(inode_of(map->fd)), DMA_MEMORY);
		note(w.done, "map %llx into %u", (unsigned long long)map->iova, map->ioas_id);
		return 0;
	case IOMMU_IOAS_UNMAP:
		note(w.done, "unmap");
		return 0;
	case IOMMU_HWPT_ALLOC:
		hwpt->out_hwpt_id = ++w.next_id;
		note(w.done, "hwpt %u of %u for %u", w.next_id, hwpt->pt_id, hwpt->dev_id);
		return 0;
	case IOMMU_GET_HW_INFO:
		return id_is_bound(((struct iommu_hw_info *)args)->dev_id) ? 0 : refuse(ENOENT);
	case IOMMU_DESTROY:
		note(w.done, "destroy %u", ((struct iommu_destroy *)args)->id);
		return 0;
	}
	return refuse(ENOTTY);
}

static int on_device(struct dma_file *file, unsigned long request, void *args)
{
	struct vfio_device_bind_iommufd *bind = args;
	struct vfio_device_attach_iommufd_pt *attach = args;

	switch (request) {
	case VFIO_DEVICE_BIND_IOMMUFD:
		assert_int_equal(kind_of(inode_of(bind->iommufd)), DMA_IOMMUFD);
		if (file->device_id)
			return refuse(EINVAL);
		bind->out_devid = file->device_id = ++w.next_id;
		note(w.done, "bind %u", w.next_id);
		return 0;
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		note(w.done, "attach to %u", attach->pt_id);
		return 0;
	}
	return refuse(ENOTTY);
}

static int on_session(ino_t inode, unsigned long request, void *args)
{
	switch (request) {
	case LIVEUPDATE_SESSION_PRESERVE_FD:
		return on_preserve(inode, args);
	case LIVEUPDATE_SESSION_UNPRESERVE_FD:
		return on_unpreserve(inode, args);
	case LIVEUPDATE_SESSION_RETRIEVE_FD:
		return on_retrieve(args);
	case LIVEUPDATE_SESSION_FINISH:
		if (w.parked)
			return refuse(EBUSY);
		note(w.done, "finish");
		return 0;
	}
	return refuse(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...)
{
	ino_t inode = inode_of(fd);
	va_list ap;
	void *args;

	va_start(ap, request);
	args = va_arg(ap, void *);
	va_end(ap);
	if (request == w.fail) {
		if (w.fail_more > 0)
			w.fail_more--;
		else
			w.fail = 0;
		return refuse(w.fail_error);
	}
	switch (kind_of(inode)) {
	case DMA_SESSION:
		return on_session(inode, request, args);
	case DMA_IOMMUFD:
		return on_iommufd(request, args);
	case DMA_DEVICE:
		return on_device(file_of(inode), request, args);
	case DMA_MEMORY:
	case DMA_BUFFER:
		break;
	}
	return refuse(ENOTTY);
}

/* --- instead of manager.c and the rest ------------------------------------------------------ */

void manager_save(struct manager *m _unused_)
{
	w.saved++;
}

void update_progress(struct manager *m _unused_)
{
}

int barrier_leave_behind(struct manager *m _unused_, struct session *s, int error, const char *why)
{
	note(w.said, "%s: %s", s->name, why);
	if (s->policy == SESSION_REQUIRED)
		return error;
	session_set_state(s, SESSION_LEFT_BEHIND, why);
	return 0;
}

int _printf_(3, 4) update_fail(struct manager *m _unused_, int error, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	note(w.said, "%s", text);
	return error;
}

int cover_look(struct manager *m _unused_, struct holders *ret)
{
	*ret = (struct holders){};
	return 0;
}

void cover_devices(struct manager *m _unused_)
{
}

int manager_check_devices(struct manager *m _unused_, struct findings *ret)
{
	*ret = (struct findings){};
	if (w.check_finds)
		findings_add(ret, SEVERITY_ERROR, "device-uncovered", "0000:00:09.0", "%s",
			     w.check_finds);
	w.checks++;
	return 0;
}

int device_read(const char *root _unused_, const char *address, struct device_facts *ret)
{
	*ret = (struct device_facts){};
	snprintf(ret->address, sizeof(ret->address), "%s", address);
	snprintf(ret->interrupts, sizeof(ret->interrupts), "%s", w.interrupts ?: "none");
	snprintf(ret->node, sizeof(ret->node), "%s", w.unbound ? "" : "/dev/vfio/devices/vfio0");
	return 0;
}

void bus_set_emit_signal(struct bus_set *set _unused_, const char *path,
			 const char *interface _unused_, const char *member,
			 const char *types _unused_, ...)
{
	const struct session *s;

	TAILQ_FOREACH(s, &w.m.sessions, entry)
		if (streq(s->path, path))
			note(w.said, "%s %s", member, s->name);
}

/* --- what tests are told with --------------------------------------------------------------- */

static int setup(void **state _unused_)
{
	w = (struct dma_world){ .next_id = 100 };
	TAILQ_INIT(&w.m.sessions);
	unsetenv("NOTIFY_SOCKET");
	log_set_level(LOG_EMERG);
	return 0;
}

static int teardown(void **state _unused_)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&w.m.sessions))) {
		TAILQ_REMOVE(&w.m.sessions, s, entry);
		session_free(s);
	}
	for (size_t i = 0; i < DMA_MAX; i++)
		if (w.incoming[i])
			close(w.incoming[i]);
	return 0;
}

static struct session *add_session(const char *name, enum session_mode mode,
				   enum session_policy policy, enum session_state state)
{
	struct session *s;

	assert_int_equal(session_new(name, 0, "vm.service", &s), 0);
	s->manager = &w.m;
	s->mode = mode;
	s->policy = policy;
	s->state = state;
	s->kernel_fd = file_new(DMA_SESSION);
	TAILQ_INSERT_TAIL(&w.m.sessions, s, entry);
	return s;
}

static struct resource *add_file(struct session *s, const char *label, enum resource_kind kind,
				 uint64_t token, int fd)
{
	struct resource *resource;

	assert_int_equal(session_add_resource(s, label, kind, token, 0, fd, &resource), 0);
	return resource;
}

static struct resource *add_device(struct session *s, const char *label, uint64_t token, int fd,
				   const char *address)
{
	struct resource *resource = add_file(s, label, RESOURCE_DEVICE, token, fd);

	resource->device = strdup(address);
	resource->iommufd = strdup("iommu");
	return resource;
}

static _unused_ void assert_done(const char *done)
{
	assert_string_equal(w.done, done);
	w.done[0] = '\0';
}

static _unused_ void assert_said(const char *said)
{
	assert_string_equal(w.said, said);
	w.said[0] = '\0';
}

static _unused_ void fail_next(unsigned long request, int error)
{
	w.fail = request;
	w.fail_error = error;
}

#endif

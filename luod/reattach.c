/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reattach - see reattach.h. */
#include "reattach.h"

#include "kdev-iommufd.h"
#include "liblu.h"
#include "manager.h"

/* In an iommufd they count from 1. */
#define IDS_MAX 4096

struct areas {
	struct lu_area *items;
	size_t n;
};

static void areas_clear(struct areas *a)
{
	free(a->items);
}

/* @step is what could not be done. */
static int fail(int error, const char *step, char **ret_why)
{
	*ret_why = strprintf("%s: %s", step, strerror(-error));
	return error;
}

static int choose(const struct areas *areas, uint64_t wanted, uint64_t *ret, char **ret_why)
{
	bool found = false;

	for (size_t i = 0; i < areas->n; i++) {
		uint64_t token = areas->items[i].hwpt_token;

		if (wanted != REATTACH_ONLY_HWPT && token != wanted)
			continue;
		if (found && token != *ret) {
			*ret_why = strdup("there were several page tables; say which one by "
					  "'hwpt-token'");
			return -ENOTUNIQ;
		}
		*ret = token;
		found = true;
	}
	if (found)
		return 0;
	*ret_why = strdup("no page tables of that token came through the jump");
	return -ENODATA;
}

/* For liblu, which asks by token. */
static int memory_of(uint64_t token, void *userdata)
{
	struct session *s = userdata;
	struct resource *resource;

	TAILQ_FOREACH(resource, &s->resources, entry)
		if (resource->kind == RESOURCE_MEMORY && resource->token == token)
			return custody_fd(s, resource);
	return -ENODATA;
}

static int fill(struct session *s, int iommufd, uint32_t device_id, const struct areas *areas,
		struct hwpt *hwpt, char **ret_why)
{
	int r = lu_ioas_map_areas(iommufd, hwpt->ioas_id, hwpt->token, areas->items, areas->n,
				  memory_of, s);

	if (r < 0)
		return fail(r, "the memory cannot be mapped again", ret_why);
	r = kdev_iommufd_hwpt_alloc(iommufd, device_id, hwpt->ioas_id, &hwpt->id);
	return r < 0 ? fail(r, "there are no new page tables (IOMMU_HWPT_ALLOC)", ret_why) : 0;
}

static int add_buffers(struct dma *dma, const struct areas *areas, const struct hwpt *hwpt)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < areas->n; i++) {
		const struct lu_area *area = &areas->items[i];
		const struct dma_buffer buffer = {
			.ioas_id = hwpt->ioas_id,
			.iova = area->iova,
			.length = area->length,
			.token = area->token,
		};

		if (area->hwpt_token == hwpt->token && area->flags & LU_AREA_BUFFER)
			r = dma_add_buffer(dma, &buffer);
	}
	return r;
}

/* For the next update, which carries over what is named: the page tables, and the buffers in them. */
static int name_tables(struct dma *dma, const struct areas *areas, const struct hwpt *hwpt,
		       char **ret_why)
{
	unsigned int n_buffers = dma->n_buffers;
	int r = add_buffers(dma, areas, hwpt);

	if (r >= 0)
		r = dma_add_hwpt(dma, hwpt);
	if (r >= 0)
		return 0;
	dma->n_buffers = n_buffers;
	if (r == -E2BIG)
		*ret_why = strdup("its iommufd would have more page tables or DMA buffers than "
				  "luod hands over");
	return r;
}

/* New page tables of that name; all or nothing. */
static int make_tables(struct session *s, struct resource *iommufd, uint32_t device_id,
		       const struct areas *areas, uint64_t token, char **ret_why)
{
	struct hwpt hwpt = { .token = token };
	int r = kdev_iommufd_ioas_alloc(iommufd->fd, &hwpt.ioas_id);

	if (r < 0)
		return fail(r, "there is no new address space (IOMMU_IOAS_ALLOC)", ret_why);
	r = fill(s, iommufd->fd, device_id, areas, &hwpt, ret_why);
	if (r >= 0) {
		r = name_tables(&iommufd->dma, areas, &hwpt, ret_why);
		if (r < 0)
			kdev_iommufd_destroy(iommufd->fd, hwpt.id);
	}
	if (r < 0)
		kdev_iommufd_destroy(iommufd->fd, hwpt.ioas_id);
	return r;
}

static bool id_is_known(const struct session *s, const struct resource *iommufd, uint32_t id)
{
	const struct resource *other;

	TAILQ_FOREACH(other, &s->resources, entry)
		if (other->device_id == id && other->iommufd &&
		    streq(other->iommufd, iommufd->label))
			return true;
	return false;
}

/*
 * It has been bound by a luod that was killed before it could write down as what. The kernel does
 * not say that again, but of all ids in the iommufd only one can be a device that nobody knows.
 */
static int find_bound(const struct session *s, const struct resource *iommufd, uint32_t *ret_id)
{
	uint32_t found = 0;

	for (uint32_t id = 1; id <= IDS_MAX; id++) {
		if (id_is_known(s, iommufd, id) || kdev_iommufd_probe_device(iommufd->fd, id) < 0)
			continue;
		if (found)
			return -ENOTUNIQ;
		found = id;
	}
	*ret_id = found;
	return found ? 0 : -ENOENT;
}

static int bind_once(const struct session *s, struct resource *device,
		     const struct resource *iommufd, char **ret_why)
{
	int r;

	if (device->device_id)
		return 0;
	r = lu_device_bind(device->fd, iommufd->fd, &device->device_id);
	if (r == -EINVAL && find_bound(s, iommufd, &device->device_id) == 0)
		return 0;
	return r < 0 ? fail(r, "it cannot be bound to its iommufd", ret_why) : 0;
}

static int find_iommufd(struct session *s, const struct resource *device, struct resource **ret,
			char **ret_why)
{
	int r;

	*ret = device->iommufd ? session_find_resource(s, device->iommufd) : NULL;
	if (!*ret)
		return fail(-ENODATA, "its iommufd is not in the session", ret_why);
	r = custody_fd(s, *ret);
	return r < 0 ? fail(r, "its iommufd did not come back", ret_why) : 0;
}

int reattach_device(struct session *s, struct resource *device, uint64_t hwpt_token,
		    struct reattached *ret, char **ret_why)
{
	_cleanup_(areas_clear) struct areas areas = {};
	struct resource *iommufd;
	const struct hwpt *hwpt;
	uint64_t token = 0;
	int r;

	r = find_iommufd(s, device, &iommufd, ret_why);
	if (r < 0)
		return r;
	r = custody_fd(s, device);
	if (r < 0)
		return fail(r, "it did not come back", ret_why);
	r = lu_iommufd_areas(iommufd->fd, &areas.items, &areas.n);
	if (r < 0)
		return fail(r, "the kernel does not tell what was mapped", ret_why);
	if ((r = choose(&areas, hwpt_token, &token, ret_why)) < 0 ||
	    (r = bind_once(s, device, iommufd, ret_why)) < 0)
		return r;
	hwpt = dma_find_hwpt(&iommufd->dma, token);
	if (!hwpt) {
		r = make_tables(s, iommufd, device->device_id, &areas, token, ret_why);
		if (r < 0)
			return r;
		hwpt = dma_find_hwpt(&iommufd->dma, token);
	}
	r = lu_device_attach(device->fd, hwpt->id);
	if (r < 0)
		return fail(r, "it cannot be attached to the new page tables", ret_why);
	*ret = (struct reattached){ .device_id = device->device_id,
				    .ioas_id = hwpt->ioas_id,
				    .hwpt_id = hwpt->id };
	return 0;
}

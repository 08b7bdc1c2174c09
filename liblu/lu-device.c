/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lu-device - devices that go on doing DMA: what a client asks of its iommufd and its VFIO devices
 * before the jump, and how it gets a device from the page tables of the previous kernel, on which it
 * is parked, to new ones over the same memory.
 *
 * Everything here is between the caller and the kernel, by the caller's fds: luod is not asked, and
 * nothing is kept. Sources: include/uapi/linux/iommufd.h, include/uapi/linux/vfio.h and
 * Documentation/userspace-api/liveupdate-dma.rst of a kernel with luod's patches.
 */
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include "lu-private.h"

_Static_assert((int)LU_AREA_READABLE == (int)IOMMU_LU_AREA_READABLE, "the kernel's flags are ours");
_Static_assert((int)LU_AREA_WRITEABLE == (int)IOMMU_LU_AREA_WRITEABLE,
	       "the kernel's flags are ours");
_Static_assert((int)LU_AREA_BUFFER == (int)IOMMU_LU_AREA_BUFFER, "the kernel's flags are ours");

/* Lists of areas are asked for in vain this often, when they keep growing meanwhile. */
#define TRIES 8

static int command(int fd, unsigned long request, void *args)
{
	return ioctl(fd, request, args) < 0 ? -errno : 0;
}

/* --- before the jump ---------------------------------------------------------------------------- */

static int mark(int iommufd, uint32_t hwpt_id, uint64_t hwpt_token, uint32_t flags)
{
	struct iommu_hwpt_liveupdate_mark_preserve args = {
		.size = sizeof(args),
		.hwpt_id = hwpt_id,
		.hwpt_token = hwpt_token,
		.flags = flags,
	};

	return command(iommufd, IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, &args);
}

int lu_iommufd_can_preserve(int iommufd)
{
	/* No object has the id 0: a kernel that knows the command looks it up in vain. */
	int r = mark(iommufd, 0, 0, IOMMU_HWPT_LIVEUPDATE_CLEAR);

	switch (r) {
	case -ENOTTY:
	case -EOPNOTSUPP:
		return 0;
	case -ENOENT:
	case -EBUSY: /* it is preserved already */
	case 0:
		return 1;
	}
	return r;
}

int lu_hwpt_mark(int iommufd, uint32_t hwpt_id, uint64_t hwpt_token)
{
	return mark(iommufd, hwpt_id, hwpt_token, 0);
}

int lu_hwpt_unmark(int iommufd, uint32_t hwpt_id)
{
	return mark(iommufd, hwpt_id, 0, IOMMU_HWPT_LIVEUPDATE_CLEAR);
}

int lu_ioas_preserve(int iommufd, uint32_t ioas_id, uint64_t iova, uint64_t length, uint64_t token)
{
	struct iommu_ioas_preserve args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = length,
		.token = token,
	};

	return command(iommufd, IOMMU_IOAS_PRESERVE, &args);
}

int lu_ioas_forget(int iommufd, uint32_t ioas_id, uint64_t token)
{
	struct iommu_ioas_preserve args = {
		.size = sizeof(args),
		.flags = IOMMU_IOAS_PRESERVE_CLEAR,
		.ioas_id = ioas_id,
		.token = token,
	};

	return command(iommufd, IOMMU_IOAS_PRESERVE, &args);
}

/* --- after the jump ----------------------------------------------------------------------------- */

/* Asks for at most *@n areas; *@n is then how many there are. */
static int ask_areas(int iommufd, struct iommu_lu_area *areas, uint32_t *n)
{
	struct iommu_lu_info args = {
		.size = sizeof(args),
		.num_areas = *n,
		.areas = (uintptr_t)areas,
	};
	int r = command(iommufd, IOMMU_LU_INFO, &args);

	*n = args.num_areas;
	return r;
}

static int read_areas(int iommufd, struct iommu_lu_area **ret, uint32_t *ret_n)
{
	uint32_t n = 0;

	for (int i = 0; i < TRIES; i++) {
		lu_cleanup(lu_freep) struct iommu_lu_area *areas = calloc(n + 1, sizeof(*areas));
		int r;

		if (!areas)
			return -ENOMEM;
		r = ask_areas(iommufd, areas, &n);
		if (r == 0) {
			*ret = areas;
			*ret_n = n;
			areas = NULL;
			return 0;
		}
		if (r != -EMSGSIZE)
			return r;
	}
	return -EAGAIN;
}

int lu_iommufd_areas(int iommufd, struct lu_area **ret, size_t *ret_n)
{
	lu_cleanup(lu_freep) struct iommu_lu_area *from = NULL;
	struct lu_area *areas;
	uint32_t n = 0; /* gcc does not see that it is set */
	int r;

	r = read_areas(iommufd, &from, &n);
	if (r < 0)
		return r;
	areas = calloc(n + 1, sizeof(*areas));
	if (!areas)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		areas[i] = (struct lu_area){
			.iova = from[i].iova,
			.length = from[i].length,
			.token = from[i].token,
			.offset = from[i].offset,
			.hwpt_token = from[i].hwpt_token,
			.flags = from[i].flags,
		};
	*ret = areas;
	*ret_n = n;
	return 0;
}

/* A mapping as it was, at the IOVA where it was. */
static int map_area(int iommufd, uint32_t ioas_id, const struct lu_area *area, int memory)
{
	struct iommu_ioas_map_file args = {
		.size = sizeof(args),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
			 (area->flags & (LU_AREA_READABLE | LU_AREA_WRITEABLE)),
		.ioas_id = ioas_id,
		.fd = memory,
		.start = area->offset,
		.length = area->length,
		.iova = area->iova,
	};

	return command(iommufd, IOMMU_IOAS_MAP_FILE, &args);
}

static void unmap_area(int iommufd, uint32_t ioas_id, const struct lu_area *area)
{
	struct iommu_ioas_unmap args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.iova = area->iova,
		.length = area->length,
	};

	(void)command(iommufd, IOMMU_IOAS_UNMAP, &args);
}

static bool is_mapping_of(const struct lu_area *area, uint64_t hwpt_token)
{
	return !(area->flags & LU_AREA_BUFFER) && area->hwpt_token == hwpt_token;
}

int lu_ioas_map_areas(int iommufd, uint32_t ioas_id, uint64_t hwpt_token,
		      const struct lu_area *areas, size_t n, lu_memory_fn memory, void *userdata)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_mapping_of(&areas[i], hwpt_token))
			continue;
		r = memory(areas[i].token, userdata);
		if (r >= 0)
			r = map_area(iommufd, ioas_id, &areas[i], r);
		if (r >= 0)
			continue;
		while (i-- > 0)
			if (is_mapping_of(&areas[i], hwpt_token))
				unmap_area(iommufd, ioas_id, &areas[i]);
		return r;
	}
	return 0;
}

int lu_device_bind(int device, int iommufd, uint32_t *ret_device_id)
{
	struct vfio_device_bind_iommufd args = { .argsz = sizeof(args), .iommufd = iommufd };
	int r = command(device, VFIO_DEVICE_BIND_IOMMUFD, &args);

	if (r == 0 && ret_device_id)
		*ret_device_id = args.out_devid;
	return r;
}

int lu_device_attach(int device, uint32_t hwpt_id)
{
	struct vfio_device_attach_iommufd_pt args = { .argsz = sizeof(args), .pt_id = hwpt_id };

	return command(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args);
}

/* --- what an fd is, by what it answers - ------------------------------------------------------------------------------ */

bool lu_fd_is_iommufd(int fd)
{
	uint32_t n = 0;
	int r = ask_areas(fd, NULL, &n);

	return r == 0 || r == -ENODATA || r == -EMSGSIZE;
}

bool lu_fd_is_device(int fd)
{
	struct vfio_device_info args = { .argsz = sizeof(args) };

	int r = command(fd, VFIO_DEVICE_GET_INFO, &args);

	/* Before it is bound, nothing is told. */
	return r == 0 || r == -EINVAL;
}

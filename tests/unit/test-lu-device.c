/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lu-device: which command goes to the kernel with what, and what becomes of each answer. This
 * program's own ioctl() plays an iommufd and a VFIO device; it keeps what was mapped, so that what
 * is undone can be seen.
 */
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "../../liblu/lu-private.h"

enum {
	IOMMUFD = 100,
	DEVICE = 101,
	MEMORY = 102,
	OTHER = 103
};

#define MAX 8

static struct {
	int error;    /* of the next command, once */
	int fail_map; /* fail the so-manieth mapping, counted from 1 */
	bool stock;   /* a kernel without the series */

	struct iommu_hwpt_liveupdate_mark_preserve mark;
	struct iommu_ioas_preserve buffer;
	struct iommu_ioas_map_file mapped[MAX];
	uint32_t n_mapped, n_maps;
	struct iommu_lu_area areas[MAX];
	uint32_t n_areas;
	uint32_t grows; /* so often there is one more than was said before */
	uint32_t pt_id;
} kernel;

static int refuse(int error)
{
	errno = error;
	return -1;
}

static int on_mark(struct iommu_hwpt_liveupdate_mark_preserve *args)
{
	assert_int_equal(args->size, sizeof(*args));
	assert_int_equal(args->__reserved, 0);
	kernel.mark = *args;
	return args->hwpt_id == 0 ? refuse(ENOENT) : 0;
}

static int on_buffer(struct iommu_ioas_preserve *args)
{
	assert_int_equal(args->size, sizeof(*args));
	assert_int_equal(args->__reserved, 0);
	kernel.buffer = *args;
	return 0;
}

static int on_info(struct iommu_lu_info *args)
{
	uint32_t room = args->num_areas;

	assert_int_equal(args->size, sizeof(*args));
	assert_int_equal(args->flags, 0);
	if (kernel.n_areas == 0)
		return refuse(ENODATA);
	if (room > 0 && kernel.grows > 0) {
		kernel.grows--;
		kernel.n_areas++;
	}
	args->num_areas = kernel.n_areas;
	if (room < kernel.n_areas)
		return refuse(EMSGSIZE);
	memcpy((void *)(uintptr_t)args->areas, kernel.areas,
	       kernel.n_areas * sizeof(kernel.areas[0]));
	return 0;
}

static int on_map(struct iommu_ioas_map_file *args)
{
	assert_int_equal(args->size, sizeof(*args));
	if ((int)++kernel.n_maps == kernel.fail_map)
		return refuse(EADDRINUSE);
	kernel.mapped[kernel.n_mapped++] = *args;
	return 0;
}

static int on_unmap(struct iommu_ioas_unmap *args)
{
	assert_int_equal(args->size, sizeof(*args));
	assert_true(kernel.n_mapped > 0);
	/* The last first. */
	kernel.n_mapped--;
	assert_int_equal(args->iova, kernel.mapped[kernel.n_mapped].iova);
	assert_int_equal(args->length, kernel.mapped[kernel.n_mapped].length);
	return 0;
}

static int on_iommufd(unsigned long request, void *args)
{
	switch (request) {
	case IOMMU_IOAS_MAP_FILE:
		return on_map(args);
	case IOMMU_IOAS_UNMAP:
		return on_unmap(args);
	case IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE:
		return kernel.stock ? refuse(ENOTTY) : on_mark(args);
	case IOMMU_IOAS_PRESERVE:
		return kernel.stock ? refuse(ENOTTY) : on_buffer(args);
	case IOMMU_LU_INFO:
		return kernel.stock ? refuse(ENOTTY) : on_info(args);
	}
	return refuse(ENOTTY);
}

static int on_device(unsigned long request, void *args)
{
	struct vfio_device_bind_iommufd *bind = args;
	struct vfio_device_attach_iommufd_pt *attach = args;

	switch (request) {
	case VFIO_DEVICE_BIND_IOMMUFD:
		assert_int_equal(bind->argsz, sizeof(*bind));
		assert_int_equal(bind->flags, 0);
		assert_int_equal(bind->iommufd, IOMMUFD);
		bind->out_devid = 7;
		return 0;
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		assert_int_equal(attach->argsz, sizeof(*attach));
		assert_int_equal(attach->flags, 0);
		kernel.pt_id = attach->pt_id;
		return 0;
	case VFIO_DEVICE_GET_INFO:
		return refuse(EINVAL);
	}
	return refuse(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *args;
	int error = kernel.error;

	va_start(ap, request);
	args = va_arg(ap, void *);
	va_end(ap);
	kernel.error = 0;
	if (error)
		return refuse(error);
	if (fd == IOMMUFD)
		return on_iommufd(request, args);
	if (fd == DEVICE)
		return on_device(request, args);
	return refuse(fd < 0 ? EBADF : ENOTTY);
}

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	return 0;
}

static void test_can_preserve(void **state)
{
	(void)state;
	assert_int_equal(lu_iommufd_can_preserve(IOMMUFD), 1);
	assert_int_equal(kernel.mark.hwpt_id, 0);
	assert_int_equal(kernel.mark.flags, IOMMU_HWPT_LIVEUPDATE_CLEAR);
	kernel.error = EBUSY;
	assert_int_equal(lu_iommufd_can_preserve(IOMMUFD), 1);
	kernel.error = EOPNOTSUPP;
	assert_int_equal(lu_iommufd_can_preserve(IOMMUFD), 0);
	kernel.stock = true;
	assert_int_equal(lu_iommufd_can_preserve(IOMMUFD), 0);
	assert_int_equal(lu_iommufd_can_preserve(-1), -EBADF);
}

static void test_mark(void **state)
{
	(void)state;
	assert_int_equal(lu_hwpt_mark(IOMMUFD, 3, 0x1122334455667788), 0);
	assert_int_equal(kernel.mark.hwpt_id, 3);
	assert_int_equal(kernel.mark.hwpt_token, 0x1122334455667788);
	assert_int_equal(kernel.mark.flags, 0);
	kernel.error = EADDRINUSE;
	assert_int_equal(lu_hwpt_mark(IOMMUFD, 4, 1), -EADDRINUSE);
	assert_int_equal(lu_hwpt_unmark(IOMMUFD, 3), 0);
	assert_int_equal(kernel.mark.flags, IOMMU_HWPT_LIVEUPDATE_CLEAR);
	assert_int_equal(lu_hwpt_mark(OTHER, 3, 1), -ENOTTY);
}

static void test_buffers(void **state)
{
	(void)state;
	assert_int_equal(lu_ioas_preserve(IOMMUFD, 2, 0x100000, 0x2000, 9), 0);
	assert_int_equal(kernel.buffer.ioas_id, 2);
	assert_int_equal(kernel.buffer.iova, 0x100000);
	assert_int_equal(kernel.buffer.length, 0x2000);
	assert_int_equal(kernel.buffer.token, 9);
	assert_int_equal(kernel.buffer.flags, 0);
	assert_int_equal(lu_ioas_forget(IOMMUFD, 2, 9), 0);
	assert_int_equal(kernel.buffer.flags, IOMMU_IOAS_PRESERVE_CLEAR);
	kernel.error = ENOENT;
	assert_int_equal(lu_ioas_forget(IOMMUFD, 2, 10), -ENOENT);
}

/* Two mappings and a buffer of HWPT 1, the first mapping once more for HWPT 2. */
static void have_areas(void)
{
	const uint64_t rw = IOMMU_LU_AREA_READABLE | IOMMU_LU_AREA_WRITEABLE;
	const struct iommu_lu_area areas[] = {
		{ 0x0, 0x1000, 5, 0x0, 1, rw },
		{ 0x100, 0x200, 6, 0x0, 1, IOMMU_LU_AREA_BUFFER | rw },
		{ 0x0, 0x1000, 5, 0x0, 2, rw },
		{ 0x2000, 0x3000, 5, 0x4000, 1, IOMMU_LU_AREA_READABLE },
	};

	memcpy(kernel.areas, areas, sizeof(areas));
	kernel.n_areas = LU_ARRAY_SIZE(areas);
}

static void test_areas(void **state)
{
	struct lu_area *areas = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(lu_iommufd_areas(IOMMUFD, &areas, &n), -ENODATA);
	assert_null(areas);

	have_areas();
	assert_int_equal(lu_iommufd_areas(IOMMUFD, &areas, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(areas[1].flags, LU_AREA_BUFFER | LU_AREA_READABLE | LU_AREA_WRITEABLE);
	assert_int_equal(areas[1].iova, 0x100);
	assert_int_equal(areas[2].hwpt_token, 2);
	assert_int_equal(areas[3].length, 0x3000);
	assert_int_equal(areas[3].offset, 0x4000);
	assert_int_equal(areas[3].token, 5);
	free(areas);

	kernel.grows = 2;
	assert_int_equal(lu_iommufd_areas(IOMMUFD, &areas, &n), 0);
	assert_int_equal(n, 6);
	free(areas);
}

/* The fd of memory 5; a client that lost it says so. */
static int memory(uint64_t token, void *userdata)
{
	assert_int_equal(token, 5);
	return *(int *)userdata;
}

static void test_map(void **state)
{
	struct lu_area *areas;
	int fd = MEMORY;
	size_t n;

	(void)state;
	have_areas();
	assert_int_equal(lu_iommufd_areas(IOMMUFD, &areas, &n), 0);
	assert_int_equal(lu_ioas_map_areas(IOMMUFD, 8, 1, areas, n, memory, &fd), 0);
	assert_int_equal(kernel.n_mapped, 2);
	assert_int_equal(kernel.mapped[0].flags, IOMMU_IOAS_MAP_FIXED_IOVA |
							 IOMMU_IOAS_MAP_READABLE |
							 IOMMU_IOAS_MAP_WRITEABLE);
	assert_int_equal(kernel.mapped[1].flags,
			 IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE);
	assert_int_equal(kernel.mapped[1].ioas_id, 8);
	assert_int_equal(kernel.mapped[1].fd, MEMORY);
	assert_int_equal(kernel.mapped[1].start, 0x4000);
	assert_int_equal(kernel.mapped[1].iova, 0x2000);
	assert_int_equal(kernel.mapped[1].length, 0x3000);

	/* All or nothing. */
	kernel.n_mapped = kernel.n_maps = 0;
	kernel.fail_map = 2;
	assert_int_equal(lu_ioas_map_areas(IOMMUFD, 8, 1, areas, n, memory, &fd), -EADDRINUSE);
	assert_int_equal(kernel.n_mapped, 0);

	kernel.n_maps = 0;
	fd = -ENODATA;
	assert_int_equal(lu_ioas_map_areas(IOMMUFD, 8, 1, areas, n, memory, &fd), -ENODATA);
	assert_int_equal(kernel.n_maps, 0);
	assert_int_equal(lu_ioas_map_areas(IOMMUFD, 8, 3, areas, n, memory, &fd), 0);
	free(areas);
}

static void test_device(void **state)
{
	uint32_t id = 0;

	(void)state;
	assert_int_equal(lu_device_bind(DEVICE, IOMMUFD, &id), 0);
	assert_int_equal(id, 7);
	assert_int_equal(lu_device_bind(DEVICE, IOMMUFD, NULL), 0);
	kernel.error = EPERM;
	id = 1;
	assert_int_equal(lu_device_bind(DEVICE, IOMMUFD, &id), -EPERM);
	assert_int_equal(id, 1);
	assert_int_equal(lu_device_attach(DEVICE, 12), 0);
	assert_int_equal(kernel.pt_id, 12);
	kernel.error = ENOMEM;
	assert_int_equal(lu_device_attach(DEVICE, 13), -ENOMEM);
}

static void test_what_it_is(void **state)
{
	(void)state;
	assert_true(lu_fd_is_iommufd(IOMMUFD));
	have_areas();
	assert_true(lu_fd_is_iommufd(IOMMUFD));
	assert_false(lu_fd_is_iommufd(DEVICE));
	assert_false(lu_fd_is_iommufd(OTHER));
	assert_true(lu_fd_is_device(DEVICE));
	assert_false(lu_fd_is_device(IOMMUFD));
	assert_false(lu_fd_is_device(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_can_preserve, setup),
		cmocka_unit_test_setup(test_mark, setup),
		cmocka_unit_test_setup(test_buffers, setup),
		cmocka_unit_test_setup(test_areas, setup),
		cmocka_unit_test_setup(test_map, setup),
		cmocka_unit_test_setup(test_device, setup),
		cmocka_unit_test_setup(test_what_it_is, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

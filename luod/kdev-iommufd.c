/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kdev-iommufd - see kdev-iommufd.h. */
#include "kdev-iommufd.h"

#include <errno.h>
#include <linux/iommufd.h>
#include <sys/ioctl.h>

static int command(int iommufd, unsigned long request, void *args)
{
	return ioctl(iommufd, request, args) < 0 ? -errno : 0;
}

int kdev_iommufd_ioas_alloc(int iommufd, uint32_t *ret_ioas_id)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) };
	int r = command(iommufd, IOMMU_IOAS_ALLOC, &args);

	if (r == 0)
		*ret_ioas_id = args.out_ioas_id;
	return r;
}

int kdev_iommufd_hwpt_alloc(int iommufd, uint32_t device_id, uint32_t ioas_id,
			    uint32_t *ret_hwpt_id)
{
	struct iommu_hwpt_alloc args = {
		.size = sizeof(args),
		.dev_id = device_id,
		.pt_id = ioas_id,
	};
	int r = command(iommufd, IOMMU_HWPT_ALLOC, &args);

	if (r == 0)
		*ret_hwpt_id = args.out_hwpt_id;
	return r;
}

int kdev_iommufd_probe_device(int iommufd, uint32_t id)
{
	/* Of no length: what kind of hardware it is does not matter. */
	struct iommu_hw_info args = { .size = sizeof(args), .dev_id = id };

	return command(iommufd, IOMMU_GET_HW_INFO, &args);
}

int kdev_iommufd_destroy(int iommufd, uint32_t id)
{
	struct iommu_destroy args = { .size = sizeof(args), .id = id };

	return command(iommufd, IOMMU_DESTROY, &args);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdev-iommufd - the ioctls of iommufd that luod needs to give a device new page tables and that
 * are not liblu's (kernel: include/uapi/linux/iommufd.h), and nothing else. All return a negative
 * errno on failure.
 */
#ifndef LUOD_KDEV_IOMMUFD_H
#define LUOD_KDEV_IOMMUFD_H

#include <stdint.h>

/* A new, empty address space. */
int kdev_iommufd_ioas_alloc(int iommufd, uint32_t *ret_ioas_id);

/* New page tables over that address space, fit for this bound device. */
int kdev_iommufd_hwpt_alloc(int iommufd, uint32_t device_id, uint32_t ioas_id,
			    uint32_t *ret_hwpt_id);

/* 0: @id is a bound device. -ENOENT: it is not, or there is no such object. */
int kdev_iommufd_probe_device(int iommufd, uint32_t id);

/* -EBUSY: something uses the object. */
int kdev_iommufd_destroy(int iommufd, uint32_t id);

#endif

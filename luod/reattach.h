/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reattach - takes a device in custody from the page tables of the previous kernel, on which it is
 * parked, to new ones over the same memory at the same addresses: for an owner that does not want to
 * do it itself, or not now. The device's DMA goes on all the while; when it fails, the device is
 * still parked and nothing has changed for it.
 *
 * Devices that shared page tables share the new ones: the first one makes them.
 */
#ifndef LUOD_REATTACH_H
#define LUOD_REATTACH_H

#include "session.h"

/* As @hwpt_token: the one that there is. */
#define REATTACH_ONLY_HWPT UINT64_MAX

/* Ids in the retrieved iommufd. */
struct reattached {
	uint32_t device_id;
	uint32_t ioas_id;
	uint32_t hwpt_id;
};

/*
 * @s is claimed, and @device a device of it. Done before, it answers the same again. On failure
 * *ret_why says why, in words (freed by the caller; may be NULL).
 *   -ENOTUNIQ  REATTACH_ONLY_HWPT, and there are several
 *   -ENODATA   no page tables of that token came through the jump; no such iommufd
 *   others     the kernel's
 */
int reattach_device(struct session *s, struct resource *device, uint64_t hwpt_token,
		    struct reattached *ret, char **ret_why);

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * upstream-client - a client of the interface as it is posted upstream: it knows the session's
 * ioctls, and marks an HWPT by a structure of three members, without our flags at the end. It must
 * compile against the headers of our series unchanged, and ask for what it would ask of upstream's.
 * Compiled by abi-upstream.sh, not run: that a kernel also takes the structure at upstream's length,
 * from a program that was compiled there, is tested by the series' own selftests.
 */
#include <linux/iommufd.h>
#include <linux/liveupdate.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define MARK_SIZE 16 /* of upstream's structure */

#define SAME(type, member, at, width)                                         \
	_Static_assert(offsetof(struct type, member) == (at) &&               \
			       sizeof(((struct type *)0)->member) == (width), \
		       #type "." #member " is where it is upstream")

SAME(iommu_hwpt_liveupdate_mark_preserve, size, 0, 4);
SAME(iommu_hwpt_liveupdate_mark_preserve, hwpt_id, 4, 4);
SAME(iommu_hwpt_liveupdate_mark_preserve, hwpt_token, 8, 8);
/* What we add must be of no importance to who leaves it at 0. */
_Static_assert(offsetof(struct iommu_hwpt_liveupdate_mark_preserve, flags) == MARK_SIZE,
	       "ours begins where upstream's ends");

/* As everything of iommufd: the type, and no size in the number. */
_Static_assert(_IOC_TYPE(IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE) == IOMMUFD_TYPE &&
		       _IOC_SIZE(IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE) == 0,
	       "an ioctl of iommufd");
/* What is only ours stays far from what upstream may take next. */
_Static_assert(_IOC_NR(IOMMU_IOAS_PRESERVE) >= 0xe0 && _IOC_NR(IOMMU_LU_INFO) >= 0xe0,
	       "ours are in a range of their own");

int upstream_client(int luo, int memory, int iommufd, int device, uint32_t hwpt_id);

int upstream_client(int luo, int memory, int iommufd, int device, uint32_t hwpt_id)
{
	struct iommu_hwpt_liveupdate_mark_preserve mark = {
		.size = sizeof(mark),
		.hwpt_id = hwpt_id,
		.hwpt_token = 1,
	};
	struct liveupdate_ioctl_create_session session = {
		.size = sizeof(session),
		.name = "upstream",
	};
	struct liveupdate_session_preserve_fd files[] = {
		{ .size = sizeof(files[0]), .fd = memory, .token = 2 },
		{ .size = sizeof(files[0]), .fd = iommufd, .token = 3 },
		{ .size = sizeof(files[0]), .fd = device, .token = 4 },
	};

	if (ioctl(iommufd, IOMMU_HWPT_LIVEUPDATE_MARK_PRESERVE, &mark))
		return -1;
	if (ioctl(luo, LIVEUPDATE_IOCTL_CREATE_SESSION, &session))
		return -1;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (ioctl(session.fd, LIVEUPDATE_SESSION_PRESERVE_FD, &files[i]))
			return -1;
	return session.fd;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio - which thing a client's fd is: an iommufd, or the character device of which PCI device. By
 * what the kernel says of the file, never by the path that somebody opened it by: the number of a
 * character device leads through /sys/dev/char to what has it; files that came out of a kernel
 * session have no number, and their names (which no user can give) and /proc/self/fdinfo tell.
 *
 * Only a file that was opened for reading and writing is one: an O_PATH fd anybody can have.
 *
 * Nothing here asks the file itself anything: an ioctl on a stranger's fd may mean anything.
 * @root stands before every path of /sys and /proc.
 */
#ifndef LUOD_VFIO_H
#define LUOD_VFIO_H

#include <sys/types.h>

#include "util.h"

/* "0000:00:03.0": domain of four to eight hexadecimal digits, bus, device, function. */
bool pci_address_valid(const char *text);

/* 1: it is an iommufd. 0: it is something else. Negative errno: it is no fd. */
int vfio_fd_is_iommufd(const char *root, int fd);

/*
 * 1: it is a VFIO PCI device, *ret_address (freed by the caller) says which. 0: as above. Negative errno: it is
 * no fd, or luod has none for finding out.
 */
int vfio_fd_address(const char *root, int fd, char **ret_address);

/* Does sysfs know a character device of this number as VFIO's, that of a device or of a group, or as pci-dmamem's? */
bool vfio_number_is_node(const char *root, dev_t number);

/*
 * Of another process's file, known by what /proc says: whether its link is that of a device that has no
 * number, or of a DMA buffer, and which device its fdinfo names (-ENOENT: none).
 */
bool vfio_link_is_device(const char *link);
int vfio_fdinfo_address(const char *fdinfo, char **ret_address);

/* Do both refer to the same open file? Two iommufds of one owner are not, though one node is both. */
bool fd_is_same_file(int a, int b);

#endif

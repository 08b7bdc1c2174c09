/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holder - who has what open that luod cares for: kernel sessions, and the nodes of VFIO. What /proc
 * says of the open files of all processes.
 *
 * A kernel session of an update that was called off lives on as long as somebody holds an fd of it,
 * and no other of its name can be made. Whoever has a device's node open uses the device.
 */
#ifndef LUOD_HOLDER_H
#define LUOD_HOLDER_H

#include <sys/types.h>

#include "util.h"

struct holder {
	/* One of these: */
	char *session; /* the kernel's name of a session */
	char *device;  /* the address of a device whose file has no number */
	dev_t node;    /* the number of a node */

	char *who;  /* for sentences: "process 812 (qemu-kvm) in vm@1.service" */
	char *user; /* in short: "vm@1.service", else "process 812 (qemu-kvm)" */
};

struct holders {
	struct holder *items;
	size_t n;
};

/*
 * All processes, below @root ("": the real /proc), but this one and PID 1, which holds what the
 * keeper has pushed and lets go of it together with the keeper. A process that ends meanwhile is
 * passed over, and so is one that may not be looked at. -ENOMEM, -EMFILE, -ENFILE: luod could
 * not look.
 */
int holders_find(const char *root, struct holders *ret);
void holders_clear(struct holders *h);

/* Who holds the session of this name; the first of several, or NULL. */
const char *holders_of(const struct holders *h, const char *session);

/*
 * The next behind @last (NULL: the first) who has the node of this number open (0: none), or a file of
 * the device with this address (NULL: of none); NULL: there is no other.
 */
const struct holder *holders_of_device(const struct holders *h, dev_t node, const char *address,
				       const struct holder *last);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap - a queue of a TUN or TAP link in custody. No kernel session carries such a file: before the jump
 * luod notes what it is, the network's replay makes the link again, and after the jump the queue is
 * opened anew, like the one before.
 *
 * A link of that name need not be that link. It is, when it is of the same kind and made for the same
 * user and group: nobody gets a queue of somebody else's link because of its name.
 */
#ifndef LUOD_TAP_H
#define LUOD_TAP_H

#include <jansson.h>

#include "host.h"
#include "kdev-tun.h"

#define TAP_NOBODY UINT32_MAX

struct tap {
	char *link;	       /* "NAME", or "NAMESPACE/NAME" */
	uint32_t owner, group; /* for whom the link was made; TAP_NOBODY: for nobody */
	struct kdev_tun_queue queue;
	char *why; /* it could not be opened anew, in words; or NULL */
};

struct tap *tap_free(struct tap *tap);
DEFINE_CLEANUP(struct tap *, tap_free)

/*
 * What @fd is now. *ret is the caller's.
 *   -EBADFD    it has no link (any more)
 *   -ENOENT    its link is in a network namespace without a name
 */
int tap_look(int fd, struct host *host, struct tap **ret);

/*
 * Opens a queue like it. *ret_fd is the caller's, and is to be given to kdev_tun_settle() once it is
 * safe. On failure tap->why says it in words, with the way out.
 */
int tap_reattach(struct tap *tap, struct host *host, int *ret_fd);

/* New reference, or NULL; and back: -EINVAL, -ENOMEM. */
json_t *tap_to_json(const struct tap *tap);
int tap_from_json(const json_t *json, struct tap **ret);

#endif

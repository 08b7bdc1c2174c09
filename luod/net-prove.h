/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net-prove - whether the luod of the next kernel will take a record: it is written, read back as that
 * luod reads it, compared and planned. After the jump it would be too late to find that it refuses one
 * name, and with it the whole network.
 */
#ifndef LUOD_NET_PROVE_H
#define LUOD_NET_PROVE_H

#include "net.h"

/*
 * 0, or a negative errno and *ret_error, which says what of it is wrong and is freed by the caller:
 * -EILSEQ: not to be written; -EINVAL: not to be read; -E2BIG: more than a record takes; -ELOOP: a link
 * hangs on itself; -EBADMSG: read otherwise than written; -ENOMEM.
 */
int net_prove(const struct net_record *record, char **ret_error);

#endif

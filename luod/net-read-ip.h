/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net-read-ip - addresses, neighbours and routes, as libnl's objects have them; see net-read.h. */
#ifndef LUOD_NET_READ_IP_H
#define LUOD_NET_READ_IP_H

#include "net.h"

int net_read_ip(struct net_namespace *ns, struct nl_msg *msg);

#endif

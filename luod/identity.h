/* SPDX-License-Identifier: GPL-2.0-or-later */
/* identity - what only the connections themselves need of identity-bus.c; see bus.h for the rest. */
#ifndef LUOD_IDENTITY_H
#define LUOD_IDENTITY_H

#include "bus.h"

/* Who is at the other end of the connected socket @fd. identity_clear() the result. */
int identity_of_peer(int fd, struct identity *ret);

#endif

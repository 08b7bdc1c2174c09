/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-note - what a luod that is killed while it restores the network leaves to the next one: a
 * file in /run/luod with the links that were up when it began. Whatever else is up now is its work,
 * and not somebody else's, who would be left alone. The file lasts until all is written down.
 */
#ifndef LUOD_NETWORK_NOTE_H
#define LUOD_NETWORK_NOTE_H

#include "net.h"

/* Names, "NAME" or "NAMESPACE/NAME"; strv_free(). -ENOENT: nobody has begun. */
int network_note_read(const char *run, char ***ret);
int network_note_write(const char *run, const struct net_record *now);
void network_note_drop(const char *run);

#endif

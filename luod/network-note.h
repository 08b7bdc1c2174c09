/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-note - what a luod that is killed leaves to the next one, in files of /run/luod.
 *
 * While it restores the network: the links that were up when it began. Whatever else is up now is its
 * work, and not somebody else's, who would be left alone. The file lasts until all is written down.
 *
 * Afterwards: what waits for something that is not there yet (network-late.h), while it waits.
 */
#ifndef LUOD_NETWORK_NOTE_H
#define LUOD_NETWORK_NOTE_H

#include "net.h"

/* Names, "NAME" or "NAMESPACE/NAME"; strv_free(). -ENOENT: nobody has begun. */
int network_note_read(const char *run, char ***ret);
int network_note_write(const char *run, const struct net_record *now);
void network_note_drop(const char *run);

/* The same of what waits, as net_object() names it. */
int network_waiting_read(const char *run, char ***ret);
int network_waiting_write(const char *run, char *const *objects);
void network_waiting_drop(const char *run);

#endif

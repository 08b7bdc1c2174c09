/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-last - the record of the last jump, kept in /run/luod/network.json for as long as this
 * kernel runs: what luctl net compares the machine with, and replays once more.
 */
#ifndef LUOD_NETWORK_LAST_H
#define LUOD_NETWORK_LAST_H

#include <jansson.h>

#include "manager.h"

/* Failure is logged: only luctl net misses it. */
void network_last_keep(const struct manager *m, const struct net_record *record);

/*
 * -ENOENT: there was no jump that brought one. net_record_clear() the result; *ret_id is the id of the
 * update, freed by the caller.
 */
int network_last_read(const struct manager *m, struct net_record *ret, char **ret_id);

/* A record as text: an array of namespaces, or an object with that as "namespaces". As net-json.h. */
int network_record_from_text(const char *text, struct net_record *ret, char **ret_error);

#endif

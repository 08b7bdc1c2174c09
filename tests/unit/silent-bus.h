/* SPDX-License-Identifier: GPL-2.0-or-later */
/* silent-bus - in place of bus.c: nobody is there to hear of objects and their properties. */
#ifndef TESTS_SILENT_BUS_H
#define TESTS_SILENT_BUS_H

#include "luod/bus.h"

void bus_set_emit_changed(struct bus_set *set _unused_, const char *path _unused_,
			  const char *interface _unused_, char **properties _unused_)
{
}

void bus_set_emit_added(struct bus_set *set _unused_, const char *path _unused_)
{
}

void bus_set_emit_removed(struct bus_set *set _unused_, const char *path _unused_)
{
}

#endif

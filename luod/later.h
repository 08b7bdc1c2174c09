/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * later - a timer for what is to be tried again in a while. It can be made before it is needed: what could
 * not be done for want of memory must be able to wait for it, and waiting takes none then.
 */
#ifndef LUOD_LATER_H
#define LUOD_LATER_H

#include <systemd/sd-event.h>

/* Makes *timer, at rest, unless it is there. The caller owns it: sd_event_source_disable_unref(). */
int later_prepare(sd_event *event, sd_event_source **timer, sd_event_time_handler_t handler,
		  void *userdata);

/*
 * Runs the handler once, @usec microseconds from now; one that waits already goes on waiting. The handler may
 * ask for it again. NULL: nothing happens.
 */
void later(sd_event_source *timer, uint64_t usec);
/* Not any more. */
void later_cancel(sd_event_source *timer);

#endif

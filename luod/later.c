/* SPDX-License-Identifier: GPL-2.0-or-later */
/* later - see later.h. */
#include "later.h"

#include "util.h"

int later_prepare(sd_event *event, sd_event_source **timer, sd_event_time_handler_t handler,
		  void *userdata)
{
	sd_event_source *source;
	int r;

	if (*timer)
		return 0;
	r = sd_event_add_time(event, &source, CLOCK_MONOTONIC, USEC_INFINITY, 0, handler, userdata);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (r < 0) {
		sd_event_source_disable_unref(source);
		return r;
	}
	*timer = source;
	return 0;
}

void later(sd_event_source *timer, uint64_t usec)
{
	if (!timer || sd_event_source_get_enabled(timer, NULL) != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(timer, usec);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

void later_cancel(sd_event_source *timer)
{
	if (timer)
		sd_event_source_set_enabled(timer, SD_EVENT_OFF);
}

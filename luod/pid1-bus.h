/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pid1-bus - what luod asks of systemd's PID 1: start units, wait until their jobs and the stop jobs
 * they caused are gone.
 *
 * It speaks to PID 1's own socket rather than over the message bus: a live update must work with
 * dbus-daemon stopped, and the quiesced system may have stopped it.
 */
#ifndef LUOD_PID1_BUS_H
#define LUOD_PID1_BUS_H

#include <systemd/sd-bus.h>

#include "util.h"

/* Called once; @error is 0 or negative, @text a sentence for people when negative. */
typedef void (*pid1_done_t)(int error, const char *text, void *userdata);

struct pid1 {
	sd_event *event;
	sd_bus *bus;
	char *job; /* object path of the job waited for, or NULL once it is done */
	bool wait_for_stops;
	pid1_done_t done;
	void *userdata;

	unsigned int unanswered; /* of what pid1_start_units() has asked for */
	bool unheard;		 /* some of it PID 1 may never have seen */
	pid1_done_t started;
	void *started_userdata;
};

/*
 * Starts @unit in job mode @mode and reports when its job has ended well and, for "isolate", no
 * stop job is left. One at a time: -EBUSY.
 */
int pid1_start_unit(struct pid1 *p, sd_event *event, const char *unit, const char *mode,
		    pid1_done_t done, void *userdata);

/*
 * Makes a slice that wants @units, without waiting: for a unit file that wants the slice, and so
 * gets dependencies that are only known now, without a daemon-reload. A failure ends the next
 * pid1_start_unit(). pid1_stop_unit() takes it away again.
 */
int pid1_start_slice(struct pid1 *p, sd_event *event, const char *slice, char **units);
int pid1_stop_unit(struct pid1 *p, sd_event *event, const char *unit);

/*
 * Asks for units to be started, without waiting for their jobs; what is active stays as it is. @started is
 * called once PID 1 has answered all of it, whatever it says: with an error when it may not have heard all.
 * A luod that ends before takes with it what it has not sent.
 */
int pid1_start_units(struct pid1 *p, sd_event *event, char **units, pid1_done_t started,
		     void *userdata);

/* Names of the active units that a service manager can start again; NULL-terminated. */
int pid1_list_active(struct pid1 *p, sd_event *event, char ***ret);

/* Names of all units that are active or on their way to it, also by a restart; NULL-terminated. */
int pid1_list_up(struct pid1 *p, sd_event *event, char ***ret);

/* Forgets what is waited for; done() is not called. */
void pid1_cancel(struct pid1 *p);
void pid1_clear(struct pid1 *p);

#endif

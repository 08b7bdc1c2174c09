/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus - luod as luctl sees it: a call goes in, a plain struct comes out.
 *
 * This layer owns the connection and everything that is D-Bus about it: addresses, message
 * signatures, error names. It prints nothing. Every call returns a negative errno on failure and
 * then fills its struct luctl_error with a sentence for the operator and an exit code; results are
 * written only on success. Calls block, each with a deadline of its own.
 *
 * How luod is reached: on the system bus, on the system bus of another host over ssh (--host), or
 * on a socket of luod's own, without a bus between (--address; and, for root, when there is no
 * system bus). A peer socket carries the same objects, but signals have no sender there.
 */
#ifndef LUCTL_BUS_H
#define LUCTL_BUS_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "luctl/model.h"

#define LUCTL_PEER_ADDRESS "unix:path=/run/luod/bus"

struct luctl_error {
	int exit_code; /* enum luctl_exit */
	char *name;    /* of the D-Bus error, or NULL */
	char *text;    /* what went wrong, and the way out; no full stop is missing */
};

void luctl_error_clear(struct luctl_error *error);
bool luctl_error_is(const struct luctl_error *error, const char *short_name);

/* The length of @text without the full stop and the blanks at its end, for "%.*s". */
int luctl_trimmed(const char *text);

/*
 * Turns what sd-bus reports into a luctl_error: @name and @message of the D-Bus error or NULL, and
 * the negative errno @r, which is returned. @host: where luod is, NULL for here.
 */
int luctl_error_set(struct luctl_error *error, int r, const char *name, const char *message,
		    const char *host);

/* As luctl_error_set() for what luctl itself finds wrong. Takes @text, which may be NULL (OOM). */
int luctl_error_take(struct luctl_error *error, int r, int exit_code, char *text);

struct luctl_bus;

/*
 * @host, @address: of the options, or NULL. *@ret_fell_back is set when there is no system bus and
 * the peer socket serves instead.
 */
int luctl_bus_open(const char *host, const char *address, struct luctl_bus **ret,
		   bool *ret_fell_back, struct luctl_error *e);
void luctl_bus_free(struct luctl_bus *bus);
DEFINE_CLEANUP(struct luctl_bus *, luctl_bus_free)

int luctl_bus_get_manager(struct luctl_bus *bus, struct luctl_manager *ret, struct luctl_error *e);
int luctl_bus_get_sessions(struct luctl_bus *bus, struct luctl_sessions *ret,
			   struct luctl_error *e);
int luctl_bus_get_devices(struct luctl_bus *bus, struct luctl_devices *ret, struct luctl_error *e);
int luctl_bus_get_job(struct luctl_bus *bus, const char *path, struct luctl_job *ret,
		      struct luctl_error *e);

/* @update_id: "" for the last one. */
int luctl_bus_get_timeline(struct luctl_bus *bus, const char *update_id, struct luctl_timeline *ret,
			   struct luctl_error *e);

/* All that luod remembers, the newest first. */
int luctl_bus_get_updates(struct luctl_bus *bus, struct luctl_updates *ret, struct luctl_error *e);

int luctl_bus_check(struct luctl_bus *bus, struct luctl_findings *ret, struct luctl_error *e);

struct luctl_load {
	int kernel_fd;
	int initrd_fd; /* negative: none */
	const char *kernel_path;
	const char *initrd_path;
	const char *command_line; /* NULL: the running one */
	const char *append;	  /* NULL: nothing */
};

/* The fds stay the caller's. */
int luctl_bus_load(struct luctl_bus *bus, const struct luctl_load *load, struct luctl_error *e);
int luctl_bus_unload(struct luctl_bus *bus, struct luctl_error *e);

/* @jump: NULL for the configured one. *@ret_job: object path, which the caller frees. */
int luctl_bus_update(struct luctl_bus *bus, const char *jump, const char *reason, bool force,
		     char **ret_job, struct luctl_error *e);
int luctl_bus_cancel(struct luctl_bus *bus, const char *reason, struct luctl_error *e);
int luctl_bus_close_session(struct luctl_bus *bus, const char *path, struct luctl_error *e);

/*
 * The network's methods: the arguments of the answer, as a JSON array that the caller releases.
 * @source: "now" or "last"; @record: a record as text, "" for the last one.
 */
int luctl_bus_get_network(struct luctl_bus *bus, const char *source, json_t **ret,
			  struct luctl_error *e);
int luctl_bus_compare_network(struct luctl_bus *bus, const char *record, json_t **ret,
			      struct luctl_error *e);
int luctl_bus_replay_network(struct luctl_bus *bus, const char *record, json_t **ret,
			     struct luctl_error *e);

/* "<uid>/<name>" of a session's object path, the address of a device's, "job N" of a job's, "luod" of the root; caller frees. */
char *luctl_bus_object_name(const char *path);

/* --- following ------------------------------------------------------------------------------ */

/* Why there is nothing more to follow. */
enum luctl_lost {
	LUCTL_LOST_LUOD, /* luod left the bus */
	LUCTL_LOST_CONNECTION,
	LUCTL_LOST_OBJECT, /* the object cannot be read; see the error given */
};

struct luctl_signal {
	enum luctl_signal_kind {
		LUCTL_SIGNAL_PROPERTY, /* @member changed to @value */
		LUCTL_SIGNAL_ADDED,    /* an object appeared; @value: its properties */
		LUCTL_SIGNAL_REMOVED,
		LUCTL_SIGNAL_OTHER,   /* any other signal of luod's; @value: its arguments */
		LUCTL_SIGNAL_ARRIVED, /* luod came to the bus */
	} kind;
	const char *path;
	const char *interface;
	const char *member;
	json_t *value; /* borrowed; NULL where there is none */
};

struct luctl_follower {
	/* The job has been read or has changed. */
	void (*job)(const struct luctl_job *job, void *userdata);
	void (*signal)(const struct luctl_signal *signal, void *userdata);
	void (*lost)(enum luctl_lost why, const struct luctl_error *e, void *userdata);
	void *userdata;
};

/*
 * Calls @follower (which must outlive @bus, or the last run of @event) from @event for a job, or
 * for everything that luod announces. @bus must not be used for another follower.
 */
int luctl_bus_follow_job(struct luctl_bus *bus, sd_event *event, const char *path,
			 const struct luctl_follower *follower, struct luctl_error *e);
int luctl_bus_follow_all(struct luctl_bus *bus, sd_event *event,
			 const struct luctl_follower *follower, struct luctl_error *e);

#endif

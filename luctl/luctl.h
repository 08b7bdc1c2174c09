/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luctl - the operator's command line.
 *
 * Three layers. options.c turns an argument vector into options and a verb, run.c runs it. A verb
 * (one file per family) asks the bus layer (bus.h) for plain structs (model.h), decides on the
 * exit code, and hands the structs to output.h and json.h. Only bus*.c know of D-Bus messages.
 *
 * There is no global state: everything a verb may use is in its struct luctl, streams included, so
 * that a test runs the whole program as a function. The exit codes and the JSON documents are
 * interfaces; luctl(1) documents them.
 */
#ifndef LUCTL_LUCTL_H
#define LUCTL_LUCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "luctl/bus.h"

enum luctl_exit {
	LUCTL_OK = 0,
	LUCTL_FAILED = 1,      /* what was asked for was tried and did not work */
	LUCTL_USAGE = 2,       /* the command line makes no sense */
	LUCTL_REFUSED = 3,     /* the check has error findings */
	LUCTL_CALLED_OFF = 4,  /* veto, missed deadline, cancelled: every guest goes on */
	LUCTL_UNREACHABLE = 5, /* no answer from luod */
	LUCTL_UNAUTHORISED = 6,
	LUCTL_WRONG_STATE = 7, /* not now: nothing loaded, an update runs, no update runs */
	LUCTL_UNKNOWN = 8,     /* lost sight of an update that goes on */
	LUCTL_DIFFERS = 9,     /* the network is not as recorded */
};

struct luctl_options {
	char *host;
	char *address;
	bool json;
	bool no_legend;
	bool quiet;
	bool verbose;

	char *initrd;
	char *command_line;
	char *append;
	bool reuse;

	char *jump;
	char *reason;
	bool force;
	bool no_wait;
	uint64_t timeout_usec; /* USEC_INFINITY: none */

	uint64_t limit; /* UINT64_MAX: none */
	char *svg;	/* a file, "" for the output, NULL: no picture */

	char *record; /* a file, NULL: luod's */
	bool last;
};

struct luctl {
	struct luctl_options options;
	FILE *out;
	FILE *err;
	struct luctl_bus *bus;	  /* made by luctl_connect() */
	struct luctl_error error; /* of the last call that failed */
};

/* What main() does, with the streams given. Returns the exit code. */
int luctl_run(int argc, char **argv, FILE *out, FILE *err);

/* Connects as the options say. A failure is in @luctl->error, as with every call on the bus. */
int luctl_connect(struct luctl *luctl);

/*
 * Prints "luctl: WHAT: the last error of the bus layer" and returns the exit code that belongs to
 * it. @format says what could not be done.
 */
int luctl_fail(struct luctl *luctl, const char *format, ...) _printf_(2, 3);

/* Prints "luctl: …" to the error stream. */
void luctl_complain(struct luctl *luctl, const char *format, ...) _printf_(2, 3);

/* A remark for whoever reads along: to the error stream, unless --quiet or --json. */
void luctl_remark(struct luctl *luctl, const char *format, ...) _printf_(2, 3);

/* The verbs. @argv holds the arguments behind the verb's name, NULL-terminated. */
int luctl_verb_status(struct luctl *luctl, char **argv);
int luctl_verb_version(struct luctl *luctl, char **argv);
int luctl_verb_sessions(struct luctl *luctl, char **argv);
int luctl_verb_devices(struct luctl *luctl, char **argv);
int luctl_verb_close(struct luctl *luctl, char **argv);
int luctl_verb_check(struct luctl *luctl, char **argv);
int luctl_verb_load(struct luctl *luctl, char **argv);
int luctl_verb_unload(struct luctl *luctl, char **argv);
int luctl_verb_update(struct luctl *luctl, char **argv);
int luctl_verb_cancel(struct luctl *luctl, char **argv);
int luctl_verb_timeline(struct luctl *luctl, char **argv);
int luctl_verb_history(struct luctl *luctl, char **argv);
int luctl_verb_net(struct luctl *luctl, char **argv);
int luctl_verb_watch(struct luctl *luctl, char **argv);
int luctl_verb_help(struct luctl *luctl, char **argv);

/*
 * The whole id of the update that @id is the beginning of, as the caller's string. @id itself when
 * it is whole, or when luod knows none that begins so and is to say that. Returns an exit code.
 */
int luctl_whole_id(struct luctl *luctl, const char *id, char **ret);

/* "uid 0, ssh.service"; "?" when nobody knows. Caller frees; NULL when out of memory. */
char *luctl_requester(const struct luctl_timeline *update);

/* The table of findings, or nothing when there are none; used by check and update. */
int luctl_print_findings(struct luctl *luctl, const struct luctl_findings *findings);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * luctl-fake - a luod played by a child process, for tests of luctl.
 *
 * It has two sessions, a target, features, findings and one timeline; what Update leads to, and
 * which method fails how, is told by a struct fake_script before the child is forked. It speaks
 * either to peers on a socket of its own, or as org.luod1 on a bus. It checks nothing: a test says
 * what luctl makes of an answer, not whether luod would have given it.
 */
#ifndef TESTS_LUCTL_FAKE_H
#define TESTS_LUCTL_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "luctl/luctl.h"

#define FAKE_ID	       "0123456789abcdef0123456789abcdef"
#define FAKE_ID_ALIKE  "0123456789ffffffffffffffffffffff"
#define FAKE_ID_OLD    "fedcba98765432100000000000000000"
#define FAKE_STEPS_MAX 16

struct fake_step {
	const char *step;
	uint32_t number;
	const char *waiting; /* one name, or NULL */
};

struct fake_script {
	const char *state; /* of the manager; NULL: loaded */
	bool not_loaded;
	bool no_sessions;
	const char *session_state; /* of vm1; NULL: vetoed */
	bool no_devices;
	bool no_updates;
	bool no_network;	 /* and so nothing that has changed */
	bool degraded;		 /* the last update, and why */
	bool clean;		 /* Check finds no errors */
	bool bad_types;		 /* GetAll lies about types */
	const char *fail_method; /* this method fails … */
	const char *fail_name;	 /* … with this error … */
	const char *fail_text;	 /* … and this text */

	struct fake_step steps[FAKE_STEPS_MAX];
	const char *end_state; /* of the job, after the steps; NULL: it stays running */
	const char *end_error;
	const char *end_cause;
	bool end_findings;
	bool die;		 /* exit instead of ending the job */
	const char *expect_load; /* Load fails unless it is called with these options */
};

struct fake {
	pid_t pid;
	char directory[64];
	char address[128];
};

/* @bus_address: NULL to serve peers at @f->address. The script is copied by fork(). */
void fake_start(struct fake *f, const struct fake_script *script, const char *bus_address);
void fake_stop(struct fake *f);

#endif

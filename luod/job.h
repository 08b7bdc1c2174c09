/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job - one Update as its caller sees it on the bus: /org/luod1/job/<n>. The engine (update.c)
 * reports into it; it stays for a minute after its end so that a client can read how it ended.
 */
#ifndef LUOD_JOB_H
#define LUOD_JOB_H

#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "util.h"

struct manager;

enum job_state {
	JOB_RUNNING,
	JOB_DONE,
	JOB_FAILED,
	JOB_CANCELLED,
};

const char *job_state_to_string(enum job_state state);

struct job {
	TAILQ_ENTRY(job) entry;
	struct manager *manager;
	unsigned int id;
	char *path;
	char *update_id;
	enum job_state state;
	char *error;
	const char *cause; /* of an end that is not a jump: static; otherwise "" */
	unsigned int step; /* where it is, or where it ended */
	sd_event_source *expiry;
};

TAILQ_HEAD(job_list, job);

/* A new running job in the manager's list, announced on the bus. */
int job_new(struct manager *m, const char *update_id, struct job **ret);
void job_end(struct job *job, enum job_state state, const char *error);
/* The step or what is waited for has changed. */
void job_changed(struct job *job);
struct job *job_free(struct job *job);
struct job *job_find(struct manager *m, const char *path);

#endif

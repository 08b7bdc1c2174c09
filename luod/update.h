/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * update - the engine of an update: a phase, a table of allowed transitions, and a row of steps
 * that are done one after the other and undone in reverse order when one fails.
 *
 * The engine does no I/O of its own: what a step does is in step.c. Between two steps the event
 * loop runs, so that a veto, a Cancel or a lost client is seen at the next opportunity. A step
 * that must wait says so and is called again; every step has a deadline.
 */
#ifndef LUOD_UPDATE_H
#define LUOD_UPDATE_H

#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include "conf.h"
#include "left-behind.h"
#include "timeline.h"
#include "util.h"

struct manager;

enum phase {
	PHASE_IDLE,
	PHASE_PREPARING,
	PHASE_FROZEN, /* all owners are ready; the jump is under way */
	PHASE_ABORTING,
	PHASE_RESTORING, /* new kernel: sessions wait for their owners */
	PHASE_FINISHING, /* all claimed, not all done */
	PHASE_DEGRADED,	 /* as idle, but something was not reclaimed */
	PHASE_MAX,
};

const char *phase_to_string(enum phase phase);
int phase_from_string(const char *word);

/* What one update is about; crosses the jump in the handover record. */
struct update_info {
	char id[SD_ID128_STRING_MAX];
	char *from, *to; /* kernel releases */
	char *reason;	 /* why, in the administrator's words */
	char *forced;	 /* codes of the findings that it went on in spite of; or "" */
	enum conf_jump jump;
	bool has_uid; /* false: a luod that did not write it down yet had begun it */
	uid_t uid;    /* of whoever asked for it */
	char *unit;   /* and that one's systemd unit, which stays in a quiesced system; or "" */
	uint64_t began_usec; /* wall clock; 0: not known */
	struct left_behinds left_behind;
};

void update_info_clear(struct update_info *info);
int update_info_copy(const struct update_info *from, struct update_info *ret);

/* What a step's do() answers. Negative errno: it failed, update->error says why. */
enum {
	STEP_DONE = 0,
	STEP_WAIT = 1,	/* update_continue() will be called when there is news */
	STEP_AGAIN = 2, /* call me again at once, after the loop has run */
	STEP_RETRY = 3, /* call me again after a moment (something is busy) */
};

struct step {
	const char *name; /* ABI: journal, timeline, Job.Step */
	enum mark mark;	  /* set when the step is done */
	bool direct_only; /* only for Jump=direct */
	int (*act)(struct manager *m);
	/* Idempotent, and safe to call when act() got only half-way or another luod did it. */
	void (*undo)(struct manager *m);
	uint64_t (*timeout)(const struct manager *m); /* from now on */
	void (*expired)(struct manager *m); /* says in update->error what was waited for */
};

extern const struct step update_steps[];
extern const unsigned int update_n_steps;

/* Why an update did not come to the jump; ABI: Job.Cause. */
enum update_cause {
	CAUSE_FAILURE, /* something did not work */
	CAUSE_CHECK,   /* the check found errors */
	CAUSE_VETO,
	CAUSE_DEADLINE, /* a required session's owner said nothing in time */
	CAUSE_CANCELLED,
};

const char *update_cause_to_string(enum update_cause cause);

enum quiesce {
	QUIESCE_NONE,
	QUIESCE_ISOLATING,
	QUIESCE_ISOLATED,
	QUIESCE_SYNCING,
	QUIESCE_SYNCED,
};

struct update {
	enum phase phase;
	struct update_info info;
	unsigned int step; /* index into update_steps */
	char *error;	   /* why it failed, a sentence */
	enum update_cause cause;
	uint64_t backoff_usec;
	sd_event_source *run, *deadline;
	struct timeline timeline;
	bool force;

	bool record_lost; /* new kernel: the record could not be read */

	/* How far single steps are. */
	bool timeline_preserved;
	bool announced; /* barrier: the owners have been told */
	bool barrier_passed;
	enum quiesce quiesce;
	pid_t sync_pid; /* the child that syncs for this update, 0: none */
};

/* Changes the phase and announces it; a transition outside of the table is a bug and ends luod. */
void update_set_phase(struct manager *m, enum phase phase);

/* May @from be followed by @to? */
bool update_transition_allowed(enum phase from, enum phase to);

/* Is an update between its begin and its end, in this kernel or after the jump? */
bool phase_is_active(enum phase phase);
bool update_active(const struct manager *m);

/* Begins an update; the first step runs from the event loop. @info is consumed on success. */
int update_start(struct manager *m, struct update_info *info, bool force);

/*
 * From the moment when guests pause, and file systems after them, until it is called off: nobody
 * writes to a disk now, as that could take for ever.
 */
bool update_keeps_still(const struct manager *m);

/* There is news for the step that waits: look again. */
void update_continue(struct manager *m);

/*
 * The step has done a part of what may take long in all, or waits for something else now: its time
 * is taken anew.
 */
void update_progress(struct manager *m);

/* Calls the update off: undoes every step begun so far and tells the owners. */
void update_abort(struct manager *m, const char *why);
/* The same at an administrator's wish. */
void update_cancel(struct manager *m, const char *why);

/*
 * For a luod that finds itself started in the middle of an update that another one began: undoes
 * everything, beginning at step @step.
 */
void update_rollback_inherited(struct manager *m, unsigned int step);

/* Remembers why a step fails; returns @error. */
int update_fail(struct manager *m, int error, const char *format, ...) _printf_(3, 4);

void update_clear(struct update *u);

#endif

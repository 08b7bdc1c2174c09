/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timeline - when what happened, on both sides of the jump. One page of memory that LUO carries
 * over (token 1 of session "luod") and that is written until the very last moment: each mark holds
 * the time-stamp counter, which goes on through a kexec, and the wall clock, which after it may
 * only be good to a second.
 *
 * The counter's frequency is measured, not asked for: two pairs of (counter, monotonic clock)
 * taken in the old kernel. The layout and the numbers of the marks are ABI between versions of
 * luod; new marks go to the end. The page is distrusted when it comes out of a kexec.
 */
#ifndef LUOD_TIMELINE_H
#define LUOD_TIMELINE_H

#include "util.h"

#define TIMELINE_SIZE	 4096
#define TIMELINE_FDNAME	 "timeline" /* in luod's own fd store, until the jump */
#define TIMELINE_MARKS	 64
#define TIMELINE_ID_SIZE 40

enum mark {
	MARK_BEGIN,
	MARK_CHECK,
	MARK_SESSIONS,
	MARK_MEMORY,
	MARK_QUIESCE,
	MARK_BARRIER,
	MARK_FIRST_READY,
	MARK_ALL_READY,
	MARK_RECORD,
	MARK_FILESYSTEMS,
	MARK_JUMP,
	MARK_KEEPER,
	MARK_LUOD,
	MARK_RESTORED,
	MARK_FIRST_CLAIM,
	MARK_LAST_CLAIM,
	MARK_FIRST_RESUMED,
	MARK_LAST_RESUMED,
	MARK_FINISHED,
	MARK_DEVICES,
	MARK_NETWORK,
	MARK_NETWORK_RESTORED,
	MARK_NETWORK_INCOMPLETE,
	MARK_MAX,
};

/* The @i-th mark in the order of an update, which is not that of their numbers; @i < MARK_MAX. */
enum mark mark_in_order(unsigned int i);

const char *mark_to_string(enum mark mark);
int mark_from_string(const char *word);

struct timeline_stamp {
	uint64_t tsc; /* 0: not set */
	uint64_t realtime_usec;
};

/* What stands in the page. */
struct timeline_page {
	char magic[8];
	uint32_t version;
	uint32_t reserved;
	struct {
		uint64_t tsc;
		uint64_t monotonic_nsec;
	} calibration[2];
	struct timeline_stamp marks[TIMELINE_MARKS];
	char update_id[TIMELINE_ID_SIZE]; /* "": a luod that did not write it yet */
};

struct timeline {
	int fd;			    /* memfd, owned */
	struct timeline_page *page; /* mapping of it */
};

/* The counter that goes on through a kexec (x86: TSC, arm64: CNTVCT). */
uint64_t timeline_counter(void);

/* A new page, begun now. */
int timeline_new(struct timeline *ret);
/* Takes a page that came through the jump; @fd is consumed on success. -EBADMSG: not a timeline. */
int timeline_open(int fd, struct timeline *ret);
void timeline_close(struct timeline *t);

/* Whose timeline it is: the handover record says so too, but may be lost. */
void timeline_set_id(struct timeline *t, const char *id);
/* "" when it does not say, or says what is no id. Valid until the timeline is closed. */
const char *timeline_id(const struct timeline *t);

/* Sets a mark; timeline_mark_once() leaves one that is set. A closed timeline ignores both. */
void timeline_mark(struct timeline *t, enum mark mark);
void timeline_mark_once(struct timeline *t, enum mark mark);
/* For what another program stamped (the keeper's start). */
void timeline_mark_at(struct timeline *t, enum mark mark, uint64_t tsc);
/* Takes the second pair for the frequency: as late as possible, the longer the better. */
void timeline_calibrate(struct timeline *t);

/* Microseconds from the first mark to @mark; false when it is not set. */
bool timeline_get(const struct timeline_page *page, enum mark mark, uint64_t *ret_usec);

/* First owner's Ready to last owner's Resumed; false when the update has no such pair. */
bool timeline_blackout(const struct timeline_page *page, uint64_t *ret_usec);

#endif

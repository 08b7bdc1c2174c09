/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * phase - from the marks of a timeline to phases that people can read.
 *
 * A mark is set when something is over, so a phase is what lies between two marks that follow each
 * other in time, and is named after the later one. Marks that luctl does not know make phases too,
 * named after themselves: the sum of all phases is always the whole.
 */
#ifndef LUCTL_PHASE_H
#define LUCTL_PHASE_H

#include "luctl/model.h"

enum luctl_side {
	LUCTL_OLD_KERNEL,
	LUCTL_BETWEEN, /* no userspace runs */
	LUCTL_NEW_KERNEL,
};

const char *luctl_side_to_string(enum luctl_side side);

struct luctl_phase {
	const char *from, *to; /* names of the marks; borrowed */
	const char *title;     /* borrowed too */
	uint64_t start;	       /* usec since the first mark */
	uint64_t duration;
	enum luctl_side side;
	bool blackout; /* lies within the blackout */
};

struct luctl_phases {
	struct luctl_phase *items;
	size_t count;
};

/* *@ret borrows from @timeline. Marks out of order are sorted. */
int luctl_phases_of(const struct luctl_timeline *timeline, struct luctl_phases *ret);
void luctl_phases_clear(struct luctl_phases *phases);

/*
 * First owner's Ready to last owner's Resumed, from what luod says or else from the marks; false
 * when the update had no such thing, or has not come to its end.
 */
bool luctl_blackout(const struct luctl_timeline *timeline, uint64_t *ret_start,
		    uint64_t *ret_duration);

/*
 * The place of a phase in @total, as a bar of @width characters: "    ███   ". The phase is never
 * shorter than one. @symbol is what the bar is drawn with. Caller frees; NULL when out of memory.
 */
char *luctl_phase_bar(const struct luctl_phase *phase, uint64_t total, size_t width,
		      const char *symbol);

#endif

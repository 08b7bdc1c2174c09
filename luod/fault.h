/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault - named points at which a test can have luod fail, end or stand still. They are compiled into
 * test builds only (LUOD_FAULTS); otherwise nothing of this is in luod.
 *
 * What shall happen is in the file "fault" of luod's run-time directory, a line each:
 *
 *	POINT WHAT
 *
 * WHAT is the name of an errno, which is what the step then fails with; or "kill", a SIGKILL; or "stop",
 * a SIGSTOP, from which whoever wrote the line wakes luod again. A line comes true once: it is moved to
 * the file "fault.done" before it does, so that the next luod goes on, and the test sees that it did. An
 * error comes true even when that cannot be noted, or the file not be read again, for want of fds or room.
 * Of several lines for one point an error is the last that comes true.
 *
 * Each step of an update has three points, which the engine has for it: STEP:act before it, STEP:done
 * after it, STEP:undo before its undo. "luod --faults" lists these, and the points elsewhere.
 */
#ifndef LUOD_FAULT_H
#define LUOD_FAULT_H

#include <stdbool.h>

struct manager;
struct step;

#ifdef LUOD_FAULTS

/* A negative errno when that is what shall happen; else 0. */
int fault_point(const struct manager *m, const char *point);
int fault_of_step(const struct manager *m, const struct step *step, const char *when);

/* Was luod called to list the points? Then it has, and there is nothing more to do. */
bool fault_list_asked(int argc, char **argv);

/* A point outside of the table of steps, where luod can be killed and stopped. */
#define FAULT(m, name)                                                        \
	do {                                                                  \
		static const char *const fault_name                           \
			__attribute__((section("luod_faults"), used)) = name; \
		fault_point(m, fault_name);                                   \
	} while (0)

#else

static inline int fault_of_step(const struct manager *m, const struct step *step, const char *when)
{
	return 0;
}

static inline bool fault_list_asked(int argc, char **argv)
{
	return false;
}

#define FAULT(m, name) ((void)0)

#endif

#endif

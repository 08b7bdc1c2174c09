/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * findings - what a check has to say.
 *
 * A finding has a severity (an error blocks the update unless it is forced), a stable code
 * (kebab-case, documented, for scripts), the object it is about, and a sentence that says what is
 * wrong and the way out of it. The list owns object and message; codes are static.
 */
#ifndef LUOD_FINDINGS_H
#define LUOD_FINDINGS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util.h"

enum severity {
	SEVERITY_INFO,
	SEVERITY_WARNING,
	SEVERITY_ERROR,
};

struct finding {
	enum severity severity;
	const char *code; /* static */
	char *object;	  /* "kernel", "target", "keeper", a session's name, … */
	char *message;
};

struct findings {
	struct finding *items;
	size_t n;
	bool out_of_memory; /* something could not be recorded */
};

/*
 * Records one more. When memory runs out, that is remembered in the list instead, so that the
 * caller has one place to ask.
 */
void findings_add(struct findings *findings, enum severity severity, const char *code,
		  const char *object, const char *format, ...) _printf_(5, 6);
void findings_addv(struct findings *findings, enum severity severity, const char *code,
		   const char *object, const char *format, va_list ap) _printf_(5, 0);

/* Most severe first; equals stay in the order they came in. */
void findings_sort(struct findings *findings);

/* Whether there is an error among them. */
bool findings_block(const struct findings *findings);

/* The codes of the errors among them, each once, as "a, b"; the caller frees it. NULL: no memory. */
char *findings_errors(const struct findings *findings);

/* Frees what is in it and leaves it empty; NULL is fine. */
void findings_free(struct findings *findings);

const char *severity_to_string(enum severity severity);

#endif

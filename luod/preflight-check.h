/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * preflight-check - what a check is, for the files that hold the checks of one subject each.
 *
 * One row of a table is one code: its highest severity, its documentation, and the check that
 * reports it. What blocks depends on what is at stake: without a session an update is a plain
 * kexec, and what the next kernel cannot take up is a warning; a session with the policy
 * best-effort is left behind instead of stopping everybody.
 */
#ifndef LUOD_PREFLIGHT_CHECK_H
#define LUOD_PREFLIGHT_CHECK_H

#include <stdarg.h>

#include "preflight.h"

#define SENTENCE_MAX 512

struct check {
	struct preflight_code code;
	void (*run)(const struct check *self, const struct preflight_context *c,
		    struct findings *ret);
	/* For run_on_resources(): a sentence about what is wrong with one resource, or NULL. */
	const char *(*judge)(const struct preflight_context *c, const struct memfd_info *memory);
	/* For run_on_devices(): the same of a device, its sentence behind "Device 0000:00:03.0 ". */
	bool (*judge_device)(const struct preflight_context *c, const struct preflight_device *d,
			     char text[static SENTENCE_MAX]);
};

struct check_table {
	const struct check *checks;
	size_t n;
};

#define CHECK(name)                                                                   \
	static void name(const struct check *self, const struct preflight_context *c, \
			 struct findings *ret)

static inline _printf_(5, 6) void report(const struct check *self, struct findings *ret,
					 enum severity severity, const char *object,
					 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	findings_addv(ret, severity, self->code.code, object, format, ap);
	va_end(ap);
}

static inline enum answer feature_of(const struct preflight_context *c, enum feature feature)
{
	return c->features ? c->features->of[feature].answer : ANSWER_UNKNOWN;
}

/* A finding about what one session needs: only one that is required stops everybody. */
static inline enum severity by_policy(const struct preflight_session *s)
{
	return s->required ? SEVERITY_ERROR : SEVERITY_WARNING;
}

/* What the next kernel will go by: a command line may be built into it. Caller frees. */
char *preflight_target_cmdline(const struct preflight_context *c);

extern const struct check_table preflight_host, preflight_target, preflight_session,
	preflight_device, preflight_network;

#endif

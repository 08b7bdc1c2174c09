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
	enum {
		OF_VFIO,
		OF_DMA_MEMORY,
		OF_BOTH,
	} of; /* whose devices the latter is about */
};

struct check_table {
	const struct check *checks;
	size_t n;
};

#define CHECK(name)                                                                   \
	static void name(const struct check *self, const struct preflight_context *c, \
			 struct findings *ret)

#define JUDGE(name)                                                                           \
	static bool name(const struct preflight_context *c, const struct preflight_device *d, \
			 char text[static SENTENCE_MAX])

#define SAY(...) (snprintf(text, SENTENCE_MAX, __VA_ARGS__), true)

/* Every device of a session goes through the row's judge. */
void preflight_run_on_devices(const struct check *self, const struct preflight_context *c,
			      struct findings *ret);

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

static inline const char *target_name(const struct preflight_context *c)
{
	return isempty(c->target_path) ? "The next kernel" : c->target_path;
}

/* Formats that must be the same in both kernels: of each, its family and which the running one has. */
struct formats {
	enum feature feature; /* that the running kernel has with all of them */
	const char *const *families;
	const char (*abis)[KIMAGE_ABI_LENGTH];
	int n;
};

/* The first of them that the target has nothing of, or (@other) has another version of; or -1. */
int preflight_misfit(const struct preflight_context *c, const struct formats *f, bool other);

/* Does the command line switch the IOMMU off, or on? */
enum answer preflight_iommu_on(const char *cmdline);

/* What the next kernel will go by: a command line may be built into it. Caller frees. */
char *preflight_target_cmdline(const struct preflight_context *c);

extern const struct check_table preflight_host, preflight_target, preflight_session,
	preflight_device, preflight_dma_memory, preflight_network;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device between two kernels, as checks of preflight see it, and what they say of it. */
#ifndef TESTS_PREFLIGHT_SITUATION_H
#define TESTS_PREFLIGHT_SITUATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "luod/preflight.h"

/* Everything that a check may look at, all of it writable. */
struct situation {
	struct preflight_context c;
	struct features features;
	struct kimage target;
	struct preflight_session session;
	struct device_facts facts;
	struct preflight_device device;
	char *users[2];
};

/* What is the same of all: the session's device, with its first @n_users, and kernels that can do everything. */
static void situation_fill(struct situation *s, size_t n_users, const char *running_cmdline,
			   const char *target_cmdline)
{
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		s->features.of[i].answer = ANSWER_YES;
		s->features.of[i].from = "the test";
	}
	s->device = (struct preflight_device){
		.address = s->facts.address,
		.facts = &s->facts,
		.session = &s->session,
		.users = s->users,
		.n_users = n_users,
	};
	s->c = (struct preflight_context){
		.features = &s->features,
		.running_release = "7.3.4",
		.running_cmdline = running_cmdline,
		.running = &s->target,
		.target = &s->target,
		.target_path = "/boot/vmlinuz",
		.target_cmdline = target_cmdline,
		.loaded_by = PREFLIGHT_LOADED_BY_LUOD,
		.keeper_reachable = ANSWER_YES,
		.sessions = &s->session,
		.n_sessions = 1,
		.devices = &s->device,
		.n_devices = 1,
	};
}

/* Exactly this finding, or nothing when @code is NULL. */
static void assert_finds(const struct situation *s, const char *code, enum severity severity,
			 const char *object, const char *says)
{
	struct findings f;

	assert_int_equal(preflight_run(&s->c, &f), 0);
	for (size_t i = 0; i < f.n; i++) {
		const char *message = f.items[i].message;

		if (!code)
			fail_msg("%s: %s", f.items[i].code, message);
		assert_string_equal(f.items[i].code, code);
		assert_int_equal(f.items[i].severity, severity);
		assert_string_equal(f.items[i].object, object);
		assert_int_equal(message[strlen(message) - 1], '.');
		assert_null(strstr(message, "(null)"));
		if (!strstr(message, says))
			fail_msg("'%s' is not in: %s", says, message);
	}
	assert_int_equal(f.n, code ? 1 : 0);
	findings_free(&f);
}

/* What Device.Reasons would say. */
static void assert_reason(const struct situation *s, const char *code)
{
	struct findings f;

	assert_int_equal(preflight_device_reasons(&s->c, &s->device, &f), 0);
	assert_int_equal(f.n, code ? 1 : 0);
	if (code)
		assert_string_equal(f.items[0].code, code);
	findings_free(&f);
}

#endif

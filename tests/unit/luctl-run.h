/* SPDX-License-Identifier: GPL-2.0-or-later */
/* luctl-run - luctl run against a played luod, for tests: what it came to, and its JSON. */
#ifndef TESTS_LUCTL_RUN_H
#define TESTS_LUCTL_RUN_H

#include <jansson.h>

#include "assert-text.h"
#include "luctl-fake.h"

/* What a run of luctl came to. */
struct outcome {
	int code;
	char *out, *err;
};

static void outcome_clear(struct outcome *o)
{
	free(o->out);
	free(o->err);
	*o = (struct outcome){};
}

/* Runs luctl with @arguments (NULL-terminated, without its own name), which it may permute. */
static void run_luctl(struct outcome *o, const char *const arguments[])
{
	char *argv[16] = { strdup("luctl") }, *free_me[16];
	size_t out_size, err_size;
	int argc = 1;
	FILE *out, *err;

	outcome_clear(o);
	for (size_t i = 0; arguments[i]; i++)
		argv[argc++] = strdup(arguments[i]);
	memcpy(free_me, argv, sizeof(argv));
	out = open_memstream(&o->out, &out_size);
	err = open_memstream(&o->err, &err_size);
	o->code = luctl_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	for (int i = 0; i < argc; i++)
		free(free_me[i]);
}

#define RUN(outcome, ...) run_luctl(outcome, (const char *const[]){ __VA_ARGS__, NULL })

static struct fake fake;
static struct outcome o;

static int teardown(void **state)
{
	fake_stop(&fake);
	outcome_clear(&o);
	return 0;
}

/* Starts a luod by @script and runs luctl against it. */
#define PLAY(script, ...)                           \
	do {                                        \
		fake_stop(&fake);                   \
		fake_start(&fake, script, NULL);    \
		RUN(&o, fake.address, __VA_ARGS__); \
	} while (0)

static const struct fake_script nothing_special;

/* The output as a JSON document with all of the @keys. The caller releases it. */
static json_t *document(const char *const keys[])
{
	json_error_t error;
	json_t *json = json_loads(o.out, 0, &error);

	if (!json)
		fail_msg("%s in:\n%s", error.text, o.out);
	for (size_t i = 0; keys[i]; i++)
		if (!json_object_get(json, keys[i]))
			fail_msg("no key %s in:\n%s", keys[i], o.out);
	return json;
}

#define DOCUMENT(...) document((const char *const[]){ __VA_ARGS__, NULL })

#endif

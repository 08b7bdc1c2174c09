/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * other-record - preloaded into luod, it has luod leave another handover record than its own. The
 * rest of the update is luod's. OTHER_RECORD says which:
 *
 *	missing      none
 *	truncated    the first half
 *	a path       the same in the version of the record that is there: members that this one
 *	             lacks are left out, those that it alone has are put in
 */
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <linux/liveupdate.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define RECORD_TOKEN 0

static bool asked_for(const char *what)
{
	const char *record = getenv("OTHER_RECORD");

	return record && strcmp(record, what) == 0;
}

/* state.json is like the record, and has a phase. */
static bool is_record(const json_t *root)
{
	const char *format = json_string_value(json_object_get(root, "format"));

	return format && strcmp(format, "luod-handover") == 0 && !json_object_get(root, "phase");
}

static void reshape(json_t *value, json_t *example)
{
	const char *key;
	json_t *member;
	void *next;
	size_t i;

	json_array_foreach(value, i, member)
		reshape(member, json_array_get(example, 0));
	if (!json_is_object(value) || !json_is_object(example))
		return;
	json_object_foreach_safe(value, next, key, member) {
		if (json_object_get(example, key))
			reshape(member, json_object_get(example, key));
		else
			json_object_del(value, key);
	}
	json_object_update_missing(value, example);
}

static json_t *in_version_of(const json_t *record, const char *path)
{
	json_t *example = json_load_file(path, 0, NULL), *other = json_deep_copy(record);

	if (!example)
		abort();
	reshape(other, example);
	json_object_set(other, "major", json_object_get(example, "major"));
	json_object_set(other, "minor", json_object_get(example, "minor"));
	json_decref(example);
	return other;
}

char *json_dumps(const json_t *root, size_t flags)
{
	char *(*real)(const json_t *, size_t) = dlsym(RTLD_NEXT, "json_dumps");
	const char *record = getenv("OTHER_RECORD");
	json_t *other;
	char *text;

	if (!record || !is_record(root))
		return real(root, flags);
	if (*record == '/') {
		other = in_version_of(root, record);
		text = real(other, flags);
		json_decref(other);
		return text;
	}
	text = real(root, flags);
	if (text && asked_for("truncated"))
		text[strlen(text) / 2] = '\0';
	return text;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
	struct liveupdate_session_preserve_fd *preserve;
	void *argument;
	va_list ap;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	preserve = argument;
	/* Of luod's own session: the tokens of the guests' files begin with 1. */
	if (request == LIVEUPDATE_SESSION_PRESERVE_FD && preserve->token == RECORD_TOKEN &&
	    asked_for("missing"))
		return 0;
	return real(fd, request, argument);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json - see json.h for the rules that all documents follow. */
#include "luctl/json.h"

#include <stdarg.h>

json_t *luctl_json_u64(uint64_t value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

json_t *luctl_json_text(const char *text)
{
	return json_string(strempty(text));
}

json_t *luctl_json_object(const char *key, ...)
{
	json_t *object = json_object();
	va_list ap;

	va_start(ap, key);
	for (; key; key = va_arg(ap, const char *)) {
		json_t *value = va_arg(ap, json_t *);

		/* Goes on after a failure: all values must be taken. */
		if (!object || json_object_set_new(object, key, value) < 0) {
			if (!object)
				json_decref(value);
			json_decref(object);
			object = NULL;
		}
	}
	va_end(ap);
	return object;
}

void luctl_json_append(json_t **array, json_t *value)
{
	if (*array && json_array_append_new(*array, value) == 0)
		return;
	if (!*array)
		json_decref(value);
	json_decref(*array);
	*array = NULL;
}

json_t *luctl_json_strv(char **strv)
{
	json_t *array = json_array();

	for (size_t i = 0; strv && strv[i]; i++)
		luctl_json_append(&array, json_string(strv[i]));
	return array;
}

json_t *luctl_json_findings(const struct luctl_findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct luctl_finding *f = &findings->items[i];

		luctl_json_append(&array, luctl_json_object(
			"severity", luctl_json_text(f->severity),
			"code", luctl_json_text(f->code),
			"object", luctl_json_text(f->object),
			"message", luctl_json_text(f->message), NULL));
	}
	return array;
}

json_t *luctl_json_target(const struct luctl_target *target)
{
	if (!target->loaded)
		return json_null();
	return luctl_json_object(
		"release", luctl_json_text(target->release),
		"command-line", luctl_json_text(target->command_line),
		"kernel", luctl_json_text(target->kernel),
		"initrd", luctl_json_text(target->initrd),
		"bytes", luctl_json_u64(target->size),
		"liveupdate", json_boolean(target->liveupdate), NULL);
}

static json_t *json_features(const struct luctl_features *features)
{
	json_t *object = json_object();

	for (size_t i = 0; i < features->count; i++)
		if (json_object_set_new(object, strempty(features->items[i].name),
					json_boolean(features->items[i].present)) < 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

json_t *luctl_json_manager(const struct luctl_manager *manager)
{
	return luctl_json_object(
		"version", luctl_json_text(manager->version),
		"state", luctl_json_text(manager->state),
		"update-id", luctl_json_text(manager->update_id),
		"kernel-release", luctl_json_text(manager->kernel_release),
		"jump", luctl_json_text(manager->jump),
		"target", luctl_json_target(&manager->target),
		"features", json_features(&manager->features),
		"findings", luctl_json_findings(&manager->findings),
		"session-count", json_integer(manager->sessions), NULL);
}

static json_t *json_resources(const struct luctl_resources *resources)
{
	json_t *array = json_array();

	for (size_t i = 0; i < resources->count; i++) {
		const struct luctl_resource *r = &resources->items[i];

		luctl_json_append(&array, luctl_json_object(
			"label", luctl_json_text(r->label),
			"kind", luctl_json_text(r->kind),
			"token", luctl_json_u64(r->token),
			"bytes", luctl_json_u64(r->bytes), NULL));
	}
	return array;
}

static json_t *json_session(const struct luctl_session *s)
{
	return luctl_json_object(
		"name", luctl_json_text(s->name),
		"uid", json_integer(s->uid),
		"unit", luctl_json_text(s->unit),
		"kernel-name", luctl_json_text(s->kernel_name),
		"mode", luctl_json_text(s->mode),
		"policy", luctl_json_text(s->policy),
		"claim-policy", luctl_json_text(s->claim_policy),
		"unclaimed-policy", luctl_json_text(s->unclaimed_policy),
		"claim-timeout-usec", luctl_json_u64(s->claim_timeout),
		"state", luctl_json_text(s->state),
		"reason", luctl_json_text(s->reason),
		"delivered-by", luctl_json_text(s->delivered_by),
		"update-id", luctl_json_text(s->update_id),
		"preserved-bytes", luctl_json_u64(s->preserved_bytes),
		"resources", json_resources(&s->resources),
		"path", luctl_json_text(s->path), NULL);
}

json_t *luctl_json_sessions(const struct luctl_sessions *sessions)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sessions->count; i++)
		luctl_json_append(&array, json_session(&sessions->items[i]));
	return array;
}

json_t *luctl_json_update(const struct luctl_timeline *timeline)
{
	if (!timeline)
		return json_null();
	return luctl_json_object(
		"update-id", luctl_json_text(timeline->update_id),
		"from", luctl_json_text(timeline->from),
		"to", luctl_json_text(timeline->to),
		"jump", luctl_json_text(timeline->jump),
		"result", luctl_json_text(timeline->result),
		"reason", luctl_json_text(timeline->reason),
		"delivered", luctl_json_text(timeline->delivered),
		"blackout-usec", luctl_json_u64(timeline->blackout), NULL);
}

json_t *luctl_json_marks(const struct luctl_marks *marks)
{
	json_t *array = json_array();

	for (size_t i = 0; i < marks->count; i++)
		luctl_json_append(&array, luctl_json_object(
			"name", luctl_json_text(marks->items[i].name),
			"usec", luctl_json_u64(marks->items[i].usec),
			"realtime-usec", luctl_json_u64(marks->items[i].realtime), NULL));
	return array;
}

json_t *luctl_json_job(const struct luctl_job *job)
{
	return luctl_json_object(
		"job", json_integer(job->id),
		"update-id", luctl_json_text(job->update_id),
		"state", luctl_json_text(job->state),
		"step", luctl_json_text(job->step),
		"step-number", json_integer(job->step_number),
		"step-count", json_integer(job->step_count),
		"error", luctl_json_text(job->error),
		"waiting", luctl_json_strv(job->waiting),
		"findings", luctl_json_findings(&job->findings), NULL);
}

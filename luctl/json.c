/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json - see json.h for the rules that all documents follow. */
#include "luctl/json.h"

json_t *luctl_json_u64(uint64_t value)
{
	return value > INT64_MAX ? json_null() : json_integer((json_int_t)value);
}

json_t *luctl_json_text(const char *text)
{
	return json_string(strempty(text));
}

/* jansson releases the value also when it cannot put it anywhere. */
void luctl_json_set(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
}

void luctl_json_append(json_t **array, json_t *value)
{
	if (json_array_append_new(*array, value) == 0)
		return;
	json_decref(*array);
	*array = NULL;
}

json_t *luctl_json_single(const char *key, json_t *value)
{
	json_t *object = json_object();

	luctl_json_set(&object, key, value);
	return object;
}

json_t *luctl_json_strv(char **strv)
{
	json_t *array = json_array();

	for (size_t i = 0; strv && strv[i]; i++)
		luctl_json_append(&array, json_string(strv[i]));
	return array;
}

static json_t *json_finding(const struct luctl_finding *f)
{
	json_t *object = json_object();

	luctl_json_set(&object, "severity", luctl_json_text(f->severity));
	luctl_json_set(&object, "code", luctl_json_text(f->code));
	luctl_json_set(&object, "object", luctl_json_text(f->object));
	luctl_json_set(&object, "message", luctl_json_text(f->message));
	return object;
}

json_t *luctl_json_findings(const struct luctl_findings *findings)
{
	json_t *array = json_array();

	for (size_t i = 0; i < findings->count; i++)
		luctl_json_append(&array, json_finding(&findings->items[i]));
	return array;
}

json_t *luctl_json_target(const struct luctl_target *target)
{
	json_t *object;

	if (!target->loaded)
		return json_null();
	object = json_object();
	luctl_json_set(&object, "release", luctl_json_text(target->release));
	luctl_json_set(&object, "command-line", luctl_json_text(target->command_line));
	luctl_json_set(&object, "kernel", luctl_json_text(target->kernel));
	luctl_json_set(&object, "initrd", luctl_json_text(target->initrd));
	luctl_json_set(&object, "bytes", luctl_json_u64(target->size));
	luctl_json_set(&object, "liveupdate", json_boolean(target->liveupdate));
	return object;
}

static json_t *json_features(const struct luctl_features *features)
{
	json_t *object = json_object();

	for (size_t i = 0; i < features->count; i++)
		luctl_json_set(&object, strempty(features->items[i].name),
			       json_boolean(features->items[i].present));
	return object;
}

json_t *luctl_json_manager(const struct luctl_manager *manager)
{
	json_t *object = json_object();

	luctl_json_set(&object, "version", luctl_json_text(manager->version));
	luctl_json_set(&object, "state", luctl_json_text(manager->state));
	luctl_json_set(&object, "update-id", luctl_json_text(manager->update_id));
	luctl_json_set(&object, "kernel-release", luctl_json_text(manager->kernel_release));
	luctl_json_set(&object, "jump", luctl_json_text(manager->jump));
	luctl_json_set(&object, "target", luctl_json_target(&manager->target));
	luctl_json_set(&object, "features", json_features(&manager->features));
	luctl_json_set(&object, "findings", luctl_json_findings(&manager->findings));
	luctl_json_set(&object, "session-count", json_integer(manager->sessions));
	return object;
}

static json_t *json_resource(const struct luctl_session *s, const struct luctl_resource *r)
{
	json_t *object = json_object();

	luctl_json_set(&object, "label", luctl_json_text(r->label));
	luctl_json_set(&object, "kind", luctl_json_text(r->kind));
	luctl_json_set(&object, "token", luctl_json_u64(r->token));
	luctl_json_set(&object, "bytes", luctl_json_u64(r->bytes));
	luctl_json_set(&object, "device", luctl_json_text(luctl_session_device(s, r->label)));
	luctl_json_set(&object, "link", luctl_json_text(luctl_session_link(s, r->label)));
	return object;
}

static json_t *json_resources(const struct luctl_session *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->resources.count; i++)
		luctl_json_append(&array, json_resource(s, &s->resources.items[i]));
	return array;
}

static json_t *json_session(const struct luctl_session *s)
{
	json_t *object = json_object();

	luctl_json_set(&object, "name", luctl_json_text(s->name));
	luctl_json_set(&object, "uid", json_integer(s->uid));
	luctl_json_set(&object, "unit", luctl_json_text(s->unit));
	luctl_json_set(&object, "kernel-name", luctl_json_text(s->kernel_name));
	luctl_json_set(&object, "mode", luctl_json_text(s->mode));
	luctl_json_set(&object, "policy", luctl_json_text(s->policy));
	luctl_json_set(&object, "claim-policy", luctl_json_text(s->claim_policy));
	luctl_json_set(&object, "unclaimed-policy", luctl_json_text(s->unclaimed_policy));
	luctl_json_set(&object, "claim-timeout-usec", luctl_json_u64(s->claim_timeout));
	luctl_json_set(&object, "ready-timeout-usec", luctl_json_u64(s->ready_timeout));
	luctl_json_set(&object, "owner-connected", json_boolean(s->owner_connected));
	luctl_json_set(&object, "state", luctl_json_text(s->state));
	luctl_json_set(&object, "reason", luctl_json_text(s->reason));
	luctl_json_set(&object, "delivered-by", luctl_json_text(s->delivered_by));
	luctl_json_set(&object, "update-id", luctl_json_text(s->update_id));
	luctl_json_set(&object, "preserved-bytes", luctl_json_u64(s->preserved_bytes));
	luctl_json_set(&object, "resources", json_resources(s));
	luctl_json_set(&object, "links", luctl_json_strv(s->links));
	luctl_json_set(&object, "path", luctl_json_text(s->path));
	return object;
}

json_t *luctl_json_sessions(const struct luctl_sessions *sessions)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sessions->count; i++)
		luctl_json_append(&array, json_session(&sessions->items[i]));
	return array;
}

static json_t *json_left_behind(const struct luctl_left_behinds *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->count; i++) {
		json_t *object = json_object();

		luctl_json_set(&object, "name", luctl_json_text(l->items[i].name));
		luctl_json_set(&object, "uid", json_integer(l->items[i].uid));
		luctl_json_set(&object, "unit", luctl_json_text(l->items[i].unit));
		luctl_json_set(&object, "why", luctl_json_text(l->items[i].why));
		luctl_json_append(&array, object);
	}
	return array;
}

static json_t *json_reasons(const struct luctl_reasons *reasons)
{
	json_t *array = json_array();

	for (size_t i = 0; i < reasons->count; i++) {
		json_t *object = json_object();

		luctl_json_set(&object, "code", luctl_json_text(reasons->items[i].code));
		luctl_json_set(&object, "message", luctl_json_text(reasons->items[i].message));
		luctl_json_append(&array, object);
	}
	return array;
}

static json_t *json_device(const struct luctl_device *d)
{
	json_t *object = json_object();

	luctl_json_set(&object, "address", luctl_json_text(d->address));
	luctl_json_set(&object, "driver", luctl_json_text(d->driver));
	luctl_json_set(&object, "node", luctl_json_text(d->node));
	luctl_json_set(&object, "vendor", luctl_json_text(d->vendor));
	luctl_json_set(&object, "product", luctl_json_text(d->product));
	luctl_json_set(&object, "class", luctl_json_text(d->class));
	luctl_json_set(&object, "group", luctl_json_text(d->group));
	luctl_json_set(&object, "group-size", json_integer(d->group_size));
	luctl_json_set(&object, "iommu", luctl_json_text(d->iommu));
	luctl_json_set(&object, "numa-node",
		       d->numa_node < 0 ? json_null() : json_integer(d->numa_node));
	luctl_json_set(&object, "physical-function", luctl_json_text(d->physical_function));
	luctl_json_set(&object, "virtual-functions", json_integer(d->virtual_functions));
	luctl_json_set(&object, "power-state", luctl_json_text(d->power_state));
	luctl_json_set(&object, "interrupts", luctl_json_text(d->interrupts));
	luctl_json_set(&object, "users", luctl_json_strv(d->users));
	luctl_json_set(&object, "session", luctl_json_text(d->session));
	luctl_json_set(&object, "label", luctl_json_text(d->label));
	luctl_json_set(&object, "preservable", json_boolean(d->preservable));
	luctl_json_set(&object, "reasons", json_reasons(&d->reasons));
	luctl_json_set(&object, "path", luctl_json_text(d->path));
	return object;
}

json_t *luctl_json_devices(const struct luctl_devices *devices)
{
	json_t *array = json_array();

	for (size_t i = 0; i < devices->count; i++)
		luctl_json_append(&array, json_device(&devices->items[i]));
	return array;
}

json_t *luctl_json_update(const struct luctl_timeline *timeline)
{
	json_t *object;

	if (!timeline)
		return json_null();
	object = json_object();
	luctl_json_set(&object, "update-id", luctl_json_text(timeline->update_id));
	luctl_json_set(&object, "from", luctl_json_text(timeline->from));
	luctl_json_set(&object, "to", luctl_json_text(timeline->to));
	luctl_json_set(&object, "jump", luctl_json_text(timeline->jump));
	luctl_json_set(&object, "result", luctl_json_text(timeline->result));
	luctl_json_set(&object, "error", luctl_json_text(timeline->error));
	luctl_json_set(&object, "reason", luctl_json_text(timeline->reason));
	luctl_json_set(&object, "forced", luctl_json_text(timeline->forced));
	luctl_json_set(&object, "uid",
		       timeline->uid == UINT32_MAX ? json_null() : json_integer(timeline->uid));
	luctl_json_set(&object, "unit", luctl_json_text(timeline->unit));
	luctl_json_set(&object, "began-usec", luctl_json_u64(timeline->began));
	luctl_json_set(&object, "ended-usec", luctl_json_u64(timeline->ended));
	luctl_json_set(&object, "delivered", luctl_json_text(timeline->delivered));
	luctl_json_set(&object, "blackout-usec", luctl_json_u64(timeline->blackout));
	luctl_json_set(&object, "left-behind", json_left_behind(&timeline->left_behind));
	return object;
}

json_t *luctl_json_updates(const struct luctl_updates *updates)
{
	json_t *array = json_array();

	for (size_t i = 0; i < updates->count; i++)
		luctl_json_append(&array, luctl_json_update(&updates->items[i]));
	return array;
}

static json_t *json_mark(const struct luctl_mark *mark)
{
	json_t *object = json_object();

	luctl_json_set(&object, "name", luctl_json_text(mark->name));
	luctl_json_set(&object, "usec", luctl_json_u64(mark->usec));
	luctl_json_set(&object, "realtime-usec", luctl_json_u64(mark->realtime));
	return object;
}

json_t *luctl_json_marks(const struct luctl_marks *marks)
{
	json_t *array = json_array();

	for (size_t i = 0; i < marks->count; i++)
		luctl_json_append(&array, json_mark(&marks->items[i]));
	return array;
}

json_t *luctl_json_job(const struct luctl_job *job)
{
	json_t *object = json_object();

	luctl_json_set(&object, "job", json_integer(job->id));
	luctl_json_set(&object, "update-id", luctl_json_text(job->update_id));
	luctl_json_set(&object, "state", luctl_json_text(job->state));
	luctl_json_set(&object, "step", luctl_json_text(job->step));
	luctl_json_set(&object, "step-number", json_integer(job->step_number));
	luctl_json_set(&object, "step-count", json_integer(job->step_count));
	luctl_json_set(&object, "error", luctl_json_text(job->error));
	luctl_json_set(&object, "cause", luctl_json_text(job->cause));
	luctl_json_set(&object, "waiting", luctl_json_strv(job->waiting));
	luctl_json_set(&object, "findings", luctl_json_findings(&job->findings));
	return object;
}

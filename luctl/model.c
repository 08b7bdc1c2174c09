/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model - the destructors of model.h's structs and the few questions one may ask them. */
#include "luctl/model.h"

void luctl_strv_free(char **strv)
{
	if (!strv)
		return;
	for (char **s = strv; *s; s++)
		free(*s);
	free(strv);
}

size_t luctl_strv_length(char **strv)
{
	size_t n = 0;

	while (strv && strv[n])
		n++;
	return n;
}

char *luctl_strv_join(char **strv, const char *separator)
{
	_cleanup_free_ char *text = strdup("");

	for (size_t i = 0; text && strv && strv[i]; i++) {
		char *longer = strprintf("%s%s%s", text, i ? separator : "", strv[i]);

		free(text);
		text = longer;
	}
	return TAKE_PTR(text);
}

void luctl_findings_clear(struct luctl_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->items[i].severity);
		free(findings->items[i].code);
		free(findings->items[i].object);
		free(findings->items[i].message);
	}
	free(findings->items);
	*findings = (struct luctl_findings){};
}

void luctl_target_clear(struct luctl_target *target)
{
	free(target->release);
	free(target->command_line);
	free(target->kernel);
	free(target->initrd);
	*target = (struct luctl_target){};
}

void luctl_features_clear(struct luctl_features *features)
{
	for (size_t i = 0; i < features->count; i++)
		free(features->items[i].name);
	free(features->items);
	*features = (struct luctl_features){};
}

void luctl_manager_clear(struct luctl_manager *manager)
{
	free(manager->version);
	free(manager->state);
	free(manager->update_id);
	free(manager->kernel_release);
	free(manager->jump);
	luctl_target_clear(&manager->target);
	luctl_features_clear(&manager->features);
	luctl_findings_clear(&manager->findings);
	luctl_strv_free(manager->jobs);
	*manager = (struct luctl_manager){};
}

void luctl_resources_clear(struct luctl_resources *resources)
{
	for (size_t i = 0; i < resources->count; i++) {
		free(resources->items[i].label);
		free(resources->items[i].kind);
	}
	free(resources->items);
	*resources = (struct luctl_resources){};
}

void luctl_covers_clear(struct luctl_covers *covers)
{
	for (size_t i = 0; i < covers->count; i++) {
		free(covers->items[i].label);
		free(covers->items[i].address);
	}
	free(covers->items);
	*covers = (struct luctl_covers){};
}

void luctl_session_clear(struct luctl_session *session)
{
	free(session->path);
	free(session->name);
	free(session->unit);
	free(session->kernel_name);
	free(session->mode);
	free(session->policy);
	free(session->claim_policy);
	free(session->unclaimed_policy);
	free(session->state);
	free(session->reason);
	luctl_resources_clear(&session->resources);
	luctl_covers_clear(&session->covers);
	luctl_covers_clear(&session->taps);
	luctl_strv_free(session->links);
	free(session->delivered_by);
	free(session->update_id);
	*session = (struct luctl_session){};
}

void luctl_sessions_clear(struct luctl_sessions *sessions)
{
	for (size_t i = 0; i < sessions->count; i++)
		luctl_session_clear(&sessions->items[i]);
	free(sessions->items);
	*sessions = (struct luctl_sessions){};
}

void luctl_reasons_clear(struct luctl_reasons *reasons)
{
	for (size_t i = 0; i < reasons->count; i++) {
		free(reasons->items[i].code);
		free(reasons->items[i].message);
	}
	free(reasons->items);
	*reasons = (struct luctl_reasons){};
}

void luctl_device_clear(struct luctl_device *device)
{
	free(device->path);
	free(device->address);
	free(device->driver);
	free(device->node);
	free(device->vendor);
	free(device->product);
	free(device->class);
	free(device->group);
	free(device->iommu);
	free(device->physical_function);
	free(device->power_state);
	free(device->interrupts);
	luctl_strv_free(device->users);
	free(device->session);
	free(device->label);
	luctl_reasons_clear(&device->reasons);
	*device = (struct luctl_device){};
}

void luctl_devices_clear(struct luctl_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		luctl_device_clear(&devices->items[i]);
	free(devices->items);
	*devices = (struct luctl_devices){};
}

void luctl_job_clear(struct luctl_job *job)
{
	free(job->update_id);
	free(job->state);
	free(job->step);
	free(job->error);
	free(job->cause);
	luctl_findings_clear(&job->findings);
	luctl_strv_free(job->waiting);
	*job = (struct luctl_job){};
}

void luctl_marks_clear(struct luctl_marks *marks)
{
	for (size_t i = 0; i < marks->count; i++)
		free(marks->items[i].name);
	free(marks->items);
	*marks = (struct luctl_marks){};
}

void luctl_left_behinds_clear(struct luctl_left_behinds *left_behinds)
{
	for (size_t i = 0; i < left_behinds->count; i++) {
		free(left_behinds->items[i].name);
		free(left_behinds->items[i].unit);
		free(left_behinds->items[i].why);
	}
	free(left_behinds->items);
	*left_behinds = (struct luctl_left_behinds){};
}

void luctl_timeline_clear(struct luctl_timeline *timeline)
{
	free(timeline->update_id);
	free(timeline->from);
	free(timeline->to);
	free(timeline->jump);
	free(timeline->result);
	free(timeline->error);
	free(timeline->reason);
	free(timeline->forced);
	free(timeline->delivered);
	free(timeline->unit);
	luctl_left_behinds_clear(&timeline->left_behind);
	luctl_marks_clear(&timeline->marks);
	*timeline = (struct luctl_timeline){};
}

void luctl_updates_clear(struct luctl_updates *updates)
{
	for (size_t i = 0; i < updates->count; i++)
		luctl_timeline_clear(&updates->items[i]);
	free(updates->items);
	*updates = (struct luctl_updates){};
}

size_t luctl_findings_count(const struct luctl_findings *findings, const char *severity)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->count; i++)
		n += streq(strempty(findings->items[i].severity), severity);
	return n;
}

size_t luctl_sessions_count(const struct luctl_sessions *sessions, const char *state)
{
	size_t n = 0;

	for (size_t i = 0; i < sessions->count; i++)
		n += streq(strempty(sessions->items[i].state), state);
	return n;
}

static const char *find_label(const struct luctl_covers *covers, const char *label)
{
	for (size_t i = 0; i < covers->count; i++)
		if (streq(strempty(covers->items[i].label), strempty(label)))
			return covers->items[i].address;
	return NULL;
}

const char *luctl_session_device(const struct luctl_session *session, const char *label)
{
	return find_label(&session->covers, label);
}

const char *luctl_session_link(const struct luctl_session *session, const char *label)
{
	return find_label(&session->taps, label);
}

static const char *label_of(const struct luctl_sessions *sessions, const char *address)
{
	for (size_t i = 0; i < sessions->count; i++) {
		const struct luctl_covers *covers = &sessions->items[i].covers;

		for (size_t j = 0; j < covers->count; j++)
			if (streq(strempty(covers->items[j].address), address))
				return covers->items[j].label;
	}
	return NULL;
}

/* A device is in one session at most. */
int luctl_devices_label(struct luctl_devices *devices, const struct luctl_sessions *sessions)
{
	for (size_t i = 0; i < devices->count; i++) {
		struct luctl_device *d = &devices->items[i];
		int r;

		if (isempty(d->session))
			continue;
		r = free_and_strdup(&d->label, label_of(sessions, strempty(d->address)));
		if (r < 0)
			return r;
	}
	return 0;
}

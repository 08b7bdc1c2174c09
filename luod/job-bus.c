/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job-bus - org.luod1.Job. */
#include "barrier.h"
#include "manager.h"
#include "manager-bus.h"

static bool running(const struct job *job)
{
	return job->manager->job == job;
}

PROPERTY_GETTER(get_state)
{
	const struct job *job = userdata;

	return sd_bus_message_append(reply, "s", job_state_to_string(job->state));
}

PROPERTY_GETTER(get_step)
{
	const struct job *job = userdata;

	return sd_bus_message_append(reply, "s", update_steps[job->step].name);
}

PROPERTY_GETTER(get_step_number)
{
	const struct job *job = userdata;

	return sd_bus_message_append(reply, "u", (uint32_t)job->step + 1);
}

PROPERTY_GETTER(get_step_count)
{
	return sd_bus_message_append(reply, "u", (uint32_t)update_n_steps);
}

PROPERTY_GETTER(get_findings)
{
	const struct job *job = userdata;

	return append_findings(reply, &job->manager->findings);
}

PROPERTY_GETTER(get_waiting)
{
	struct job *job = userdata;
	_cleanup_(strv_freep) char **names = NULL;
	int r;

	if (running(job)) {
		r = barrier_waiting(job->manager, &names);
		if (r < 0)
			return r;
	}
	return sd_bus_message_append_strv(reply, names);
}

static const sd_bus_vtable job_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Id", "u", NULL, offsetof(struct job, id), SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("UpdateId", "s", NULL, offsetof(struct job, update_id),
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Step", "s", get_step, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StepNumber", "u", get_step_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("StepCount", "u", get_step_count, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Error", "s", NULL, offsetof(struct job, error),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Cause", "s", NULL, offsetof(struct job, cause),
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("Findings", "a(ssss)", get_findings, 0, 0),
	SD_BUS_PROPERTY("Waiting", "as", get_waiting, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END,
};

static int find(sd_bus *bus _unused_, const char *path, const char *interface _unused_,
		void *userdata, void **ret, sd_bus_error *error _unused_)
{
	*ret = job_find(userdata, path);
	return *ret != NULL;
}

static int enumerate(sd_bus *bus _unused_, const char *prefix _unused_, void *userdata, char ***ret,
		     sd_bus_error *error _unused_)
{
	return job_paths(userdata, ret);
}

int job_paths(struct manager *m, char ***ret)
{
	_cleanup_(strv_freep) char **paths = NULL;
	struct job *job;
	size_t n = 0;

	TAILQ_FOREACH(job, &m->jobs, entry)
		n++;
	paths = calloc(n + 1, sizeof(char *));
	if (!paths)
		return -ENOMEM;
	n = 0;
	TAILQ_FOREACH(job, &m->jobs, entry) {
		paths[n] = strdup(job->path);
		if (!paths[n++])
			return -ENOMEM;
	}
	*ret = TAKE_PTR(paths);
	return 1;
}

int job_attach(sd_bus *bus, struct manager *m)
{
	int r = sd_bus_add_fallback_vtable(bus, NULL, LUOD_ROOT "/job", LUOD_JOB_INTERFACE,
					   job_vtable, find, m);

	return r < 0 ? r : sd_bus_add_node_enumerator(bus, NULL, LUOD_ROOT "/job", enumerate, m);
}

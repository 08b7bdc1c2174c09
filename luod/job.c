/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job - see job.h. Its face on the bus is job-bus.c. */
#include "job.h"

#include "manager.h"

#define JOB_KEPT_USEC (60 * USEC_PER_SEC)

static const char *const job_state_table[] = {
	[JOB_RUNNING] = "running",
	[JOB_DONE] = "done",
	[JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
};

const char *job_state_to_string(enum job_state state)
{
	return job_state_table[state];
}

int job_new(struct manager *m, const char *update_id, struct job **ret)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->manager = m;
	job->id = ++m->next_job;
	job->path = strprintf(LUOD_ROOT "/job/%u", job->id);
	job->update_id = strdup(update_id);
	job->cause = "";
	TAILQ_INSERT_TAIL(&m->jobs, job, entry);
	if (!job->path || !job->update_id) {
		job_free(job);
		return -ENOMEM;
	}
	bus_set_emit_added(&m->buses, job->path);
	manager_emit(m, "Jobs");
	*ret = job;
	return 0;
}

struct job *job_free(struct job *job)
{
	if (!job)
		return NULL;
	TAILQ_REMOVE(&job->manager->jobs, job, entry);
	sd_event_source_disable_unref(job->expiry);
	free(job->path);
	free(job->update_id);
	free(job->error);
	free(job);
	return NULL;
}

static int on_expiry(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata)
{
	struct job *job = userdata;
	struct manager *m = job->manager;

	bus_set_emit_removed(&m->buses, job->path);
	job_free(job);
	manager_emit(m, "Jobs");
	return 0;
}

void job_changed(struct job *job)
{
	if (job->state == JOB_RUNNING)
		job->step = job->manager->update.step;
	bus_set_emit_changed_list(&job->manager->buses, job->path, LUOD_JOB_INTERFACE, "State",
				  "Step", "StepNumber", "Error", "Cause", "Waiting");
}

void job_end(struct job *job, enum job_state state, const char *error)
{
	job->step = job->manager->update.step;
	job->state = state;
	job->cause = state == JOB_DONE ? "" : update_cause_to_string(job->manager->update.cause);
	free_and_strdup(&job->error, error);
	job_changed(job);
	sd_event_add_time_relative(job->manager->event, &job->expiry, CLOCK_MONOTONIC,
				   JOB_KEPT_USEC, 0, on_expiry, job);
}

struct job *job_find(struct manager *m, const char *path)
{
	struct job *job;

	TAILQ_FOREACH(job, &m->jobs, entry)
		if (streq(job->path, path))
			return job;
	return NULL;
}

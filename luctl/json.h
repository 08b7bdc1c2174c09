/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json - the structs of model.h as JSON; luctl(1) documents the documents they make up.
 *
 * Rules that hold everywhere: a document is one object; keys are lower case with dashes; times are
 * integers in microseconds and sizes in bytes, and say so (…-usec, …bytes); text that is not there
 * is "", a number that is not there is null; keys are added over time, never renamed or removed.
 *
 * jansson builds them and not libsmartcols, whose JSON is flat and takes its keys from the
 * headings that people read. Every function returns a new reference, or NULL when out of memory;
 * luctl_print_json() reports that for all.
 */
#ifndef LUCTL_JSON_H
#define LUCTL_JSON_H

#include <jansson.h>

#include "luctl/model.h"

/* null for what does not fit, USEC_INFINITY among it. */
json_t *luctl_json_u64(uint64_t value);
json_t *luctl_json_text(const char *text);
json_t *luctl_json_strv(char **strv);

json_t *luctl_json_findings(const struct luctl_findings *findings);

/* null when nothing is loaded. */
json_t *luctl_json_target(const struct luctl_target *target);
json_t *luctl_json_manager(const struct luctl_manager *manager);
json_t *luctl_json_devices(const struct luctl_devices *devices);
json_t *luctl_json_sessions(const struct luctl_sessions *sessions);

/* What is known of an update as a whole; null when @timeline is NULL. */
json_t *luctl_json_update(const struct luctl_timeline *timeline);
json_t *luctl_json_updates(const struct luctl_updates *updates);
json_t *luctl_json_marks(const struct luctl_marks *marks);

/* The members of a job, without its steps. */
json_t *luctl_json_job(const struct luctl_job *job);

/*
 * Adds @value, which they take, to *@object or *@array. The first failure, a NULL among the values
 * included, makes the whole NULL for good: a chain of calls needs no checks.
 */
void luctl_json_set(json_t **object, const char *key, json_t *value);
void luctl_json_append(json_t **array, json_t *value);

/* { @key: @value }, which it takes. */
json_t *luctl_json_single(const char *key, json_t *value);

#endif

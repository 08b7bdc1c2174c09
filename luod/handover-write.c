/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handover-write - the record and state.json as text; see handover.h. */
#include "handover.h"

#include <jansson.h>
#include <stdarg.h>

#include "net-json.h"
#include "tap.h"

struct writer {
	int error;
	char *text; /* the first thing that cannot be written, in words */
};

static void _printf_(3, 4) refuse(struct writer *w, int error, const char *format, ...)
{
	va_list ap;

	if (w->error)
		return;
	w->error = error;
	va_start(ap, format);
	if (vasprintf(&w->text, format, ap) < 0)
		w->text = NULL;
	va_end(ap);
}

int handover_check_text(const char *text, size_t max)
{
	json_t *string;

	if (strlen(text) > max)
		return -E2BIG;
	string = json_string(text);
	json_decref(string);
	return string ? 0 : -EILSEQ;
}

/* @whose: whose text it is, for the error. NULL stands for "". */
static void put_text(struct writer *w, json_t *o, const char *whose, const char *key,
		     const char *text, size_t max)
{
	int r = handover_check_text(strempty(text), max);

	if (r == -E2BIG)
		refuse(w, r, "\"%s\" of %s is longer than %zu bytes", key, whose, max);
	else if (r < 0 || json_object_set_new(o, key, json_string(strempty(text))) < 0)
		refuse(w, r < 0 ? r : -ENOMEM, "\"%s\" of %s is no UTF-8", key, whose);
}

/* A list is whole, or the record is not written. */
static void append(struct writer *w, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		refuse(w, -ENOMEM, "out of memory, or a text in a list is no UTF-8");
}

/* What of it was named, by the ids of this kernel. */
static void write_dma(struct writer *w, json_t *o, const struct dma *dma)
{
	json_t *hwpts = json_array(), *buffers = json_array();

	for (unsigned int i = 0; i < dma->n_hwpts; i++) {
		const struct hwpt *h = &dma->hwpts[i];

		append(w, hwpts,
		       json_pack("[I,I,I]", (json_int_t)h->id, (json_int_t)h->ioas_id,
				 (json_int_t)h->token));
	}
	for (unsigned int i = 0; i < dma->n_buffers; i++) {
		const struct dma_buffer *b = &dma->buffers[i];

		append(w, buffers,
		       json_pack("[I,I,I,I]", (json_int_t)b->ioas_id, (json_int_t)b->iova,
				 (json_int_t)b->length, (json_int_t)b->token));
	}
	json_object_set_new(o, "hwpts", hwpts);
	json_object_set_new(o, "buffers", buffers);
	json_object_set_new(o, "marked", json_boolean(dma->marked));
}

/* What a resource has in state.json only. */
static void write_resource_state(struct writer *w, json_t *o, const struct resource *resource)
{
	json_object_set_new(o, "preserved", json_boolean(resource->preserved));
	if (resource->store)
		json_object_set_new(o, "store", json_integer(resource->store));
	if (resource->lost)
		json_object_set_new(o, "lost", json_true());
	if (resource->device_id)
		json_object_set_new(o, "device-id", json_integer(resource->device_id));
	if (resource->kind == RESOURCE_IOMMUFD)
		write_dma(w, o, &resource->dma);
}

static json_t *write_resource(struct writer *w, const struct resource *resource, bool state)
{
	json_t *o = json_pack("{s:s, s:s, s:I, s:I}", "label", resource->label, "kind",
			      resource_kind_to_string(resource->kind), "token",
			      (json_int_t)resource->token, "bytes", (json_int_t)resource->bytes);

	if (o && resource->device)
		json_object_set_new(o, "device", json_string(resource->device));
	if (o && resource->iommufd)
		json_object_set_new(o, "iommufd", json_string(resource->iommufd));
	if (o && resource->tap)
		json_object_set_new(o, "tap", tap_to_json(resource->tap));
	if (o && state)
		write_resource_state(w, o, resource);
	return o;
}

/*
 * Queues are a list of their own (@taps): a luod that does not know them passes over it, and knows
 * the session's memory all the same.
 */
static json_t *write_resources(struct writer *w, const struct session *s, bool state, bool taps)
{
	const struct resource *resource;
	json_t *array = json_array();

	if (s->n_resources > HANDOVER_RESOURCES_MAX)
		refuse(w, -E2BIG, "%s has %u resources, more than %d", s->kernel_name,
		       s->n_resources, HANDOVER_RESOURCES_MAX);
	TAILQ_FOREACH(resource, &s->resources, entry)
		if ((resource->tap != NULL) == taps)
			append(w, array, write_resource(w, resource, state));
	return array;
}

/* JSON integers are signed; "for ever" is written as null. */
static json_t *write_usec(uint64_t usec)
{
	return usec > INT64_MAX ? json_null() : json_integer((json_int_t)usec);
}

static json_t *write_links(struct writer *w, const struct session *s)
{
	json_t *array = json_array();

	for (size_t i = 0; s->links[i]; i++)
		if (json_array_append_new(array, json_string(s->links[i])) < 0)
			refuse(w, -EILSEQ, "a link of %s is no UTF-8", s->kernel_name);
	return array;
}

static json_t *write_session(struct writer *w, const struct session *s, bool state)
{
	json_t *o = s->unknown ? json_deep_copy(s->unknown) : json_object();
	json_t *known = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "name", s->name,
				  "uid", (json_int_t)s->uid, "kernel-name", s->kernel_name, "mode",
				  session_mode_to_string(s->mode), "policy",
				  session_policy_to_string(s->policy), "claim-policy",
				  claim_policy_to_string(s->claim_policy), "unclaimed-policy",
				  unclaimed_policy_to_string(s->unclaimed_policy),
				  "claim-timeout-usec", write_usec(s->claim_timeout_usec),
				  "resources", write_resources(w, s, state, false));

	if (json_object_update(o, known) < 0)
		refuse(w, -ENOMEM, "out of memory");
	json_decref(known);
	if (s->ready_timeout_usec)
		json_object_set_new(o, "ready-timeout-usec", write_usec(s->ready_timeout_usec));
	json_object_set_new(o, "taps", write_resources(w, s, state, true));
	if (s->links)
		json_object_set_new(o, "links", write_links(w, s));
	put_text(w, o, s->kernel_name, "unit", s->unit, LIMIT_UNIT);
	if (state) {
		json_object_set_new(o, "state", json_string(session_state_to_string(s->state)));
		json_object_set_new(o, "delivery", json_string(delivery_to_string(s->delivery)));
		put_text(w, o, s->kernel_name, "reason", s->reason, LIMIT_REASON);
		if (s->claim_deadline_usec)
			json_object_set_new(o, "claim-deadline-usec",
					    write_usec(s->claim_deadline_usec));
	}
	return o;
}

static json_t *write_sessions(struct writer *w, const struct session_list *sessions, bool state)
{
	json_t *array = json_array();
	const struct session *s;

	TAILQ_FOREACH(s, sessions, entry)
		if (state || session_in_update(s))
			append(w, array, write_session(w, s, state));
	if (json_array_size(array) > HANDOVER_SESSIONS_MAX)
		refuse(w, -E2BIG, "there are %zu sessions, more than %d", json_array_size(array),
		       HANDOVER_SESSIONS_MAX);
	return array;
}

static json_t *write_update(struct writer *w, const struct update_info *u)
{
	json_t *o = json_pack("{s:s, s:s}", "id", u->id, "jump", conf_jump_to_string(u->jump));

	put_text(w, o, "the update", "from", u->from, LIMIT_TEXT);
	put_text(w, o, "the update", "to", u->to, LIMIT_TEXT);
	put_text(w, o, "the update", "reason", u->reason, LIMIT_TEXT);
	put_text(w, o, "the update", "unit", u->unit, LIMIT_UNIT);
	put_text(w, o, "the update", "forced", u->forced, LIMIT_TEXT);
	if (u->has_uid)
		json_object_set_new(o, "uid", json_integer((json_int_t)u->uid));
	if (u->began_usec)
		json_object_set_new(o, "began-usec", json_integer((json_int_t)u->began_usec));
	if (u->left_behind.n &&
	    json_object_set_new(o, "left-behind", left_behinds_to_json(&u->left_behind)) < 0)
		refuse(w, -ENOMEM, "\"left-behind\" of the update is no UTF-8");
	return o;
}

static json_t *write_target(struct writer *w, const struct target *t)
{
	json_t *o = json_object();

	put_text(w, o, "the target", "command-line", t->command_line, LIMIT_TEXT);
	put_text(w, o, "the target", "kernel", t->kernel_path, LIMIT_TEXT);
	put_text(w, o, "the target", "initrd", t->initrd_path, LIMIT_TEXT);
	return o;
}

static void write_network(struct writer *w, json_t *root, const struct net_record *network)
{
	json_t *json = net_record_to_json(network);

	if (!json || json_dumpb(json, NULL, 0, JSON_COMPACT) > LIMIT_NET)
		refuse(w, json ? -E2BIG : -ENOMEM, "the network takes more than %u bytes",
		       LIMIT_NET);
	json_object_set_new(root, "network", json);
}

static char *dump(struct writer *w, json_t *root)
{
	char *text = root && !w->error ? json_dumps(root, JSON_COMPACT) : NULL;

	if (!text)
		refuse(w, -ENOMEM, "out of memory");
	else if (strlen(text) > HANDOVER_SIZE_MAX)
		refuse(w, -E2BIG, "it would be larger than %u bytes", HANDOVER_SIZE_MAX);
	return text;
}

int handover_write_or_say(const struct update_info *update, const struct session_list *sessions,
			  const struct net_record *network, const struct update *state,
			  const struct target *target, char **ret, char **ret_error)
{
	_cleanup_free_ char *text = NULL;
	struct writer w = {};
	json_t *root = json_pack("{s:s, s:i, s:i, s:o, s:o}", "format", HANDOVER_FORMAT, "major",
				 HANDOVER_MAJOR, "minor", HANDOVER_MINOR, "update",
				 write_update(&w, update), "sessions",
				 write_sessions(&w, sessions, state != NULL));

	if (root && state) {
		json_object_set_new(root, "phase", json_string(phase_to_string(state->phase)));
		json_object_set_new(root, "step", json_string(update_steps[state->step].name));
		if (state->record_lost)
			json_object_set_new(root, "record-lost", json_true());
		if (target->loaded)
			json_object_set_new(root, "target", write_target(&w, target));
	}
	if (root && network && network->n)
		write_network(&w, root, network);
	text = dump(&w, root);
	json_decref(root);
	if (w.error) {
		*ret_error = w.text;
		return w.error;
	}
	*ret = TAKE_PTR(text);
	return 0;
}

int handover_write(const struct update_info *update, const struct session_list *sessions,
		   const struct update *state, const struct target *target, char **ret)
{
	_cleanup_free_ char *error = NULL;

	return handover_write_or_say(update, sessions, NULL, state, target, ret, &error);
}

int handover_names(const struct session_list *sessions, char **ret, size_t *ret_size)
{
	const struct session *s;
	size_t n = 0;
	char *names;

	TAILQ_FOREACH(s, sessions, entry)
		n += session_jumps(s);
	names = calloc(n + 1, LIVEUPDATE_SESSION_NAME_LENGTH);
	if (!names)
		return -ENOMEM;
	n = 0;
	TAILQ_FOREACH(s, sessions, entry)
		if (session_jumps(s))
			memcpy(names + n++ * LIVEUPDATE_SESSION_NAME_LENGTH, s->kernel_name,
			       LIVEUPDATE_SESSION_NAME_LENGTH);
	*ret = names;
	*ret_size = n * LIVEUPDATE_SESSION_NAME_LENGTH;
	return 0;
}

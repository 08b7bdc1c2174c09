/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - see handover.h.
 *
 * Reading works as lu.conf does: what is known is taken out of the JSON object, what is left is
 * kept with the session and written again, so that an older luod in the middle of a chain of
 * updates does not lose what a newer one wrote.
 */
#include "handover.h"

#include <jansson.h>
#include <stdarg.h>

/* --- writing -------------------------------------------------------------------------------- */

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

static json_t *write_resources(struct writer *w, const struct session *s, bool state)
{
	const struct resource *resource;
	json_t *array = json_array();

	if (s->n_resources > HANDOVER_RESOURCES_MAX)
		refuse(w, -E2BIG, "%s has %u resources, more than %d", s->kernel_name,
		       s->n_resources, HANDOVER_RESOURCES_MAX);
	TAILQ_FOREACH(resource, &s->resources, entry) {
		json_t *o = json_pack("{s:s, s:s, s:I, s:I}", "label", resource->label, "kind",
				      resource_kind_to_string(resource->kind), "token",
				      (json_int_t)resource->token, "bytes",
				      (json_int_t)resource->bytes);

		if (o && state) {
			json_object_set_new(o, "preserved", json_boolean(resource->preserved));
			if (resource->store)
				json_object_set_new(o, "store", json_integer(resource->store));
		}
		if (json_array_append_new(array, o) < 0)
			refuse(w, -ENOMEM, "out of memory");
	}
	return array;
}

/* JSON integers are signed; "for ever" is written as null. */
static json_t *write_usec(uint64_t usec)
{
	return usec > INT64_MAX ? json_null() : json_integer((json_int_t)usec);
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
				  "resources", write_resources(w, s, state));

	if (json_object_update(o, known) < 0)
		refuse(w, -ENOMEM, "out of memory");
	json_decref(known);
	put_text(w, o, s->kernel_name, "unit", s->unit, LIMIT_UNIT);
	if (state) {
		json_object_set_new(o, "state", json_string(session_state_to_string(s->state)));
		json_object_set_new(o, "delivery", json_string(delivery_to_string(s->delivery)));
		put_text(w, o, s->kernel_name, "reason", s->reason, LIMIT_REASON);
	}
	return o;
}

static json_t *write_sessions(struct writer *w, const struct session_list *sessions, bool state)
{
	json_t *array = json_array();
	const struct session *s;

	TAILQ_FOREACH(s, sessions, entry)
		if (state || session_in_update(s))
			json_array_append_new(array, write_session(w, s, state));
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
			  const struct update *state, const struct target *target, char **ret,
			  char **ret_error)
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
		if (target->loaded)
			json_object_set_new(root, "target", write_target(&w, target));
	}
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

	return handover_write_or_say(update, sessions, state, target, ret, &error);
}

int handover_names(const struct session_list *sessions, char **ret, size_t *ret_size)
{
	const struct session *s;
	size_t n = 0;
	char *names;

	TAILQ_FOREACH(s, sessions, entry)
		n += session_in_update(s);
	names = calloc(n + 1, LIVEUPDATE_SESSION_NAME_LENGTH);
	if (!names)
		return -ENOMEM;
	n = 0;
	TAILQ_FOREACH(s, sessions, entry)
		if (session_in_update(s))
			memcpy(names + n++ * LIVEUPDATE_SESSION_NAME_LENGTH, s->kernel_name,
			       LIVEUPDATE_SESSION_NAME_LENGTH);
	*ret = names;
	*ret_size = n * LIVEUPDATE_SESSION_NAME_LENGTH;
	return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

struct reader {
	char **error; /* the first thing that is wrong, in words */
};

static int _printf_(3, 4) wrong(struct reader *r, int error, const char *format, ...)
{
	va_list ap;

	if (*r->error)
		return error;
	va_start(ap, format);
	if (vasprintf(r->error, format, ap) < 0)
		*r->error = NULL;
	va_end(ap);
	return error;
}

/* Takes the member out of the object; NULL when it is not there. The caller drops the reference. */
static json_t *take(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	json_incref(value);
	json_object_del(object, key);
	return value;
}

static int take_text(struct reader *r, json_t *object, const char *key, size_t max, char **ret)
{
	json_t *value = take(object, key);
	const char *s = json_string_value(value);
	int result = 0;

	if (!s)
		result = wrong(r, -EINVAL, "\"%s\" is missing or no string", key);
	else if (strlen(s) > max || strlen(s) != json_string_length(value))
		result = wrong(r, -EINVAL, "\"%s\" is too long or has a NUL in it", key);
	else
		result = free_and_strdup(ret, s);
	json_decref(value);
	return result;
}

static int take_string(struct reader *r, json_t *object, const char *key, char **ret)
{
	return take_text(r, object, key, HANDOVER_STRING_MAX, ret);
}

static int take_integer(struct reader *r, json_t *object, const char *key, uint64_t max,
			uint64_t *ret)
{
	json_t *value = take(object, key);
	json_int_t n = json_integer_value(value);
	bool good = json_is_integer(value) && n >= 0 && (uint64_t)n <= max;

	json_decref(value);
	if (!good)
		return wrong(r, -EINVAL, "\"%s\" is missing or out of range", key);
	*ret = (uint64_t)n;
	return 0;
}

/* A duration; null stands for one without end. */
static int take_usec(struct reader *r, json_t *object, const char *key, uint64_t *ret)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_null(value))
		return take_integer(r, object, key, INT64_MAX, ret);
	json_object_del(object, key);
	*ret = USEC_INFINITY;
	return 0;
}

static int take_word(struct reader *r, json_t *object, const char *key,
		     int (*from_string)(const char *), int *ret)
{
	_cleanup_free_ char *word = NULL;
	int value, result = take_string(r, object, key, &word);

	if (result < 0)
		return result;
	value = from_string(word);
	if (value < 0)
		return wrong(r, -EINVAL, "\"%s\" is '%.*s', which this luod does not know", key,
			     FIT(word, 40));
	*ret = value;
	return 0;
}

static int conf_jump_word(const char *word)
{
	enum conf_jump jump;
	int r = conf_jump_from_string(word, &jump);

	return r < 0 ? r : (int)jump;
}

/* state.json only; an older luod wrote none. */
static int take_store(struct reader *r, json_t *o, uint32_t *ret)
{
	uint64_t store = 0;
	int result = 0;

	if (json_object_get(o, "store"))
		result = take_integer(r, o, "store", RESOURCE_STORE_MAX, &store);
	if (result >= 0)
		*ret = (uint32_t)store;
	return result;
}

static int read_resource(struct reader *r, struct session *s, json_t *o, bool state)
{
	_cleanup_free_ char *label = NULL;
	struct resource *resource;
	uint64_t token, bytes;
	uint32_t store = 0;
	int kind, result;

	if (!json_is_object(o))
		return wrong(r, -EINVAL, "a resource of '%s' is no object", s->name);
	if ((result = take_string(r, o, "label", &label)) < 0 ||
	    (result = take_word(r, o, "kind", resource_kind_from_string, &kind)) < 0 ||
	    (result = take_integer(r, o, "token", INT64_MAX, &token)) < 0 ||
	    (result = take_integer(r, o, "bytes", INT64_MAX, &bytes)) < 0 ||
	    (state && (result = take_store(r, o, &store)) < 0))
		return result;
	if (!session_label_valid(label))
		return wrong(r, -EINVAL, "a label of '%s' is not valid", s->name);
	result = session_add_resource(s, label, (enum resource_kind)kind, token, bytes, -EBADF,
				      &resource);
	if (result < 0)
		return wrong(r, -EINVAL, "'%s' has label '%s' or its token twice", s->name, label);
	resource->store = store;
	resource->preserved = json_is_true(json_object_get(o, "preserved"));
	return 0;
}

static int read_resources(struct reader *r, struct session *s, json_t *object, bool state)
{
	json_t *array = take(object, "resources"), *o;
	int result = 0;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) > HANDOVER_RESOURCES_MAX)
		result = wrong(r, -EINVAL, "\"resources\" of '%s' is no list or too long", s->name);
	else
		json_array_foreach(array, i, o) {
			result = read_resource(r, s, o, state);
			if (result < 0)
				break;
		}
	json_decref(array);
	return result;
}

static int read_policies(struct reader *r, struct session *s, json_t *o)
{
	int mode, policy, claim, unclaimed, result;

	if ((result = take_word(r, o, "mode", session_mode_from_string, &mode)) < 0 ||
	    (result = take_word(r, o, "policy", session_policy_from_string, &policy)) < 0 ||
	    (result = take_word(r, o, "claim-policy", claim_policy_from_string, &claim)) < 0 ||
	    (result = take_word(r, o, "unclaimed-policy", unclaimed_policy_from_string,
				&unclaimed)) < 0 ||
	    (result = take_usec(r, o, "claim-timeout-usec", &s->claim_timeout_usec)) < 0)
		return result;
	s->mode = (enum session_mode)mode;
	s->policy = (enum session_policy)policy;
	s->claim_policy = (enum claim_policy)claim;
	s->unclaimed_policy = (enum unclaimed_policy)unclaimed;
	return 0;
}

/* state.json only. */
static int read_session_state(struct reader *r, struct session *s, json_t *o)
{
	int state, delivery, result;

	if ((result = take_word(r, o, "state", session_state_from_string, &state)) < 0 ||
	    (result = take_word(r, o, "delivery", delivery_from_string, &delivery)) < 0 ||
	    (result = take_text(r, o, "reason", LIMIT_REASON, &s->reason)) < 0)
		return result;
	s->state = (enum session_state)state;
	s->delivery = (enum delivery)delivery;
	return 0;
}

static struct session *find(struct session_list *sessions, const char *kernel_name)
{
	struct session *s;

	TAILQ_FOREACH(s, sessions, entry)
		if (streq(s->kernel_name, kernel_name))
			return s;
	return NULL;
}

static int read_session(struct reader *r, struct handover *h, json_t *o, bool state)
{
	_cleanup_(session_freep) struct session *s = NULL;
	_cleanup_free_ char *name = NULL, *unit = NULL, *kernel_name = NULL;
	uint64_t uid;
	int result;

	if (!json_is_object(o))
		return wrong(r, -EINVAL, "a session is no object");
	if ((result = take_string(r, o, "name", &name)) < 0 ||
	    (result = take_text(r, o, "unit", LIMIT_UNIT, &unit)) < 0 ||
	    (result = take_string(r, o, "kernel-name", &kernel_name)) < 0 ||
	    (result = take_integer(r, o, "uid", UINT32_MAX - 1, &uid)) < 0)
		return result;
	if (!session_name_valid(name))
		return wrong(r, -EINVAL, "'%.*s' is not the name of a session", FIT(name, 60));
	result = session_new(name, (uid_t)uid, unit, &s);
	if (result < 0)
		return result;
	/* The name is what ties the owner to the kernel session: it must say the same as the rest. */
	if (!streq(s->kernel_name, kernel_name))
		return wrong(r, -EINVAL, "'%s' does not belong to '%.*s'", name,
			     FIT(kernel_name, 70));
	if (find(&h->sessions, kernel_name))
		return wrong(r, -EINVAL, "'%s' is listed twice", kernel_name);
	if ((result = read_policies(r, s, o)) < 0 || (result = read_resources(r, s, o, state)) < 0)
		return result;
	if (state && (result = read_session_state(r, s, o)) < 0)
		return result;
	if (json_object_size(o) > 0 && json_dumpb(o, NULL, 0, JSON_COMPACT) <= LIMIT_UNKNOWN)
		s->unknown = json_incref(o);
	TAILQ_INSERT_TAIL(&h->sessions, s, entry);
	TAKE_PTR(s);
	return 0;
}

/* Goes on without @what, whose fault is the reader's error. */
static void skip(struct reader *r, struct handover *h, const char *what)
{
	_cleanup_free_ char *error = TAKE_PTR(*r->error), *before = h->skipped;

	h->skipped = strprintf("%s%s%s: %s", strempty(before), before ? "; " : "", what,
			       strempty(error));
}

static char *name_of(json_t *o)
{
	const char *name = json_string_value(json_object_get(o, "kernel-name"));

	return name ? strprintf("'%.*s'", FIT(name, LIVEUPDATE_SESSION_NAME_LENGTH))
		    : strdup("a session without a name");
}

static int read_sessions(struct reader *r, struct handover *h, json_t *root, bool state)
{
	json_t *array = json_object_get(root, "sessions"), *o;
	int result;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) > HANDOVER_SESSIONS_MAX)
		return wrong(r, -EINVAL, "\"sessions\" is no list or too long");
	json_array_foreach(array, i, o) {
		_cleanup_free_ char *name = state ? name_of(o) : NULL;

		result = read_session(r, h, o, state);
		if (result < 0 && (!name || result == -ENOMEM))
			return result;
		if (result < 0)
			skip(r, h, name);
	}
	return 0;
}

static int read_update(struct reader *r, struct update_info *u, json_t *root)
{
	json_t *o = json_object_get(root, "update");
	_cleanup_free_ char *id = NULL;
	int jump = 0, result;

	if (!json_is_object(o))
		return wrong(r, -EINVAL, "\"update\" is missing");
	if ((result = take_string(r, o, "id", &id)) < 0 ||
	    (result = take_string(r, o, "from", &u->from)) < 0 ||
	    (result = take_string(r, o, "to", &u->to)) < 0 ||
	    (result = take_string(r, o, "reason", &u->reason)) < 0 ||
	    (result = take_word(r, o, "jump", conf_jump_word, &jump)) < 0)
		return result;
	if (strlen(id) >= sizeof(u->id) || strspn(id, "0123456789abcdef") != strlen(id))
		return wrong(r, -EINVAL, "the update's id is not valid");
	memcpy(u->id, id, strlen(id) + 1);
	u->jump = (enum conf_jump)jump;
	return 0;
}

static int read_target(struct reader *r, struct target *t, json_t *o)
{
	int result;

	if ((result = take_string(r, o, "command-line", &t->command_line)) < 0 ||
	    (result = take_string(r, o, "kernel", &t->kernel_path)) < 0 ||
	    (result = take_string(r, o, "initrd", &t->initrd_path)) < 0)
		return result;
	t->loaded = true;
	return 0;
}

static int read_state(struct reader *r, struct handover *h, json_t *root)
{
	json_t *target = json_object_get(root, "target");
	int phase, result;

	if ((result = take_word(r, root, "phase", phase_from_string, &phase)) < 0 ||
	    (result = take_string(r, root, "step", &h->step)) < 0)
		return result;
	h->phase = (enum phase)phase;
	if (!json_is_object(target))
		return 0;
	result = read_target(r, &h->target, target);
	if (result < 0 && result != -ENOMEM) {
		target_clear(&h->target);
		skip(r, h, "the loaded kernel");
		result = 0;
	}
	return result;
}

static int read_version(struct reader *r, json_t *root)
{
	json_t *major = json_object_get(root, "major");
	const char *format = json_string_value(json_object_get(root, "format"));

	if (!format || !streq(format, HANDOVER_FORMAT) || !json_is_integer(major))
		return wrong(r, -EBADMSG, "this is not a record of luod");
	if (json_integer_value(major) > HANDOVER_MAJOR)
		return wrong(
			r, -EPROTO,
			"the record has format version %lld, this luod reads up to %d; start a "
			"luod that is at least as new as the one before the jump",
			(long long)json_integer_value(major), HANDOVER_MAJOR);
	return 0;
}

void handover_init(struct handover *h)
{
	*h = (struct handover){ .target = TARGET_EMPTY };
	TAILQ_INIT(&h->sessions);
}

void handover_clear(struct handover *h)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&h->sessions))) {
		TAILQ_REMOVE(&h->sessions, s, entry);
		session_free(s);
	}
	update_info_clear(&h->update);
	target_clear(&h->target);
	free(h->step);
	free(h->skipped);
	h->step = h->skipped = NULL;
}

static int read_all(struct reader *r, json_t *root, struct handover *h)
{
	bool state = json_object_get(root, "phase") != NULL;
	int result;

	if ((result = read_version(r, root)) < 0 ||
	    (result = read_update(r, &h->update, root)) < 0 ||
	    (result = read_sessions(r, h, root, state)) < 0)
		return result;
	return state ? read_state(r, h, root) : 0;
}

int handover_read(const char *text, size_t size, struct handover *ret, char **ret_error)
{
	_cleanup_free_ char *error_text = NULL;
	struct reader r = { .error = &error_text };
	json_error_t error;
	json_t *root;
	int result;

	if (size > HANDOVER_SIZE_MAX) {
		*ret_error = strprintf("the record is larger than %u bytes", HANDOVER_SIZE_MAX);
		return -E2BIG;
	}
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root) {
		*ret_error = strprintf("this is not JSON: %s (line %d)", error.text, error.line);
		return -EBADMSG;
	}
	handover_init(ret);
	result = read_all(&r, root, ret);
	json_decref(root);
	if (result < 0) {
		handover_clear(ret);
		*ret_error = error_text ? TAKE_PTR(error_text) : strdup(strerror(-result));
	}
	return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover - reads what handover-write.c wrote; see handover.h.
 *
 * It works as lu.conf does: what is known is taken out of the JSON object, what is left is
 * kept with the session and written again, so that an older luod in the middle of a chain of
 * updates does not lose what a newer one wrote.
 */
#include "handover.h"

#include <jansson.h>
#include <stdarg.h>

#include "net-json.h"
#include "reader.h"
#include "session-link.h"
#include "tap.h"
#include "vfio.h"

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
		result = reader_wrong(r, -EINVAL, "\"%s\" is missing or no string", key);
	else if (strlen(s) > max || strlen(s) != json_string_length(value))
		result = reader_wrong(r, -EINVAL, "\"%s\" is too long or has a NUL in it", key);
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
		return reader_wrong(r, -EINVAL, "\"%s\" is missing or out of range", key);
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
		return reader_wrong(r, -EINVAL, "\"%s\" is '%.*s', which this luod does not know",
				    key, FIT(word, 40));
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

/* Of a device: which one, and what it is bound to. Of a DMA buffer (minor version 7): which one it is for. */
static int read_device(struct reader *r, struct resource *resource, json_t *o)
{
	int result = 0;

	if (json_object_get(o, "device"))
		result = take_string(r, o, "device", &resource->device);
	if (result >= 0 && resource->kind == RESOURCE_DEVICE && json_object_get(o, "iommufd"))
		result = take_string(r, o, "iommufd", &resource->iommufd);
	if (result < 0)
		return result;
	if (resource->device && !pci_address_valid(resource->device))
		return reader_wrong(r, -EINVAL, "'%.*s' is no PCI address",
				    FIT(resource->device, 40));
	if (resource->iommufd && !session_label_valid(resource->iommufd))
		return reader_wrong(r, -EINVAL, "'%s' has no valid label of an iommufd",
				    resource->label);
	return 0;
}

/* A list of @n numbers, each at most its @max. */
static int read_numbers(struct reader *r, json_t *array, size_t n, const uint64_t *max,
			uint64_t *ret)
{
	if (!json_is_array(array) || json_array_size(array) != n)
		return reader_wrong(r, -EINVAL, "an HWPT or a DMA buffer is not as it must be");
	for (size_t i = 0; i < n; i++) {
		json_t *value = json_array_get(array, i);
		json_int_t number = json_integer_value(value);

		if (!json_is_integer(value) || number < 0 || (uint64_t)number > max[i])
			return reader_wrong(r, -EINVAL,
					    "a number of an HWPT or a DMA buffer is out of range");
		ret[i] = (uint64_t)number;
	}
	return 0;
}

static int read_hwpt(struct reader *r, struct dma *dma, json_t *array)
{
	static const uint64_t max[] = { UINT32_MAX, UINT32_MAX, INT64_MAX };
	uint64_t n[ARRAY_SIZE(max)];
	int result = read_numbers(r, array, ARRAY_SIZE(n), max, n);

	if (result < 0)
		return result;
	return dma_add_hwpt(dma, &(struct hwpt){ .id = (uint32_t)n[0],
						 .ioas_id = (uint32_t)n[1],
						 .token = n[2] });
}

static int read_buffer(struct reader *r, struct dma *dma, json_t *array)
{
	static const uint64_t max[] = { UINT32_MAX, INT64_MAX, INT64_MAX, INT64_MAX };
	uint64_t n[ARRAY_SIZE(max)];
	int result = read_numbers(r, array, ARRAY_SIZE(n), max, n);

	if (result < 0)
		return result;
	return dma_add_buffer(dma, &(struct dma_buffer){ .ioas_id = (uint32_t)n[0],
							 .iova = n[1],
							 .length = n[2],
							 .token = n[3] });
}

/* A list under @key, which may be missing. */
static int read_list(struct reader *r, struct dma *dma, json_t *o, const char *key,
		     int (*read_one)(struct reader *r, struct dma *dma, json_t *array))
{
	json_t *list = json_object_get(o, key), *one;
	int result;
	size_t i;

	json_array_foreach(list, i, one) {
		result = read_one(r, dma, one);
		if (result < 0)
			return reader_wrong(r, result, "\"%s\" has one twice, or too many", key);
	}
	return 0;
}

/* state.json only: the ids are those of this kernel. */
static int read_dma(struct reader *r, struct resource *resource, json_t *o)
{
	uint64_t id = 0;
	int result = 0;

	resource->lost = json_is_true(json_object_get(o, "lost"));
	if (json_object_get(o, "device-id"))
		result = take_integer(r, o, "device-id", UINT32_MAX, &id);
	if (result < 0)
		return result;
	resource->device_id = (uint32_t)id;
	if (resource->kind != RESOURCE_IOMMUFD)
		return 0;
	resource->dma.marked = json_is_true(json_object_get(o, "marked"));
	result = read_list(r, &resource->dma, o, "hwpts", read_hwpt);
	return result < 0 ? result : read_list(r, &resource->dma, o, "buffers", read_buffer);
}

static int read_resource(struct reader *r, struct session *s, json_t *o, bool state)
{
	_cleanup_free_ char *label = NULL;
	struct resource *resource;
	uint64_t token, bytes;
	uint32_t store = 0;
	int kind, result;

	if (!json_is_object(o))
		return reader_wrong(r, -EINVAL, "a resource of '%s' is no object", s->name);
	if ((result = take_string(r, o, "label", &label)) < 0 ||
	    (result = take_word(r, o, "kind", resource_kind_from_string, &kind)) < 0 ||
	    (result = take_integer(r, o, "token", INT64_MAX, &token)) < 0 ||
	    (result = take_integer(r, o, "bytes", INT64_MAX, &bytes)) < 0 ||
	    (state && (result = take_store(r, o, &store)) < 0))
		return result;
	if (!session_label_valid(label))
		return reader_wrong(r, -EINVAL, "a label of '%s' is not valid", s->name);
	result = session_add_resource(s, label, (enum resource_kind)kind, token, bytes, -EBADF,
				      &resource);
	if (result < 0)
		return reader_wrong(r, -EINVAL, "'%s' has label '%s' or its token twice", s->name,
				    label);
	resource->store = store;
	resource->preserved = json_is_true(json_object_get(o, "preserved"));
	if ((resource->kind == RESOURCE_DEVICE || resource->kind == RESOURCE_DMA_MEMORY) &&
	    (result = read_device(r, resource, o)) < 0)
		return result;
	if (resource->kind == RESOURCE_TAP &&
	    (result = tap_from_json(json_object_get(o, "tap"), &resource->tap)) < 0)
		return reader_wrong(r, result, "'%s' of '%s' is no tap", label, s->name);
	return state ? read_dma(r, resource, o) : 0;
}

static int read_resources(struct reader *r, struct session *s, json_t *object, const char *key,
			  bool state)
{
	json_t *array = take(object, key), *o;
	int result = 0;
	size_t i;

	if (!json_is_array(array) ||
	    json_array_size(array) + s->n_resources > HANDOVER_RESOURCES_MAX)
		result = reader_wrong(r, -EINVAL, "\"%s\" of '%s' is no list or too long", key,
				      s->name);
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
	    (result = take_usec(r, o, "claim-timeout-usec", &s->claim_timeout_usec)) < 0 ||
	    (json_object_get(o, "ready-timeout-usec") &&
	     (result = take_usec(r, o, "ready-timeout-usec", &s->ready_timeout_usec)) < 0))
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
	    (result = take_text(r, o, "reason", LIMIT_REASON, &s->reason)) < 0 ||
	    (json_object_get(o, "claim-deadline-usec") &&
	     (result = take_usec(r, o, "claim-deadline-usec", &s->claim_deadline_usec)) < 0))
		return result;
	s->state = (enum session_state)state;
	s->delivery = (enum delivery)delivery;
	return 0;
}

static int add_links(struct reader *r, struct session *s, const json_t *array)
{
	size_t n = json_array_size(array);
	char **links;

	if (!json_is_array(array) || n > LIMIT_SESSION_LINKS)
		return reader_wrong(r, -EINVAL, "\"links\" of '%s' is no list or too long",
				    s->name);
	links = calloc(n + 1, sizeof(*links));
	if (!links)
		return -ENOMEM;
	session_set_links(s, links);
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(array, i)), *name;
		_cleanup_free_ char *namespace = NULL;

		if (!text || session_link_parse(text, &namespace, &name) < 0)
			return reader_wrong(r, -EINVAL, "a link of '%s' has no name", s->name);
		links[i] = strdup(text);
		if (!links[i])
			return -ENOMEM;
	}
	return 0;
}

/* Since minor version 5. */
static int read_links(struct reader *r, struct session *s, json_t *o)
{
	json_t *array = take(o, "links");
	int result = array ? add_links(r, s, array) : 0;

	json_decref(array);
	return result;
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
		return reader_wrong(r, -EINVAL, "a session is no object");
	if ((result = take_string(r, o, "name", &name)) < 0 ||
	    (result = take_text(r, o, "unit", LIMIT_UNIT, &unit)) < 0 ||
	    (result = take_string(r, o, "kernel-name", &kernel_name)) < 0 ||
	    (result = take_integer(r, o, "uid", UINT32_MAX - 1, &uid)) < 0)
		return result;
	if (!session_name_valid(name))
		return reader_wrong(r, -EINVAL, "'%.*s' is not the name of a session",
				    FIT(name, 60));
	result = session_new(name, (uid_t)uid, unit, &s);
	if (result < 0)
		return result;
	/* The name is what ties the owner to the kernel session: it must say the same as the rest. */
	if (!streq(s->kernel_name, kernel_name))
		return reader_wrong(r, -EINVAL, "'%s' does not belong to '%.*s'", name,
				    FIT(kernel_name, 70));
	if (find(&h->sessions, kernel_name))
		return reader_wrong(r, -EINVAL, "'%s' is listed twice", kernel_name);
	if ((result = read_policies(r, s, o)) < 0 || (result = read_links(r, s, o)) < 0 ||
	    (result = read_resources(r, s, o, "resources", state)) < 0 ||
	    (json_object_get(o, "taps") && (result = read_resources(r, s, o, "taps", state)) < 0))
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
		return reader_wrong(r, -EINVAL, "\"sessions\" is no list or too long");
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

/* Who asked for it and when, which minor version 0 did not say, and what did not stop it. */
static int read_requester(struct reader *r, struct update_info *u, json_t *o)
{
	uint64_t uid;
	int result = 0;

	if (json_object_get(o, "unit"))
		result = take_text(r, o, "unit", LIMIT_UNIT, &u->unit);
	if (result >= 0 && json_object_get(o, "forced"))
		result = take_text(r, o, "forced", LIMIT_TEXT, &u->forced);
	if (result >= 0 && json_object_get(o, "began-usec"))
		result = take_integer(r, o, "began-usec", INT64_MAX, &u->began_usec);
	if (result < 0 || !json_object_get(o, "uid"))
		return result;
	result = take_integer(r, o, "uid", UINT32_MAX - 1, &uid);
	if (result < 0)
		return result;
	u->uid = (uid_t)uid;
	u->has_uid = true;
	return 0;
}

static int read_update(struct reader *r, struct update_info *u, json_t *root)
{
	json_t *o = json_object_get(root, "update");
	_cleanup_free_ char *id = NULL;
	int jump = 0, result;

	if (!json_is_object(o))
		return reader_wrong(r, -EINVAL, "\"update\" is missing");
	if ((result = take_string(r, o, "id", &id)) < 0 ||
	    (result = take_string(r, o, "from", &u->from)) < 0 ||
	    (result = take_string(r, o, "to", &u->to)) < 0 ||
	    (result = take_string(r, o, "reason", &u->reason)) < 0 ||
	    (result = take_word(r, o, "jump", conf_jump_word, &jump)) < 0 ||
	    (result = read_requester(r, u, o)) < 0)
		return result;
	result = left_behinds_from_json(json_object_get(o, "left-behind"), &u->left_behind);
	if (result < 0)
		return reader_wrong(r, result, "\"left-behind\" is no list of sessions");
	if (strlen(id) >= sizeof(u->id) || strspn(id, "0123456789abcdef") != strlen(id))
		return reader_wrong(r, -EINVAL, "the update's id is not valid");
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
	h->record_lost = json_is_true(json_object_get(root, "record-lost"));
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
		return reader_wrong(r, -EBADMSG, "this is not a record of luod");
	if (json_integer_value(major) > HANDOVER_MAJOR)
		return reader_wrong(
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
	net_record_clear(&h->network);
	target_clear(&h->target);
	free(h->step);
	free(h->skipped);
	free(h->network_error);
	h->step = h->skipped = h->network_error = NULL;
}

/* The record only. It costs nobody his session when it is not as it must be. */
static int read_network(struct reader *r, struct handover *h, const json_t *json)
{
	int result = json ? net_record_from_json(json, &h->network, r->error) : 0;

	if (result >= 0 || result == -ENOMEM)
		return result;
	h->network_error =
		strprintf("the handover record's network is not usable: %s", strempty(*r->error));
	skip(r, h, "the network");
	return h->network_error ? 0 : -ENOMEM;
}

static int read_all(struct reader *r, json_t *root, struct handover *h)
{
	bool state = json_object_get(root, "phase") != NULL;
	int result;

	if ((result = read_version(r, root)) < 0 ||
	    (result = read_update(r, &h->update, root)) < 0 ||
	    (result = read_sessions(r, h, root, state)) < 0)
		return result;
	return state ? read_state(r, h, root)
		     : read_network(r, h, json_object_get(root, "network"));
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
	errno = 0;
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	/* jansson has no error of its own for that. */
	if (!root && errno == ENOMEM)
		return -ENOMEM;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handover: records as they were written by every version of luod (the fuzzer's seeds, which stay
 * for ever), and everything that is wrong with a record, one thing at a time.
 */
#include "handover-seed.h"

static void test_minimal(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct handover h;

	assert_int_equal(read_seed("record-1.0-minimal.json", &h, &error), 0);
	assert_false(h.update.has_uid);
	assert_int_equal(h.update.began_usec, 0);
	assert_null(error);
	assert_string_equal(h.update.id, "0123456789abcdef0123456789abcdef");
	assert_string_equal(h.update.to, "7.3.4-luod-next");
	assert_int_equal(h.update.jump, CONF_JUMP_DIRECT);
	assert_true(TAILQ_EMPTY(&h.sessions));
	assert_false(h.target.loaded);
	handover_clear(&h);
	handover_clear(&h);
}

static void test_rich(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct handover h;
	struct session *s;

	assert_int_equal(read_seed("record-1.0-rich.json", &h, &error), 0);
	assert_int_equal(h.update.jump, CONF_JUMP_SYSTEMD);
	s = nth(&h, 0);
	assert_string_equal(s->kernel_name, "luod/0/vm1");
	assert_int_equal(s->claim_timeout_usec, USEC_INFINITY);
	assert_int_equal(s->n_resources, 2);
	assert_int_equal(session_find_resource(s, "ram0")->bytes, 268435456);
	s = nth(&h, 1);
	assert_int_equal(s->uid, UINT32_MAX - 1);
	assert_int_equal(s->mode, SESSION_DELEGATION);
	assert_int_equal(s->policy, SESSION_BEST_EFFORT);
	assert_int_equal(s->claim_policy, CLAIM_BY_UID);
	assert_int_equal(s->unclaimed_policy, UNCLAIMED_FINISH);
	assert_int_equal(s->claim_timeout_usec, 30000000);
	assert_int_equal(session_find_resource(s, "ram0")->token, INT64_MAX);
	assert_int_equal(session_find_resource(s, "iommu")->kind, RESOURCE_IOMMUFD);
	assert_int_equal(session_find_resource(s, "nic")->kind, RESOURCE_DEVICE);
	assert_null(TAILQ_NEXT(s, entry));
	handover_clear(&h);
}

/* What a newer luod says of a session is kept, and said again. */
static void test_unknown_is_kept(void **state _unused_)
{
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct update state_of = { .phase = PHASE_FINISHING };
	struct handover h;
	json_t *root, *s;

	assert_int_equal(read_seed("record-1.9-unknown.json", &h, &error), 0);
	assert_int_equal(handover_write(&h.update, &h.sessions, &state_of, &h.target, &text), 0);
	handover_clear(&h);
	root = json_loads(text, 0, NULL);
	s = json_array_get(json_object_get(root, "sessions"), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(s, "numa"), "node")),
			 1);
	assert_int_equal(json_array_size(json_object_get(s, "tags")), 2);
	assert_string_equal(json_string_value(json_object_get(s, "kernel-name")), "luod/1000/vm1");
	json_decref(root);
}

static void test_newer_major(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct handover h;

	assert_int_equal(read_seed("record-2.0.json", &h, &error), -EPROTO);
	assert_non_null(strstr(error, "format version 2"));
	assert_non_null(strstr(error, "start a luod that is at least as new"));
	assert_true(TAILQ_EMPTY(&h.sessions));
}

static void test_state(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct handover h;
	struct session *s;

	assert_int_equal(read_seed("state-1.0.json", &h, &error), 0);
	assert_int_equal(h.phase, PHASE_FINISHING);
	assert_string_equal(h.step, "jump");
	assert_true(h.target.loaded);
	assert_string_equal(h.target.command_line, "root=/dev/vda rw");
	s = nth(&h, 0);
	assert_int_equal(s->state, SESSION_RESUMED);
	assert_int_equal(s->delivery, DELIVERY_NAME);
	assert_true(session_find_resource(s, "ram0")->preserved);
	handover_clear(&h);
}

static struct session *new_session(const char *name)
{
	struct session *s;

	assert_int_equal(session_new(name, 5, "u.service", &s), 0);
	return s;
}

/* Of the record only those that take part go along; the keeper's list names the same. */
static void test_who_takes_part(void **state _unused_)
{
	static const enum session_state states[] = { SESSION_READY, SESSION_IDLE,
						     SESSION_LEFT_BEHIND };
	_cleanup_free_ char *error = NULL, *text = NULL, *names = NULL;
	struct handover h, copy;
	struct update_info info = { .id = "ab" };
	size_t size;

	handover_init(&h);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		char name[] = { 'v', 'm', (char)('0' + i), '\0' };
		struct session *s = new_session(name);

		s->state = states[i];
		TAILQ_INSERT_TAIL(&h.sessions, s, entry);
	}
	assert_int_equal(handover_write(&info, &h.sessions, NULL, NULL, &text), 0);
	assert_int_equal(handover_names(&h.sessions, &names, &size), 0);
	assert_int_equal(size, 64);
	assert_string_equal(names, "luod/5/vm0");
	/* Whoever is left behind and held jumps all the same: the keeper must know. */
	nth(&h, 2)->held = true;
	names = (free(names), NULL);
	assert_int_equal(handover_names(&h.sessions, &names, &size), 0);
	assert_int_equal(size, 128);
	assert_string_equal(names + 64, "luod/5/vm2");
	handover_clear(&h);
	assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
	assert_string_equal(nth(&copy, 0)->name, "vm0");
	assert_null(TAILQ_NEXT(nth(&copy, 0), entry));
	handover_clear(&copy);
}

/* That sessions were known by their names only, the luod that ends the update has to say. */
static void test_record_lost(void **state _unused_)
{
	struct update state_of = { .phase = PHASE_RESTORING };
	struct update_info info = { .id = "ab" };
	struct handover h, copy;

	handover_init(&h);
	for (unsigned int i = 0; i < 2; i++) {
		_cleanup_free_ char *error = NULL, *text = NULL;

		state_of.record_lost = i > 0;
		assert_int_equal(handover_write(&info, &h.sessions, &state_of, &h.target, &text),
				 0);
		assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
		assert_int_equal(copy.record_lost, i > 0);
		handover_clear(&copy);
	}
	handover_clear(&h);
}

/* A moment of this boot's clock: for the luod that is started again, not for the next kernel's. */
static void test_claim_deadline(void **state _unused_)
{
	struct update state_of = { .phase = PHASE_RESTORING };
	struct update_info info = { .id = "ab" };
	struct session *s = new_session("vm");
	struct handover h, copy;

	handover_init(&h);
	TAILQ_INSERT_TAIL(&h.sessions, s, entry);
	s->state = SESSION_UNCLAIMED;
	s->claim_deadline_usec = 77;
	for (unsigned int i = 0; i < 2; i++) {
		_cleanup_free_ char *error = NULL, *text = NULL;

		assert_int_equal(handover_write(&info, &h.sessions, i == 0 ? &state_of : NULL,
						&h.target, &text),
				 0);
		assert_int_equal(handover_read(text, strlen(text), &copy, &error), 0);
		assert_int_equal(nth(&copy, 0)->claim_deadline_usec, i == 0 ? 77 : 0);
		handover_clear(&copy);
	}
	handover_clear(&h);
}

/* --- one thing wrong at a time -------------------------------------------------------------------- */

/* The rich record with one piece of its text replaced. */
static void refused(const char *what, const char *by, int error_code, const char *words)
{
	size_t size;
	_cleanup_free_ char *text = seed("record-1.0-rich.json", &size), *bad = NULL, *error = NULL;
	char *at = strstr(text, what);
	struct handover h;

	assert_non_null(at);
	bad = strprintf("%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	assert_int_equal(handover_read(bad, strlen(bad), &h, &error), error_code);
	if (!strstr(error, words))
		fail_msg("'%s' does not say '%s'", error, words);
}

/* Who asked for the update, and when: written since minor version 1, and read back as it was. */
static void test_requester(void **state _unused_)
{
	static const struct {
		const char *what, *by;
	} bad[] = {
		{ "\"uid\":1000", "\"uid\":-1" },
		{ "\"uid\":1000", "\"uid\":4294967295" },
		{ "\"luod-update.service\"", "7" },
		{ "\"began-usec\":1", "\"began-usec\":-1" },
	};
	_cleanup_free_ char *error = NULL, *text = NULL;
	struct handover h;
	size_t size;

	assert_int_equal(read_seed("record-1.1-requester.json", &h, &error), 0);
	assert_string_equal(strempty(h.update.forced), "");
	h.update.forced = strdup("device-uncovered, device-vf");
	assert_int_equal(handover_write(&h.update, &h.sessions, NULL, NULL, &text), 0);
	handover_clear(&h);
	assert_int_equal(handover_read(text, strlen(text), &h, &error), 0);
	assert_string_equal(h.update.forced, "device-uncovered, device-vf");
	assert_true(h.update.has_uid);
	assert_int_equal(h.update.uid, 1000);
	assert_string_equal(h.update.unit, "luod-update.service");
	assert_int_equal(h.update.began_usec, 1795219200000000);
	handover_clear(&h);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *record = seed("record-1.1-requester.json", &size);
		_cleanup_free_ char *why = NULL, *changed = NULL;
		char *at = strstr(record, bad[i].what);

		assert_non_null(at);
		changed = strprintf("%.*s%s%s", (int)(at - record), record, bad[i].by,
				    at + strlen(bad[i].what));
		assert_int_equal(handover_read(changed, strlen(changed), &h, &why), -EINVAL);
	}
}

/* Whom the update went without: written since minor version 2. */
static void test_left_behind(void **state _unused_)
{
	static const char *const bad[][2] = {
		{ "\"uid\":0", "\"uid\":-1" },
		{ "\"uid\":0", "\"uid\":4294967295" },
		{ "\"veto\"", "\"../veto\"" },
		{ "\"why\":\"its", "\"how\":\"its" },
		{ "\"left-behind\":[", "\"left-behind\":7,\"x\":[" },
		{ "\"left-behind\":[", "\"left-behind\":[5," },
	};
	_cleanup_free_ char *error = NULL, *text = NULL, *said = NULL;
	const struct left_behind *one;
	struct handover h;
	size_t size;

	assert_int_equal(read_seed("record-1.2-left-behind.json", &h, &error), 0);
	assert_int_equal(handover_write(&h.update, &h.sessions, NULL, NULL, &text), 0);
	handover_clear(&h);
	assert_int_equal(handover_read(text, strlen(text), &h, &error), 0);
	assert_int_equal(h.update.left_behind.n, 2);
	one = &h.update.left_behind.items[0];
	assert_int_equal(one->uid, 0);
	assert_string_equal(one->name, "veto");
	assert_string_equal(one->unit, "vmm@veto.service");
	assert_string_equal(one->why, "its owner vetoed: not-me");
	assert_true(left_behinds_have(&h.update.left_behind, 1000, "late"));
	assert_false(left_behinds_have(&h.update.left_behind, 0, "late"));
	said = left_behinds_say(&h.update.left_behind);
	assert_non_null(strstr(said,
			       "2 sessions were left behind: 0/veto (its owner vetoed: not-me), "
			       "1000/late ("));
	handover_clear(&h);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_free_ char *record = seed("record-1.2-left-behind.json", &size);
		_cleanup_free_ char *why = NULL, *changed = NULL;
		char *at = strstr(record, bad[i][0]);

		assert_non_null(at);
		changed = strprintf("%.*s%s%s", (int)(at - record), record, bad[i][1],
				    at + strlen(bad[i][0]));
		assert_int_equal(handover_read(changed, strlen(changed), &h, &why), -EINVAL);
		assert_non_null(strstr(why, "left-behind"));
	}
}

/* However many they are and however long the reasons, the list is bounded and readable. */
static void test_many_left_behind(void **state _unused_)
{
	struct left_behinds l = {}, copy = {};
	_cleanup_free_ char *said = NULL;
	char why[1000];
	json_t *array;

	memset(why, '\1', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	for (unsigned int i = 0; i < LIMIT_SESSIONS; i++) {
		_cleanup_free_ char *name = strprintf("vm%u", i);

		assert_int_equal(left_behinds_add(&l, UINT32_MAX - 1, name, "u.service", why), 0);
	}
	said = left_behinds_say(&l);
	assert_non_null(strstr(said, ", and more"));
	assert_true(strlen(said) < 4096);
	array = left_behinds_to_json(&l);
	assert_int_equal(left_behinds_from_json(array, &copy), 0);
	assert_int_equal(copy.n, LIMIT_SESSIONS);
	assert_int_equal(strlen(copy.items[0].why), LIMIT_LEFT_BEHIND);
	json_array_append(array, json_array_get(array, 0));
	left_behinds_clear(&copy);
	assert_int_equal(left_behinds_from_json(array, &copy), -EINVAL);
	assert_int_equal(copy.n, 0);
	json_decref(array);
	left_behinds_clear(&l);
}

static void test_refused(void **state _unused_)
{
	static const struct {
		const char *what, *by;
		int error;
		const char *words;
	} cases[] = {
		{ "{", "", -EBADMSG, "not JSON" },
		{ "\"minor\":0,", "\"minor\":0,\"minor\":1,", -EBADMSG, "not JSON" },
		{ "luod-handover", "lxd-handover", -EBADMSG, "not a record" },
		{ "\"major\":1", "\"major\":\"1\"", -EBADMSG, "not a record" },
		{ "\"update\"", "\"uptake\"", -EINVAL, "\"update\" is missing" },
		{ "396ef", "ghijk", -EINVAL, "id is not valid" },
		{ "396ef168", "396ef168396ef168", -EINVAL, "id is not valid" },
		{ "\"systemd\"", "\"rocket\"", -EINVAL, "'rocket', which this luod does not know" },
		{ "\"sessions\":[", "\"sessions\":5,\"x\":[", -EINVAL, "\"sessions\" is no list" },
		{ "\"sessions\":[", "\"sessions\":[null,", -EINVAL, "a session is no object" },
		{ "\"name\":\"vm1\"", "\"name\":\"../vm1\"", -EINVAL, "not the name of a session" },
		{ "\"name\":\"vm1\"", "\"name\":7", -EINVAL, "\"name\" is missing or no string" },
		{ "\"name\":\"vm1\"", "\"name\":\"vm1\\u0000x\"", -EBADMSG, "" },
		{ "\"uid\":0", "\"uid\":-1", -EINVAL, "\"uid\" is missing or out of range" },
		{ "\"uid\":0", "\"uid\":4294967295", -EINVAL,
		  "\"uid\" is missing or out of range" },
		{ "\"uid\":0", "\"uid\":0.5", -EINVAL, "\"uid\" is missing or out of range" },
		{ "\"uid\":0", "\"uid\":1", -EINVAL, "does not belong to" },
		{ "luod/0/vm1", "luod/0/vm2", -EINVAL, "does not belong to" },
		{ "\"custody\"", "\"Custody\"", -EINVAL, "does not know" },
		{ "\"claim-timeout-usec\":null", "\"claim-timeout-usec\":-5", -EINVAL,
		  "out of range" },
		{ "\"claim-timeout-usec\":null,", "", -EINVAL, "claim-timeout-usec" },
		{ "\"resources\":[", "\"resources\":{},\"x\":[", -EINVAL, "is no list" },
		{ "\"resources\":[", "\"resources\":[[],", -EINVAL, "is no object" },
		{ "\"ram1\"", "\"ram0\"", -EINVAL, "twice" },
		{ "\"token\":2", "\"token\":1", -EINVAL, "twice" },
		{ "\"token\":2", "\"token\":-2", -EINVAL, "\"token\"" },
		{ "\"token\":2", "\"token\":9223372036854775808", -EBADMSG, "not JSON" },
		{ "\"ram1\"", "\"a:b\"", -EINVAL, "label" },
		{ "\"kind\":\"iommufd\"", "\"kind\":\"gpu\"", -EINVAL, "'gpu'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused(cases[i].what, cases[i].by, cases[i].error, cases[i].words);
}

static void test_same_session_twice(void **state _unused_)
{
	size_t size;
	_cleanup_free_ char *text = seed("record-1.0-rich.json", &size), *bad = NULL, *error = NULL;
	char *list = strchr(text, '['), *end = strrchr(text, ']');
	struct handover h;

	bad = strprintf("%.*s%.*s,%s", (int)(list + 1 - text), text, (int)(end - list - 1),
			list + 1, list + 1);
	assert_int_equal(handover_read(bad, strlen(bad), &h, &error), -EINVAL);
	assert_non_null(strstr(error, "listed twice"));
}

/* Too big, too many, too long, too deep. */
static void test_limits(void **state _unused_)
{
	_cleanup_free_ char *big = calloc(1, HANDOVER_SIZE_MAX + 1), *error = NULL;
	struct handover h;

	memset(big, ' ', HANDOVER_SIZE_MAX + 1);
	assert_int_equal(handover_read(big, HANDOVER_SIZE_MAX + 1, &h, &error), -E2BIG);
	error = (free(error), NULL);
	memset(big, '[', HANDOVER_SIZE_MAX);
	assert_int_equal(handover_read(big, HANDOVER_SIZE_MAX, &h, &error), -EBADMSG);
	error = (free(error), NULL);
	assert_int_equal(handover_read("", 0, &h, &error), -EBADMSG);
	memset(big, 'x', LIMIT_UNIT + 1);
	big[LIMIT_UNIT + 1] = '\0';
	refused("\"vmm@vm1.service\"", big, -EBADMSG, "not JSON");
	big[0] = big[LIMIT_UNIT + 2] = '"';
	big[LIMIT_UNIT + 1] = 'x';
	big[LIMIT_UNIT + 3] = '\0';
	refused("\"vmm@vm1.service\"", big, -EINVAL, "\"unit\" is too long");
}

/* What a luod of the past wrote has no numbers. */
static void test_no_store(void **state _unused_)
{
	_cleanup_free_ char *error = NULL;
	struct handover h;

	assert_int_equal(read_seed("state-1.0.json", &h, &error), 0);
	assert_int_equal(session_find_resource(nth(&h, 0), "ram0")->store, 0);
	handover_clear(&h);
}

/* Every beginning of a record is refused with a reason, whatever it is cut off at. */
static void test_cut_off(void **state _unused_)
{
	size_t size;
	_cleanup_free_ char *text = seed("state-1.0.json", &size);
	struct handover h;

	for (size_t n = 0; n < size - 2; n++) {
		_cleanup_free_ char *error = NULL;

		assert_int_equal(handover_read(text, n, &h, &error), -EBADMSG);
		assert_true(error && *error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requester),
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_rich),
		cmocka_unit_test(test_unknown_is_kept),
		cmocka_unit_test(test_newer_major),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_who_takes_part),
		cmocka_unit_test(test_record_lost),
		cmocka_unit_test(test_claim_deadline),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_many_left_behind),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_same_session_twice),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_no_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
